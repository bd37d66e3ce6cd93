"""Facts about the payment of an invoice: what Epicor's books say, what Basware was told, whether that arrived. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlc_common.stored_event import FactOfDocument

Standing = Literal[
    "not posted", "held", "open", "pay hold", "partly paid", "paid", "voided", "settled without payment", "unclear"
]
"""Where an invoice stands in the payables (docs/payments.md)."""


class Payment(BaseModel):
    """One payment of Epicor (CheckHed) as far as it concerns one invoice; amounts in the invoice's currency.

    `amount` is money, without discount and withheld tax; both amounts are 0 once it is voided.
    """

    model_config = ConfigDict(frozen=True)

    head: int = Field(description="HeadNum, Epicor's own key")
    number: str = Field(description="the cheque's number; electronic payments count from 50,000,000")
    day: date | None = None
    amount: Decimal
    discount: Decimal = Decimal(0)
    method: str | None = None
    reference: str | None = Field(default=None, description="PaymentNumber, where the payment has one")
    currency: str | None = Field(default=None, description="of the payment, where it is not the invoice's")
    voided: date | None = Field(default=None, description="the day it was voided")


class Picture(BaseModel):
    """Everything known of an invoice's payment, cumulative; amounts in the invoice's currency, signed as in Epicor.

    invoice_amount - balance == paid + discount + withheld + otherwise, unless the standing is `unclear`.
    """

    model_config = ConfigDict(frozen=True)

    standing: Standing
    currency: str
    invoice_amount: Decimal
    balance: Decimal
    paid: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    withheld: Decimal = Decimal(0)
    otherwise: Decimal = Field(default=Decimal(0), description="settled by credit notes, netting and adjustments")
    block: bool = Field(default=False, description="PayHold: Epicor pays it to nobody")
    terms: str | None = None
    day: date | None = Field(default=None, description="of the last payment that holds, void or settlement")
    payments: tuple[Payment, ...] = ()
    why: str | None = Field(default=None, description="what does not fit, when the standing is unclear")


class _OfPayment(FactOfDocument):
    """A fact of the `number`th picture of an attempt's payment, told the `again`th time again."""

    number: int = Field(description="1 for the first picture of this attempt, 2 for the next, …")

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class _OfTelling(_OfPayment):
    again: int = Field(default=0, description="how often it had been told before under another code")
    external_code: str

    @property
    def id(self) -> str:
        return f"{super().id}/{self.again}"


class PaymentSeen(_OfPayment):
    """Epicor's books say something else about the payment of an invoice than they did before."""

    fact: ClassVar[str] = "payment_seen"

    type: Literal["payment_seen"] = "payment_seen"
    company: str
    vendor_num: int
    invoice_num: str
    picture: Picture


class PaymentAnswerIntended(_OfTelling):
    """Write-ahead: the next call is this payment response; so that no older one still on its way is overtaken."""

    fact: ClassVar[str] = "payment_intended"

    type: Literal["payment_answer_intended"] = "payment_answer_intended"


class PaymentAnswered(_OfTelling):
    """Basware's API layer took our payment response; `content` is the digest of what it said."""

    fact: ClassVar[str] = "payment_answered"

    type: Literal["payment_answered"] = "payment_answered"
    message: str
    content: str
    request_id: str | None = None
    found: bool = Field(default=False, description="it was there already: an earlier try had arrived")


class PaymentAnswerDelivered(_OfTelling):
    """Our payment response stands in Basware P2P itself; `warnings` say what was dropped of it."""

    fact: ClassVar[str] = "payment_delivered"

    type: Literal["payment_answer_delivered"] = "payment_answer_delivered"
    request_id: str
    warnings: tuple[str, ...] = ()


class PaymentAnswerUndelivered(_OfTelling):
    """Basware did not take our payment response, lost it before P2P, or does not say; somebody has to look."""

    fact: ClassVar[str] = "payment_undelivered"

    type: Literal["payment_answer_undelivered"] = "payment_answer_undelivered"
    reason: Literal["refused", "not saved", "unconfirmed"]
    request_id: str | None = None
    sentence: str


PaymentFact = PaymentSeen | PaymentAnswerIntended | PaymentAnswered | PaymentAnswerDelivered | PaymentAnswerUndelivered
"""Everything that can be said about the payment of a document."""
