"""Wire models of what is paid: AP transactions, payments and the payable itself, in the vendor's spelling. Pure.

Epicor reference, payment status. A column that decides about money has no default: a row without it cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mlc_common.failures import PermanentError
from mlc_epicor.datasets import Day, Flag, Text
from mlc_epicor.odata import collated


def _amount(value: object) -> object:
    return Decimal(0) if value is None else value


Amount = Annotated[Decimal, Field(allow_inf_nan=False)]
OptionalAmount = Annotated[Decimal, BeforeValidator(_amount), Field(allow_inf_nan=False)]

InvoiceKey = tuple[int, str]
"""VendorNum and InvoiceNum as the database compares them."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _OfAnInvoice(_Row):
    VendorNum: int
    InvoiceNum: str

    @property
    def invoice(self) -> InvoiceKey:
        """The invoice that it belongs to."""
        return self.VendorNum, collated(self.InvoiceNum)


class APTranRow(_OfAnInvoice):
    """What one payment or adjustment did to one invoice; amounts in invoice currency, + reduces the payable.

    `Voided` marks the negated copy that a void adds, not the row that was voided.
    """

    HeadNum: int
    APTranNo: int
    TranType: str
    Posted: bool
    Voided: bool
    DocTranAmt: Amount
    DocDiscAmt: OptionalAmount = Decimal(0)
    DocWithholdAmt: OptionalAmount = Decimal(0)
    TranDate: Day = None
    CheckNum: int = 0
    PaymentNumber: Text = ""
    ChangeDate: Text = ""


class CheckHedRow(_Row):
    """One payment; `ApplyingPayment` (a debit memo is applied) and `NettingID` (AP against AR) are no money."""

    HeadNum: int
    CheckNum: int = 0
    CheckDate: Day = None
    Voided: Flag = False
    VoidDate: Day = None
    CurrencyCode: Text = ""
    PMUIDName: Text = ""
    PaymentNumber: Text = ""
    ApplyingPayment: bool
    NettingID: int


class PayableRow(_OfAnInvoice):
    """The header of an AP invoice as far as its payment is concerned; amounts in invoice currency."""

    Posted: bool
    OpenPayable: bool
    DocInvoiceAmt: Amount
    DocInvoiceBal: Amount
    CurrencyCode: Text = ""
    TermsCode: Text = ""
    PayHold: Flag = False
    InvoiceHeld: Flag = False
    ExternalID: Text = ""


@dataclass(frozen=True)
class Unreadable:
    """A row without a readable value where one is needed.

    `why` names its columns; `invoice` says whose it is, None when that cannot be told.
    """

    invoice: InvoiceKey | None
    why: str
    ChangeDate: str = ""


Read = TypeVar("Read", APTranRow, CheckHedRow, PayableRow)


def read_each(model: type[Read], rows: Iterable[Mapping[str, Any]]) -> list[Read | Unreadable]:
    """The rows of an answer, each for itself: one that cannot be read spoils no other."""
    return [_read(model, row) for row in rows]


def read_rows(model: type[Read], rows: Iterable[Mapping[str, Any]]) -> list[Read]:
    """The rows of an answer, all of them.

    Raises:
        PermanentError: one of them cannot be read; the sentence names the columns.
    """
    read = []
    for each in read_each(model, rows):
        if isinstance(each, Unreadable):
            raise PermanentError(each.why)
        read.append(each)
    return read


def _read(model: type[Read], row: Mapping[str, Any]) -> Read | Unreadable:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        columns = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
    vendor, number, changed = (row.get(name) for name in ("VendorNum", "InvoiceNum", "ChangeDate"))
    invoice = (vendor, collated(number)) if isinstance(vendor, int) and isinstance(number, str) else None
    why = f"Epicor {model.__name__.removesuffix('Row')}: look at the columns {columns}."
    return Unreadable(invoice, why, changed if isinstance(changed, str) else "")
