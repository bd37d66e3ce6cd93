"""Lines of an AP invoice that belong to a purchase order: unreceived (U) or from a receipt (R)."""

from decimal import Decimal

from mlc_sandbox.epicor.draft import Draft
from mlc_sandbox.epicor.purchasing import RECEIPT, RELEASE, must_be_open, receipts, refused, release_of
from mlc_sandbox.epicor.seed_orders import PER
from mlc_sandbox.epicor.wire import Row
from mlc_sandbox.epicor.world import Invoice

OF_A_RECEIPT = ("PackSlip", "PackLine")


def line_type(row: Row) -> str:
    """The type of a new line. Raises KineticError for one that is not entered as a row."""
    kind = row.get("LineType") or "M"
    if kind == "R":
        raise refused("A receipt line is made by InvoiceSelectedLines.", "LineType")
    if kind not in ("M", "U"):
        raise refused(f"This sandbox takes lines of type M, U and R only, not {kind!r}.", "LineType")
    return str(kind)


def with_order(draft: Draft, invoice: Invoice, kind: str, row: Row) -> Row:
    """A new line with what it takes from its order. Raises KineticError where numbers and type do not fit."""
    named = [name for name in (*RELEASE, *OF_A_RECEIPT) if row.get(name)]
    if kind == "M":
        if named:
            raise refused("A miscellaneous line takes no purchase order and no receipt.", named[0])
        return row
    if any(name in named for name in OF_A_RECEIPT):
        raise refused("An unreceived line takes no receipt.", "PackSlip")
    if invoice.header["DebitMemo"]:
        raise refused("A debit memo takes no unreceived line.", "LineType")
    order, detail, release = release_of(draft, row)
    must_be_open(order, detail, release)
    return order_columns(detail) | row


def order_columns(detail: Row) -> Row:
    """What a line takes from its order line."""
    costs = {"DocUnitCost": detail["DocUnitCost"], "CostPerCode": detail["CostPerCode"]}
    return {"PartNum": detail["PartNum"], "Description": detail["LineDesc"], "PUM": detail["PUM"], **costs}


def check_order_line(draft: Draft, line: Row) -> None:
    """Raises KineticError unless a line of an order has its unit and a quantity that is left of its receipt."""
    if line["LineType"] == "M":
        return
    detail = release_of(draft, line)[1]
    if line["PUM"] != detail["PUM"]:
        raise refused(f"The unit of measure must be {detail['PUM']}.", "PUM")
    if line["ScrVendorQty"] <= 0:
        raise refused("The quantity must be positive.", "ScrVendorQty")
    if line["LineType"] == "R":
        wanted = [line[name] for name in RECEIPT]
        held = next((row for row in receipts(draft.world, draft.company, draft) if _names(row) == wanted), None)
        if held is None:
            raise refused("A valid Receipt is required.", "PackSlip")
        if held["SupplierUnInvcReceiptQty"] < 0:
            raise refused("The quantity exceeds the uninvoiced receipt quantity.", "ScrVendorQty")


def _names(row: Row) -> list[object]:
    return [row[name] for name in RECEIPT]


def per(line: Row) -> int:
    """How many units the unit cost is for. Raises KineticError for an unknown code."""
    code = line.get("CostPerCode") or "E"
    if code not in PER:
        raise refused("A valid Cost Per Code is required.", "CostPerCode")
    return PER[code]


def receipt_line(draft: Draft, invoice: Invoice, receipt: Row) -> Row:
    """The columns of a line that InvoiceSelectedLines makes of a receipt."""
    keys = {name: invoice.header[name] for name in ("Company", "VendorNum", "InvoiceNum", "GroupID")}
    named = {name: receipt[name] for name in (*RELEASE, *RECEIPT)}
    detail = release_of(draft, {**keys, **named})[1]
    quantity = Decimal(receipt["SupplierUnInvcReceiptQty"])
    cost = {"DocUnitCost": receipt["DocVendorUnitCost"], "ScrVendorQty": quantity}
    return {**keys, **named, **order_columns(detail), **cost, "LineType": "R", "RowMod": "A"}
