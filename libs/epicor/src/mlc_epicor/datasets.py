"""Wire models of AP invoices and their groups: the vendor's spelling, exact amounts, read tolerantly. Pure.

Epicor reference, AP invoice data model: Kinetic adds columns with every upgrade, so unknown ones are ignored and
missing ones have a default; only the fields a row was made with are sent. Amounts are in document currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from mlc_common.failures import PermanentError

LONGEST_INVOICE_NUMBER = 50


def _text(value: object) -> object:
    return "" if value is None else value


def _flag(value: object) -> object:
    return False if value is None else value


def _count(value: object) -> object:
    return 0 if value is None else value


def _rows(value: object) -> object:
    return () if value is None else value


def _day(value: object) -> object:
    return value[:10] or None if isinstance(value, str) else value


def _instant(value: date | None) -> str | None:
    return None if value is None else f"{value.isoformat()}T00:00:00"


def _column(value: object) -> object:
    return _instant(value) if isinstance(value, date) else value


Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, BeforeValidator(_count)]
Day = Annotated[date | None, BeforeValidator(_day), PlainSerializer(_instant)]
Money = Annotated[Decimal | None, Field(allow_inf_nan=False)]
Column = Annotated[Any, PlainSerializer(_column)]
"""A column that is not declared: a text, a Decimal, a date or a flag; whatever Epicor sends when it is read."""


class _Row(BaseModel):
    """A row of a tableset; `RowMod` is A for a new row, U for a changed one, D for one to delete.

    A changed row names the revision that it was read in, `SysRevID`, and is refused when there is a newer one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    Company: Text = ""
    SysRevID: int = 0
    SysRowID: Text = ""
    RowMod: Text = ""


class APInvHedRow(_Row):
    """The header; its key is (Company, VendorNum, InvoiceNum), compared without case and trailing blanks.

    Amounts of a debit memo are entered positive in the screen's columns (Scr...) and stored negative. Columns that are
    not declared here are kept as they come: a connection may fill more of them.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Column]

    VendorNum: int = 0
    VendorNumVendorID: Text = ""
    InvoiceNum: Text = ""
    DebitMemo: Flag = False
    InvoiceDate: Day = None
    ApplyDate: Day = None
    DueDate: Day = None
    TermsCode: Text = ""
    CurrencyCode: Text = ""
    GroupID: Text = ""
    DocInvoiceVendorAmt: Money = None
    ScrDocInvoiceVendorAmt: Money = None
    DocInvoiceAmt: Money = None
    DocInvoiceVariance: Money = None
    Description: Text = ""
    ExternalID: Text = ""
    ExtSysURL: Text = ""
    InvoiceHeld: Flag = False
    PayHold: Flag = False
    Posted: Flag = False
    InvoiceRef: Text = ""
    ScrInvoiceRef: Text = ""
    SEBankRef: Text = ""
    TranDocTypeID: Text = ""
    RateGrpCode: Text = ""
    ExchangeRate: Money = None
    LockRate: Flag = False
    TaxRegionCode: Text = ""
    ReadyToCalc: Flag = False
    LegalNumber: Text = ""
    EntryPerson: Text = ""


class APInvDtlRow(_Row):
    """A line; LineType M is a miscellaneous one, U one of a purchase order, R one of a goods receipt.

    A line names order, order line and release, or none of them. `DocUnitCost` is for 1, 100 or 1000 units, as
    `CostPerCode` E, C or M says. More columns are kept as in the header.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Column]

    VendorNum: int = 0
    InvoiceNum: Text = ""
    InvoiceLine: int = 0
    LineType: Text = ""
    Description: Text = ""
    PartNum: Text = ""
    VendorQty: Money = None
    ScrVendorQty: Money = None
    PUM: Text = ""
    CostPerCode: Text = ""
    DocUnitCost: Money = None
    DocExtCost: Money = None
    ScrDocExtCost: Money = None
    TaxCatID: Text = ""
    GroupID: Text = ""
    PONum: Count = 0
    POLine: Count = 0
    PORelNum: Count = 0
    PurPoint: Text = ""
    PackSlip: Text = ""
    PackLine: Count = 0


class APInvExpRow(_Row):
    """A part of a line's amount; `GLAccount` here is only shown, the account lives in APInvExpTGLC.

    More columns are kept as they come, so that a row that was read can be changed and sent back.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Column]

    VendorNum: int = 0
    InvoiceNum: Text = ""
    InvoiceLine: int = 0
    InvExpSeq: int = 0
    DocExpAmt: Money = None
    DocScrExpAmt: Money = None
    COACode: Text = ""
    BookID: Text = ""
    GLAccount: Text = ""


class APInvExpTGLCRow(_Row):
    """The GL account of one part of a line; RecordType A is account data, R a reference of the journal.

    The segments are extra columns, SegValue1 to SegValue20.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    RelatedToFile: Text = ""
    Key1: Text = ""
    Key2: Text = ""
    Key3: Text = ""
    Key4: Text = ""
    Key5: Text = ""
    Key6: Text = ""
    VendorNum: int = 0
    InvoiceNum: Text = ""
    InvoiceLine: int = 0
    InvExpSeq: int = 0
    BookID: Text = ""
    COACode: Text = ""
    GLAccount: Text = ""
    RecordType: Text = ""
    UserCanModify: Flag = False


class APInvTaxRow(_Row):
    """A tax of the whole invoice; `Manual` keeps Epicor from computing it anew. More columns are kept as they come."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Column]

    VendorNum: int = 0
    InvoiceNum: Text = ""
    TaxCode: Text = ""
    RateCode: Text = ""
    ECAcquisitionSeq: int = 0
    Manual: Flag = False
    DocTaxableAmt: Money = None
    ScrDocTaxableAmt: Money = None
    DocReportableAmt: Money = None
    DocTaxAmt: Money = None
    ScrDocTaxAmt: Money = None


class APInvoiceDataset(BaseModel):
    """One AP invoice as a tableset, to be sent or as Epicor holds it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    APInvHed: Annotated[tuple[APInvHedRow, ...], BeforeValidator(_rows)] = ()
    APInvDtl: Annotated[tuple[APInvDtlRow, ...], BeforeValidator(_rows)] = ()
    APInvExp: Annotated[tuple[APInvExpRow, ...], BeforeValidator(_rows)] = ()
    APInvExpTGLC: Annotated[tuple[APInvExpTGLCRow, ...], BeforeValidator(_rows)] = ()
    APInvTax: Annotated[tuple[APInvTaxRow, ...], BeforeValidator(_rows)] = ()

    @property
    def header(self) -> APInvHedRow:
        """The one header row."""
        return self.APInvHed[0]

    @classmethod
    def read(cls, value: object, *, what: str) -> Self:
        """The dataset of a parsed answer; `what` names the call in the sentence of a failure.

        Raises:
            PermanentError: the answer has another shape; the sentence names the places, no value.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            places = "; ".join(".".join(map(str, each["loc"])) or "the whole" for each in error.errors())
            raise PermanentError(f"{what}: the answer cannot be read, look at: {places}.") from error

    def to_wire(self) -> dict[str, Any]:
        """The JSON value to send: the fields that were set, amounts as Decimal, dates as Epicor writes them."""
        return self.model_dump(exclude_unset=True)


class APInvGrpRow(_Row):
    """A group of AP invoices; `ActiveUserID` is who has it open, `PostInProcess` locks it while it is posted.

    `PostErrorLog` is what kept it from being posted the last time.
    """

    GroupID: Text = ""
    CreatedBy: Text = ""
    ActiveUserID: Text = ""
    PostInProcess: Flag = False
    PostErrorLog: Text = ""
    ApplyDate: Day = None


class Saved(BaseModel):
    """What UpdateMaster said, beside the rows: HTTP 200 is no success by itself (Epicor reference, UpdateMaster).

    `lUpdateRan` false means that nothing was saved; None that the answer did not say.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    lUpdateRan: bool | None = None
    requiresUserInput: Flag = False
    opMessage: Text = ""
    opMsgChkBankRef: Text = ""
    opChkRevMsg: Text = ""
    opDUAMsg: Text = ""

    @property
    def messages(self) -> str:
        """Every question and warning, in one line."""
        return " ".join(
            " ".join(text.split())
            for text in (self.opMessage, self.opMsgChkBankRef, self.opChkRevMsg, self.opDUAMsg)
            if text.strip()
        )

    @classmethod
    def read(cls, value: object, *, what: str) -> Self:
        """The verdict in a parsed answer.

        Raises:
            PermanentError: the answer has another shape.
        """
        found = value.get("parameters") if isinstance(value, Mapping) else None
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise PermanentError(f"{what}: the answer has no readable parameters.") from error
