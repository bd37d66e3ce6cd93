"""What an accounting document shows from afar: the few members that tell where it stands. Pure.

A document of many coding rows is large; whoever looks at all of them keeps these only (Basware API reference, §4-6).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Self

from pydantic import ConfigDict, Field, ValidationError

from mlc_basware import members
from mlc_basware.documents import BATCH_KEY, Amount, BusinessDate, TransferParameter, _Entity, _no_number, _places
from mlc_common.failures import PermanentError


class ResponseSight(_Entity):
    """One response that the API layer keeps with a document; `paidTotal` is cumulative, in invoice currency."""

    model_config = ConfigDict(extra="ignore")

    known: ClassVar[frozenset[str]] = frozenset({"externalCode", "success", "paidTotal"})
    spelled: ClassVar[Mapping[str, str]] = members.spelling(known)

    externalCode: str = ""
    success: bool = False
    paidTotal: Amount | None = None


class DocumentSight(_Entity):
    """One accounting document from afar. The gross sum is in invoice currency, signed as Basware signs it."""

    model_config = ConfigDict(extra="ignore")

    known: ClassVar[frozenset[str]] = members.DOCUMENT
    spelled: ClassVar[Mapping[str, str]] = members.spelling(known)

    invoiceId: str = Field(min_length=1)
    processingStatus: str
    companyCode: str = ""
    supplierCode: str = ""
    supplierName: str | None = None
    currencyCode: str = ""
    invoiceNumber: str | None = None
    invoiceDate: BusinessDate = None
    grossSum: Amount | None = None
    voucherNumber1: str | None = None
    lastUpdated: str | None = None
    transferParameters: tuple[TransferParameter, ...] = ()
    transferResponses: tuple[ResponseSight, ...] = ()
    prebookResponses: tuple[ResponseSight, ...] = ()
    paymentResponses: tuple[ResponseSight, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """What the JSON text of a document shows.

        Raises:
            PermanentError: it is no JSON, or one of these members cannot be read; the sentence holds no value.
        """
        try:
            return cls.model_validate(json.loads(text, parse_float=Decimal, parse_constant=_no_number))
        except ValidationError as error:
            raise PermanentError(f"The accounting document cannot be read: {_places(error)}.") from error
        except (ValueError, RecursionError) as error:
            raise PermanentError("The accounting document is no JSON text.") from error

    @property
    def batch(self) -> str | None:
        """The `InvoiceBatchId` of this transfer, when Basware names one."""
        batches = (p.value.strip() for p in self.transferParameters if p.key.lower() == BATCH_KEY.lower())
        return next((batch for batch in batches if batch), None)

    @property
    def changed_at(self) -> datetime | None:
        """When Basware changed it last; None when it does not say, or not with a zone."""
        try:
            found = datetime.fromisoformat(self.lastUpdated or "")
        except ValueError:
            return None
        return found if found.tzinfo else None
