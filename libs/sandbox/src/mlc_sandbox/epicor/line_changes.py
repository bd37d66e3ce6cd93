"""Filling in an invoice line step by step (APInvoiceSvc): GetNew and Change methods, which save nothing."""

from collections.abc import Callable
from decimal import Decimal

from mlc_sandbox.epicor.draft import cents, money
from mlc_sandbox.epicor.order_lines import order_columns, per
from mlc_sandbox.epicor.purchasing import LINE, refused, release_of
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.saving import checked_tableset
from mlc_sandbox.epicor.tables import AP_INVOICE_TABLES
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row, Tableset


def _new_unreceived(call: Call) -> Row:
    tableset = checked_tableset(call.world, call.arguments["ds"])
    keys = {"VendorNum": call.arguments["iVendorNum"], "InvoiceNum": call.arguments["cInvoiceNum"]}
    invoice = call.world.invoice(call.company, keys["VendorNum"], keys["InvoiceNum"])
    if invoice is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    sent = [row.get("InvoiceLine", 0) for row in tableset[LINE]]
    number = max([*invoice.lines, *sent], default=0) + 1
    amounts = {"VendorQty": 0, "ScrVendorQty": 0, "DocUnitCost": money(0)}
    row = {"Company": call.company, **keys, "InvoiceLine": number, "LineType": "U", "GroupID": invoice.group}
    tableset[LINE].append({**row, **amounts, "SysRevID": 0, "RowMod": "A"})
    return _answer(tableset)


def _answer(tableset: Tableset) -> Row:
    return {"parameters": {"ds": {table: tableset.get(table, []) for table in AP_INVOICE_TABLES}}}


def _changing(change: Callable[[Call, Row], None]) -> Callable[[Call], Row]:
    """A Change method: works on the one line that is being added or changed."""

    def run(call: Call) -> Row:
        tableset = checked_tableset(call.world, call.arguments["ds"])
        rows = [row for row in tableset[LINE] if row.get("RowMod") in ("A", "U")]
        if len(rows) != 1:
            raise refused("There must be one APInvDtl row with RowMod A or U.", "RowMod")
        change(call, rows[0])
        return _answer(tableset)

    return run


def _order(call: Call, row: Row) -> None:
    number = call.arguments["ProposedPONum"]
    order = call.world.master.find("POHeader", Company=call.company, PONum=number)
    if order is None or order["VendorNum"] != row["VendorNum"]:
        raise refused("A valid Purchase Order of this supplier is required.", "PONum")
    row |= {"PONum": number, "POLine": 0, "PORelNum": 0}


def _order_line(call: Call, row: Row) -> None:
    number = call.arguments["ProposedPOLine"]
    keys = {"Company": call.company, "PONUM": row.get("PONum", 0), "POLine": number}
    detail = call.world.master.find("PODetail", **keys)
    if detail is None:
        raise refused("A valid PO Line is required.", "POLine")
    row |= {**order_columns(detail), "POLine": number, "PORelNum": 0}


def _release(call: Call, row: Row) -> None:
    row["PORelNum"] = call.arguments["ProposedPORelNum"]
    release_of(call.draft(str(row.get("GroupID", ""))), row)


def _quantity(call: Call, row: Row) -> None:
    row["ScrVendorQty"] = call.arguments["ProposedVendorQty"]
    _recompute(row)


def _unit_cost(call: Call, row: Row) -> None:
    row["DocUnitCost"] = call.arguments["ProposedUnitCost"]
    _recompute(row)


def _recompute(row: Row) -> None:
    extended = cents(Decimal(row["ScrVendorQty"]) * Decimal(row.get("DocUnitCost", 0)) / per(row))
    row |= {"VendorQty": row["ScrVendorQty"], "ScrDocExtCost": extended, "DocExtCost": extended}


_TABLESET = {"ds": "tableset"}

METHODS = {
    "GetNewAPInvDtlUnreceived": Method(_new_unreceived, {**_TABLESET, "iVendorNum": "number", "cInvoiceNum": "string"}),
    "ChangePONum": Method(_changing(_order), {"ProposedPONum": "number", **_TABLESET}),
    "ChangePOLine": Method(_changing(_order_line), {"ProposedPOLine": "number", **_TABLESET}),
    "ChangePORelNum": Method(_changing(_release), {"ProposedPORelNum": "number", **_TABLESET}),
    "ChangeVendorQty": Method(_changing(_quantity), {"ProposedVendorQty": "number", **_TABLESET}),
    "ChangeUnitCost": Method(_changing(_unit_cost), {"ProposedUnitCost": "number", **_TABLESET}),
}
