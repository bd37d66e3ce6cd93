"""Invoicing from goods receipts (APInvoiceSvc): uninvoiced receipts are fetched, selected, and become lines."""

from typing import Any

from mlc_sandbox.epicor.accounts import add_order_distributions
from mlc_sandbox.epicor.draft import Draft
from mlc_sandbox.epicor.groups import use_group
from mlc_sandbox.epicor.lines import add_receipt_line
from mlc_sandbox.epicor.purchasing import receipts, refused
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.saving import settle
from mlc_sandbox.epicor.tables import checked_row, columns
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row, Tableset
from mlc_sandbox.epicor.world import Invoice

SLIPS, LINES, TOTALS, SELECTED = (
    "APUninvoicedReceipts",
    "APUninvoicedRcptLines",
    "APReceiptTotals",
    "APSelectedRcptLines",
)
TABLES = (SLIPS, LINES, TOTALS, SELECTED)


def _uninvoiced(call: Call) -> Row:
    """All uninvoiced receipts of the vendor, of one order if it is named; their lines, or those of the first one."""
    _tables(call)
    number, order = call.arguments["InInvoiceNum"], call.arguments["InPONum"]
    _unposted(call, call.arguments["InVendorNum"], number)
    rows = _open(call, call.arguments["InVendorNum"], order)
    slips = {(row["PurPoint"], row["PackSlip"], row["PONum"]): row for row in rows}
    first = next(iter(slips), None)
    if call.world.settings.receipt_lines == "first receipt":
        rows = [row for row in rows if (row["PurPoint"], row["PackSlip"], row["PONum"]) == first]
    tables = {SLIPS: [_shown(SLIPS, row, number) for row in slips.values()]}
    tables[LINES] = [_line(row, number) for row in rows]
    return {"parameters": {"ds": _all(tables)}}


def _uninvoiced_lines(call: Call) -> Row:
    """The lines of one receipt, beside those that are there."""
    tables, number = _tables(call), call.arguments["InvoiceNum"]
    _unposted(call, call.arguments["VendorNum"], number)
    wanted = (call.arguments["PurPoint"], call.arguments["PackSlip"])
    held = {(row["PackSlip"], row["PackLine"]) for row in tables[LINES]}
    tables[LINES] += [
        _line(row, number)
        for row in _open(call, call.arguments["VendorNum"], call.arguments["InPONum"])
        if (row["PurPoint"], row["PackSlip"]) == wanted and (row["PackSlip"], row["PackLine"]) not in held
    ]
    return {"parameters": {"ds": _all(tables)}}


def _open(call: Call, vendor_num: int, order: int) -> list[Row]:
    return [
        row
        for row in receipts(call.world, call.company)
        if row["VendorNum"] == vendor_num and order in (0, row["PONum"]) and row["SupplierUnInvcReceiptQty"] > 0
    ]


def _select(call: Call) -> Row:
    """Lines of one receipt whose SelectLine is true go to the selected ones."""
    tables, arguments = _tables(call), call.arguments
    wanted = (arguments["InVendorNum"], arguments["InPurPoint"], arguments["InPONum"], arguments["InPackSlip"])
    chosen = [row for row in tables[LINES] if row.get("SelectLine")]
    for row in chosen:
        if row.get("RowMod") != "U":
            raise refused("A line that was changed must have RowMod U.", "RowMod")
    mine = [row for row in chosen if (row["VendorNum"], row["PurPoint"], row["PONum"], row["PackSlip"]) == wanted]
    tables[LINES] = [row for row in tables[LINES] if row not in mine]
    for row in mine:
        kept = {name: value for name, value in row.items() if name in columns(SELECTED)}
        tables[SELECTED].append({**kept, "InvoiceNum": arguments["InvoiceNum"], "DeselectLine": False, "RowMod": "A"})
    return {"parameters": {"ds": _all(tables)}}


def _invoice_selected(call: Call) -> Row:
    """Every selected line becomes a line of its invoice, at once."""
    tables = _tables(call)
    if not tables[SELECTED]:
        raise refused("No receipt lines are selected.", "PackSlip")
    first = tables[SELECTED][0]
    invoice = _unposted(call, first["VendorNum"], first.get("InvoiceNum", ""))
    draft = call.draft(use_group(call, invoice.group)["GroupID"])
    for row in tables[SELECTED]:
        _add(draft, row)
    for changed in draft.invoices.values():
        if changed is not None:
            add_order_distributions(draft, changed)
            settle(draft, changed, lose_accounts=call.fault == "blank_accounts")
    draft.commit()
    return {"parameters": {"ds": _all({**tables, SELECTED: []}), "opLOCMsg": ""}}


def _add(draft: Draft, row: Row) -> None:
    invoice = draft.find(row["VendorNum"], row.get("InvoiceNum", ""))
    if invoice is None or invoice.header["DebitMemo"]:
        raise refused("Receipts are invoiced on an invoice of the supplier.", "InvoiceNum")
    wanted = (row["VendorNum"], row["PurPoint"], row["PackSlip"], row["PackLine"])
    for held in receipts(draft.world, draft.company, draft):
        if (held["VendorNum"], held["PurPoint"], held["PackSlip"], held["PackLine"]) == wanted:
            if held["SupplierUnInvcReceiptQty"] <= 0:
                raise refused(f"Receipt {row['PackSlip']} is invoiced already.", "PackSlip")
            add_receipt_line(draft, invoice, held)
            return
    raise refused("A valid Receipt is required.", "PackSlip")


def _unposted(call: Call, vendor_num: int, number: str) -> Invoice:
    invoice = call.world.invoice(call.company, vendor_num, number)
    if invoice is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    if invoice.posted:
        raise refused("The invoice is posted and cannot be changed.", "InvoiceNum")
    return invoice


def _tables(call: Call) -> Tableset:
    given: Any = call.arguments["ds"]
    for name in given:
        if name not in (*TABLES, "ExtensionTables"):
            message = f"There is no table {name} in Erp.Tablesets.APInvReceiptBillingTableset."
            raise KineticError(message, table=name)
    return {table: [checked_row(table, row) for row in given.get(table) or []] for table in TABLES}


def _all(tables: dict[str, list[Row]]) -> Tableset:
    return {**{table: tables.get(table, []) for table in TABLES}, "ExtensionTables": []}


def _shown(table: str, row: Row, number: str) -> Row:
    kept = {name: value for name, value in row.items() if name in columns(table) and name != "RowMod"}
    return {**kept, "InvoiceNum": number, "RowMod": ""}


def _line(row: Row, number: str) -> Row:
    quantity = {"VendorQty": row["SupplierUnInvcReceiptQty"]}
    return {**_shown(LINES, row, number), **quantity, "SelectLine": False, "DropShip": False}


_DS = {"ds": "tableset"}

METHODS = {
    "GetAPUninvoicedReceipts": Method(
        _uninvoiced, {**_DS, "InVendorNum": "number", "InInvoiceNum": "string", "InPONum": "number"}
    ),
    "GetAPUninvoicedReceiptLines": Method(
        _uninvoiced_lines,
        {
            **_DS,
            "VendorNum": "number",
            "PurPoint": "string",
            "PackSlip": "string",
            "isFirstReceipt": "boolean",
            "InvoiceNum": "string",
            "InPONum": "number",
        },
    ),
    "SelectUninvoicedRcptLines": Method(
        _select,
        {
            **_DS,
            "InVendorNum": "number",
            "InPurPoint": "string",
            "InPONum": "number",
            "InPackSlip": "string",
            "InDropShip": "boolean",
            "InvoiceNum": "string",
            "InGRNIClearing": "boolean",
        },
    ),
    "InvoiceSelectedLines": Method(_invoice_selected, _DS),
}
