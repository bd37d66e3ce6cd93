"""Wire models of purchase orders and goods receipts: the vendor's spelling, read tolerantly. Pure.

Epicor reference, master-data fields: quantities and costs are in the vendor's unit and the order's currency; the lines
call the order's number PONUM, everything else PONum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from mlc_epicor.datasets import Day, Flag, Money, Text


def _yes(value: object) -> object:
    return True if value is None else value


Open = Annotated[bool, BeforeValidator(_yes)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class POHeaderRow(_Record):
    """An order; `ApprovalStatus` A is approved (U unapproved, P pending, R rejected)."""

    PONum: int
    VendorNum: int = 0
    CurrencyCode: Text = ""
    OpenOrder: Open = True
    VoidOrder: Flag = False
    OrderHeld: Flag = False
    ApprovalStatus: Text = ""


class PODetailRow(_Record):
    """A line; `DocUnitCost` is for 1, 100 or 1000 units, as `CostPerCode` E, C or M says."""

    PONUM: int = Field(validation_alias=AliasChoices("PONUM", "PONum"))
    POLine: int
    OpenLine: Open = True
    VoidLine: Flag = False
    PartNum: Text = ""
    PUM: Text = ""
    DocUnitCost: Money = None
    CostPerCode: Text = ""


class PORelRow(_Record):
    """A release: what is to be delivered when."""

    PONum: int
    POLine: int
    PORelNum: int
    RelQty: Money = None
    InvoicedQty: Money = None
    OpenRelease: Open = True
    VoidRelease: Flag = False


class RcvDtlRow(_Record):
    """A line of a goods receipt; `SupplierUnInvcReceiptQty` is what of it no invoice has taken yet."""

    VendorNum: int = 0
    PurPoint: Text = ""
    PackSlip: Text
    PackLine: int
    PONum: int
    POLine: int
    PORelNum: int
    VendorQty: Money = None
    SupplierUnInvcReceiptQty: Money = None
    Invoiced: Flag = False
    InvoiceNum: Text = ""
    ReceiptDate: Day = None


class OrderRows(BaseModel):
    """What was read of some orders."""

    model_config = ConfigDict(frozen=True)

    headers: tuple[POHeaderRow, ...] = ()
    lines: tuple[PODetailRow, ...] = ()
    releases: tuple[PORelRow, ...] = ()
    receipts: tuple[RcvDtlRow, ...] = ()


ORDERS = "Erp.BO.POSvc/POes"
RELEASES = "Erp.BO.POSvc/PORels"
RECEIPTS = "Erp.BO.ReceiptSvc/RcvDtls"

RELEASE_COLUMNS = tuple(PORelRow.model_fields)
RECEIPT_COLUMNS = tuple(RcvDtlRow.model_fields)

Row = Mapping[str, Any]


def order_rows(
    headers: Iterable[Row], lines: Iterable[Row], releases: Iterable[Row], receipts: Iterable[Row]
) -> OrderRows:
    """The rows as values.

    Raises:
        ValidationError: Epicor sent something else.
    """
    return OrderRows(
        headers=tuple(map(POHeaderRow.model_validate, headers)),
        lines=tuple(map(PODetailRow.model_validate, lines)),
        releases=tuple(map(PORelRow.model_validate, releases)),
        receipts=tuple(map(RcvDtlRow.model_validate, receipts)),
    )
