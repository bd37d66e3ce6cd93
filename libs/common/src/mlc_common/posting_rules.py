"""How an accounting document becomes an AP invoice: the connection's rules. Pure."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlc_common.section import Section

Amount = Annotated[Decimal, Field(ge=0, le=Decimal(1_000_000))]
Code = Annotated[str, Field(min_length=1)]


class ApplyDate(StrEnum):
    """Which date picks the fiscal period."""

    INVOICE_DATE = "invoice_date"
    VOUCHER_DATE = "voucher_date"
    FIRST_OPEN_DAY = "first_open_day"
    TODAY = "today"


class Action(StrEnum):
    """What to do with an invoice that is out of the ordinary.

    `hold` enters it in Epicor on hold, so that nobody can pay it before a person has released it there.
    """

    POST = "post"
    HOLD = "hold"
    REFUSE = "refuse"


TaxMode = Literal["as given", "epicor computes", "none"]


class InvoiceType(Section):
    """What a Basware invoice type means."""

    kind: Literal["invoice", "credit note", "refuse"] = "invoice"
    document_type: str | None = Field(default=None, description="Epicor's TranDocTypeID; none leaves its default")


class CreditNotes(Section):
    """How this tenant sends credit notes, and how they are numbered in Epicor.

    Basware has no document type: a tenant sends negative sums, or positive sums and an invoice type that says so.
    """

    convention: Literal["either", "negative sums", "type"] = "either"
    suffix: str = Field(
        default="-CN",
        min_length=1,
        max_length=8,
        description="added to the number when an invoice of the supplier has it",
    )
    reference: str = Field(
        default="{referenceNumber}", description="template of the original invoice's number; taken if Epicor has it"
    )


class ExchangeRates(Section):
    """Where the exchange rate of an invoice in foreign currency comes from."""

    source: Literal["epicor", "basware"] = "epicor"
    rate_group: str | None = Field(default=None, description="Epicor's RateGrpCode; none leaves its default")
    tolerance: Amount = Field(
        default=Decimal("0.05"), description="accepted gap between netSum x rate and netSumCompany, base currency"
    )


class Gap(Section):
    """How far invoice and purchase order may differ, and what happens beyond: both limits must be exceeded to act."""

    percent: Decimal = Field(default=Decimal(0), ge=0, le=100)
    amount: Amount = Decimal(0)
    beyond: Action = Action.HOLD


class Orders(Section):
    """How rows that name a purchase order are posted."""

    rows: Literal["order lines", "expense lines", "refuse"] = "order lines"
    unknown: Literal["expense", "hold", "refuse"] = Field(
        default="refuse", description="the order is not in Epicor, or the row names several"
    )
    unreceived: Action = Field(default=Action.POST, description="the order line has no receipt that is not invoiced")
    price: Gap = Gap()
    quantity: Gap = Gap()


class ExtraField(Section):
    """A column of Epicor that is filled from the document."""

    template: str = Field(min_length=1, max_length=500)
    type: Literal["text", "number", "date", "flag"] = "text"
    longest: int = Field(default=1000, ge=1, le=100_000, description="characters; a longer text is cut")


ExtraFields = dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")], ExtraField]

_PREFIX = "first letter of our AP invoice groups; another one for every connection to the same Epicor company"


class Posting(Section):
    """How an accounting document becomes an AP invoice. Templates may name {members} of the Basware document."""

    strategy: Literal["single", "staged"] = Field(
        default="single", description="one UpdateMaster for everything, or header, lines and accounts one by one"
    )
    success: Literal["created", "posted"] = Field(
        default="created", description="done when it stands in its group, or when the group was posted as well"
    )
    apply_date: ApplyDate = ApplyDate.INVOICE_DATE
    group_prefix: str = Field(default="B", pattern=r"^[A-Z]$", description=_PREFIX)
    description: str = Field(default="{supplierName} {invoiceNumber}", max_length=200)
    line_description: str = Field(
        default="{accountName}", max_length=200, description="template of coding-row members; empty takes the header's"
    )
    reference: str | None = Field(default=None, description="template of Epicor's payment reference (SEBankRef)")
    external_link: str | None = Field(default=None, description="drill-back link template with {invoiceId}")
    header_fields: ExtraFields = Field(default_factory=dict, description="more columns of APInvHed")
    line_fields: ExtraFields = Field(default_factory=dict, description="more columns of APInvDtl")
    tax: TaxMode = "as given"
    tolerance: Decimal = Field(
        default=Decimal("0"),
        ge=0,
        le=Decimal("1.00"),
        description="accepted gap between rows and header sums, in invoice currency; it is put on the largest line",
    )
    tax_tolerance: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        le=Decimal("100.00"),
        description="accepted gap between Basware's tax and the one Epicor computes; beyond it is held",
    )
    invoice_types: dict[Code, InvoiceType] = Field(default_factory=dict, description="by Basware invoiceTypeCode")
    credit_notes: CreditNotes = CreditNotes()
    exchange_rates: ExchangeRates = ExchangeRates()
    decimals: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[int, Field(ge=0, le=5)]] = Field(
        default_factory=lambda: (
            dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "VND"), 0)
            | dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3)
        ),
        description="decimals of an amount by currency; 2 where none is named",
    )
    without_rows: Literal["refuse", "one line"] = Field(
        default="refuse", description="a document without coding rows; one line takes the net sum on `default_account`"
    )
    default_account: dict[str, str] = Field(
        default_factory=dict, description="coding-row members of that one line: accountCode, costCenterCode, ..."
    )
    near_duplicates: Action = Action.HOLD
    orders: Orders = Orders()

    @model_validator(mode="after")
    def _one_line_has_an_account(self) -> Self:
        if self.without_rows == "one line" and not self.default_account:
            raise ValueError("name default_account: documents without coding rows become one line")
        return self


class PostingOverrides(Section):
    """Rules of `posting` that one company has otherwise; what is not named stays as in `posting`."""

    success: Literal["created", "posted"] | None = None
    apply_date: ApplyDate | None = None
    tax: TaxMode | None = None
    tolerance: Decimal | None = Field(default=None, ge=0, le=Decimal("1.00"))
    tax_tolerance: Decimal | None = Field(default=None, ge=0, le=Decimal("100.00"))
    near_duplicates: Action | None = None
    orders: Orders | None = None

    def applied_to(self, posting: Posting) -> Posting:
        """The rules of the connection with this company's own."""
        own = {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}
        return posting.model_copy(update=own) if own else posting
