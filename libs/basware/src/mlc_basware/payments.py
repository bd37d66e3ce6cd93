"""Wire model of a payment response, and which of them a document holds. Pure.

Basware API reference, §5: cumulative and complete every time, because a member that is left out is cleared; a new
`externalCode` for every change; without `paymentDate` Basware takes today.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mlc_basware import members
from mlc_basware.documents import AccountingDocument

LONGEST_CODE = 25
"""Characters of paymentTermCode, paymentMethod and checkNumber."""

LONGEST_MESSAGE = 100
LONGEST_DOCUMENT = 250


class PaymentResponse(BaseModel):
    """What Basware is told of a payment. Amounts are in invoice currency, dates as Basware writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: ClassVar[frozenset[str]] = members.PAYMENT_RESPONSE

    externalCode: str = Field(min_length=1, max_length=36)
    success: bool
    responseMessage: str | None = Field(default=None, max_length=250)
    sourceSystem: str | None = Field(default=None, max_length=32)
    paymentDate: str
    paymentTermCode: str | None = Field(default=None, max_length=LONGEST_CODE)
    paymentBlock: bool
    paymentMethod: str | None = Field(default=None, max_length=LONGEST_CODE)
    paidTotal: Decimal
    cashDiscount: Decimal
    checkNumber: str | None = Field(default=None, max_length=LONGEST_CODE)
    paymentMessage: str | None = Field(default=None, max_length=LONGEST_MESSAGE)
    paymentNumber: str | None = Field(default=None, max_length=LONGEST_DOCUMENT)
    paymentDocument: str | None = Field(default=None, max_length=LONGEST_DOCUMENT)
    paymentReversalDocument: str | None = Field(default=None, max_length=LONGEST_DOCUMENT)

    def to_wire(self) -> dict[str, object]:
        """The request body; what is not known is left out, which clears it."""
        return self.model_dump(exclude_none=True)


def payment_codes(document: AccountingDocument) -> frozenset[str]:
    """The codes of the payment responses that the API layer keeps with a document."""
    kept = (document.model_extra or {}).get("paymentResponses")
    each = [item for item in kept if isinstance(item, dict)] if isinstance(kept, list) else []
    return frozenset(str(value) for item in each for name, value in item.items() if name.lower() == "externalcode")
