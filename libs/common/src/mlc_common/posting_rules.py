"""How an accounting document becomes an AP invoice: the connection's rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from mlc_common.far_side_names import HeaderColumn, HeaderTemplate, LineColumn, LineTemplate, RowMember
from mlc_common.group_rules import GroupPosting, Success
from mlc_common.order_rules import Orders
from mlc_common.rule_values import Action as Action
from mlc_common.rule_values import TimeZone
from mlc_common.section import Section

Amount = Annotated[Decimal, Field(ge=0, le=Decimal(1_000_000))]
Code = Annotated[str, Field(min_length=1)]


class ApplyDate(StrEnum):
    """Which date picks the fiscal period."""

    INVOICE_DATE = "invoice_date"
    VOUCHER_DATE = "voucher_date"
    FIRST_OPEN_DAY = "first_open_day"
    TODAY = "today"


Strategy = Literal["single", "staged"]
TaxMode = Literal["as given", "epicor computes", "none"]


class InvoiceType(Section):
    """What a Basware invoice type means."""

    kind: Literal["invoice", "credit note", "refuse"] = Field(default="invoice", description="what it is posted as")
    document_type: str | None = Field(default=None, description="Epicor's TranDocTypeID; none leaves its default")


class CreditNotes(Section):
    """How this tenant sends credit notes, and how they are numbered in Epicor.

    Basware has no document type: a tenant sends negative sums, or positive sums and an invoice type that says so.
    """

    convention: Literal["either", "negative sums", "type"] = Field(
        default="either", description="what says credit note"
    )
    suffix: str = Field(
        default="-CN",
        min_length=1,
        max_length=8,
        description="added to the number when an invoice of the supplier has it",
    )
    reference: HeaderTemplate = Field(
        default="{referenceNumber}", description="template of the original invoice's number; taken if Epicor has it"
    )


class ExchangeRates(Section):
    """Where the exchange rate of an invoice in foreign currency comes from."""

    source: Literal["epicor", "basware"] = Field(default="epicor", description="whose rate is booked")
    rate_group: str | None = Field(default=None, description="Epicor's RateGrpCode; none leaves its default")
    tolerance: Amount = Field(
        default=Decimal("0.05"), description="accepted gap between netSum x rate and netSumCompany, base currency"
    )


class ExtraField(Section):
    """A column of Epicor that is filled from the document; where the template comes out empty, it is left alone."""

    template: str = Field(min_length=1, max_length=500, description="text with {members} of the document")
    type: Literal["text", "number", "date", "flag"] = Field(default="text", description="of the column in Epicor")
    longest: int = Field(default=1000, ge=1, le=100_000, description="characters; a longer text is cut")


class HeaderField(ExtraField):
    """A column of APInvHed."""

    template: HeaderTemplate = Field(min_length=1, max_length=500, description="text with {members} of the document")


class LineField(ExtraField):
    """A column of APInvDtl."""

    template: LineTemplate = Field(
        min_length=1,
        max_length=500,
        description="text with {members} of the coding row or the document; where both have one: {document.text1}",
    )


ExtraFields = Mapping[str, ExtraField]

GroupPrefix = Annotated[str, Field(pattern=r"^[A-Z]$")]
_PREFIX = "first letter of our AP invoice groups; another one for every connection to the same Epicor company"


class Posting(Section):
    """How an accounting document becomes an AP invoice. Templates may name {members} of the Basware document."""

    strategy: Strategy = Field(
        default="single",
        description="one UpdateMaster for the whole invoice, or one after the other for header, lines and accounts",
    )
    rows_per_save: int = Field(
        default=1, ge=1, le=500, description="with `staged`: lines, or rows of another table, in one UpdateMaster"
    )
    success: Success = Field(
        default="created",
        description="when Basware is told a success: the invoice is entered in its group, or its group is posted",
    )
    group_posting: GroupPosting = GroupPosting()
    prebooking: Literal["off", "create"] = Field(
        default="off",
        description="documents that Basware offers ahead of their approval: left alone, or entered on hold until they "
        "are transferred",
    )
    apply_date: ApplyDate = Field(default=ApplyDate.INVOICE_DATE, description="which day picks the fiscal period")
    open_from: date | None = Field(
        default=None, description="first day that is open for AP postings; an earlier apply date is not sent"
    )
    time_zone: TimeZone = Field(
        default="UTC", description="whose calendar says which day it is, for `apply_date: today`"
    )
    vendor_on_hold: Action = Field(default=Action.HOLD, description="Epicor pays the vendor nothing (PayHold)")
    validate_accounts: bool = Field(
        default=True, description="ask Epicor's ValidateGLAccount too, which knows restrictions and dynamic segments"
    )
    group_prefix: GroupPrefix = Field(default="B", description=_PREFIX)
    description: HeaderTemplate = Field(
        default="{supplierName} {invoiceNumber}", max_length=200, description="template of the invoice's description"
    )
    line_description: LineTemplate = Field(
        default="{accountName}",
        max_length=200,
        description="template of the coding row's and the document's members; where it comes out empty, the document's "
        "description or else supplier and number",
    )
    reference: HeaderTemplate | None = Field(
        default=None, max_length=200, description="template of Epicor's payment reference (SEBankRef); it is never cut"
    )
    external_link: HeaderTemplate | None = Field(default=None, description="drill-back link template with {invoiceId}")
    header_fields: dict[HeaderColumn, HeaderField] = Field(default_factory=dict, description="more columns of APInvHed")
    line_fields: dict[LineColumn, LineField] = Field(default_factory=dict, description="more columns of APInvDtl")
    tax: TaxMode = Field(default="as given", description="who works the tax out")
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
    default_account: dict[RowMember, str] = Field(
        default_factory=dict, description="coding-row members of that one line: accountCode, costCenterCode, ..."
    )
    zero_rows: Literal["keep", "leave out"] = Field(
        default="keep", description="coding rows of no amount beside others; some Epicor tenants take no such line"
    )
    near_duplicates: Action = Field(
        default=Action.HOLD, description="an invoice of nearly the same number with the same amount and date is there"
    )

    orders: Orders = Field(default=Orders(), description="rows that name a purchase order")

    @model_validator(mode="after")
    def _one_line_has_an_account(self) -> Self:
        if self.without_rows == "one line" and not self.default_account:
            raise ValueError("name default_account: documents without coding rows become one line")
        return self

    def day_of(self, moment: datetime) -> date:
        """The calendar day of an instant where the books are kept."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()


class PostingOverrides(Section):
    """Rules of `posting` that one company has otherwise; what is not named stays as in `posting`."""

    strategy: Strategy | None = None
    success: Success | None = None
    apply_date: ApplyDate | None = None
    open_from: date | None = None
    time_zone: TimeZone | None = None
    group_prefix: GroupPrefix | None = None
    tax: TaxMode | None = None
    tolerance: Decimal | None = Field(default=None, ge=0, le=Decimal("1.00"))
    tax_tolerance: Decimal | None = Field(default=None, ge=0, le=Decimal("100.00"))
    near_duplicates: Action | None = None
    orders: Orders | None = Field(default=None, description="the whole section, in the place of `posting.orders`")

    def applied_to(self, posting: Posting) -> Posting:
        """The rules of the connection with this company's own."""
        own = {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}
        return posting.model_copy(update=own) if own else posting
