"""AP invoice entry (APInvoiceSvc): UpdateMaster and its neighbours."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mlc_sandbox.company import BOOK, CHART
from mlc_sandbox.epicor.attachments import new_row, only_attachments, save_attachments
from mlc_sandbox.epicor.draft import Draft, money
from mlc_sandbox.epicor.groups import use_group
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.saving import checked_tableset, group_total, invoice_tableset, save
from mlc_sandbox.epicor.tables import AP_INVOICE_TABLES, full
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, QuestionError, Row, Tableset, day
from mlc_sandbox.epicor.world import Invoice

_NOTHING: Row = {
    "requiresUserInput": False,
    "opMessage": "",
    "opMsgChkBankRef": "",
    "opChkRevMsg": "",
    "lEnableGenLegalNum": False,
    "lUpdateRan": True,
    "opDUAMsg": "",
}


def _update_master(call: Call) -> Row:
    tableset = checked_tableset(call.world, call.arguments["ds"])
    if call.arguments["cTableName"] not in AP_INVOICE_TABLES:
        raise KineticError(f"cTableName {call.arguments['cTableName']!r} is not a table of the invoice.")
    group = use_group(call, call.arguments["cGroupID"])["GroupID"]
    match call.fault:
        case "not_run":
            return _outcome(call, call.arguments["ds"], group, lUpdateRan=False)
        case "user_input":
            question = {"requiresUserInput": True, "opMessage": "A legal number must be entered.", "lUpdateRan": False}
            return _outcome(call, call.arguments["ds"], group, **question)
        case "half_written":
            _save_header_only(call, tableset, group)
            raise KineticError("An unexpected internal problem occurred.", status=500, kind="System.Exception")
    draft = call.draft(group)
    try:
        save(draft, tableset, lose_accounts=call.fault == "blank_accounts")
    except QuestionError as question:
        return _outcome(call, call.arguments["ds"], group, opMessage=question.message, lUpdateRan=False)
    draft.commit()
    return _outcome(call, invoice_tableset(call.world, *_kept(draft)), group)


def _save_header_only(call: Call, tableset: Tableset, group: str) -> None:
    draft = call.draft(group)
    save(draft, {"APInvHed": tableset["APInvHed"]})
    draft.commit()


def _kept(draft: Draft) -> list[Invoice]:
    return [invoice for invoice in draft.invoices.values() if invoice is not None]


def _outcome(call: Call, tableset: Any, group: str, **flags: Any) -> Row:
    amount = group_total(call.world, call.company, group)
    return {"parameters": {"ds": tableset, "grpTotalInvAmt": amount, **_NOTHING, **flags}}


def _update(call: Call) -> Row:
    """Saves like UpdateMaster; the group is the one that the header rows, or the stored invoices, name."""
    tableset = checked_tableset(call.world, call.arguments["ds"])
    if only_attachments(tableset):
        return {"parameters": {"ds": invoice_tableset(call.world, save_attachments(call, tableset))}}
    draft = call.draft(use_group(call, _group_named(call, tableset))["GroupID"])
    save(draft, tableset, lose_accounts=call.fault == "blank_accounts")
    draft.commit()
    return {"parameters": {"ds": invoice_tableset(call.world, *_kept(draft))}}


def _group_named(call: Call, tableset: Tableset) -> str:
    rows = [row for table in tableset.values() for row in table]
    for row in rows:
        invoice = call.world.invoice(call.company, row.get("VendorNum", 0), row.get("InvoiceNum", ""))
        if row.get("GroupID") or invoice:
            return str(row.get("GroupID") or (invoice.group if invoice else ""))
    return ""


def _get_by_id(call: Call) -> Row:
    return {"returnObj": invoice_tableset(call.world, _stored(call))}


def _stored(call: Call) -> Invoice:
    return _invoice_of(call, "vendorNum", "invoiceNum")


def _invoice_of(call: Call, vendor: str, number: str) -> Invoice:
    invoice = call.world.invoice(call.company, call.arguments[vendor], call.arguments[number])
    if invoice is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    return invoice


def _delete_by_id(call: Call) -> Row:
    invoice = _stored(call)
    if invoice.posted:
        raise KineticError("The invoice is posted and cannot be deleted.", table="APInvHed", field="Posted")
    use_group(call, invoice.group)
    del call.world.invoices[invoice.key]
    return {}


def _adding(table: str, row_of: Callable[[Call, Tableset], Row]) -> Callable[[Call], Row]:
    """A GetNew method: the tableset as sent, with one more row that is not saved yet and has a SysRowID of its own."""

    def run(call: Call) -> Row:
        tableset = checked_tableset(call.world, call.arguments["ds"])
        system = {"SysRevID": 0, "SysRowID": str(uuid.uuid4()), "RowMod": "A"}
        row = {"Company": call.company, **row_of(call, tableset), **system}
        row = full(table, row) if call.world.settings.full_rows else row
        tableset[table].append(row)
        return {"parameters": {"ds": _all_tables(tableset)}}

    return run


def _all_tables(tableset: Tableset) -> Tableset:
    return {table: tableset.get(table, []) for table in AP_INVOICE_TABLES}


def _new_header(call: Call, tableset: Tableset) -> Row:
    del tableset
    group = use_group(call, call.arguments["cGroupID"])
    home = call.world.master.companies[call.company]
    dates = {"InvoiceDate": day(call.now.date()), "ApplyDate": group["ApplyDate"]}
    codes = {"CurrencyCode": home["CurrencyCode"], "RateGrpCode": "MAIN", "GLControlType": "APAcct"}
    codes |= {"ExchangeRate": Decimal(1)}
    return {"GroupID": group["GroupID"], "DebitMemo": False, "Posted": False, **dates, **codes}


def _new_debit_memo(call: Call, tableset: Tableset) -> Row:
    return {**_new_header(call, tableset), "DebitMemo": True}


def _new_line(call: Call, tableset: Tableset) -> Row:
    keys = {"VendorNum": call.arguments["iVendorNum"], "InvoiceNum": call.arguments["cInvoiceNum"]}
    invoice = _invoice_of(call, "iVendorNum", "cInvoiceNum")
    sent = [row.get("InvoiceLine", 0) for row in tableset["APInvDtl"]]
    number = max([*invoice.lines, *sent], default=0) + 1
    amounts = {"VendorQty": 1, "ScrVendorQty": 1, "DocUnitCost": money(0)}
    return {**keys, "InvoiceLine": number, "LineType": "M", "PUM": "EA", "GroupID": invoice.group, **amounts}


def _child_keys(call: Call) -> Row:
    if call.arguments["invoiceLine"] not in _invoice_of(call, "vendorNum", "invoiceNum").lines:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    names = {"VendorNum": "vendorNum", "InvoiceNum": "invoiceNum", "InvoiceLine": "invoiceLine"}
    return {column: call.arguments[name] for column, name in names.items()}


def _new_expense(call: Call, tableset: Tableset) -> Row:
    del tableset
    return {**_child_keys(call), "InvExpSeq": 0, "COACode": CHART, "BookID": BOOK, "DocExpAmt": money(0)}


def _new_account(call: Call, tableset: Tableset) -> Row:
    del tableset
    columns = {**_child_keys(call), "InvExpSeq": call.arguments["invExpSeq"]}
    keys = {f"Key{number}": str(value) for number, value in enumerate(columns.values(), start=1)}
    account = {"COACode": CHART, "BookID": BOOK, "RecordType": "A", "UserCanModify": True}
    return {**columns, **keys, "RelatedToFile": "APInvExp", **account}


def _new_tax(call: Call, tableset: Tableset) -> Row:
    del tableset
    _invoice_of(call, "vendorNum", "invoiceNum")
    names = {"VendorNum": "vendorNum", "InvoiceNum": "invoiceNum", "TaxCode": "taxCode", "RateCode": "rateCode"}
    return {**{column: call.arguments[name] for column, name in names.items()}, "ECAcquisitionSeq": 0, "Manual": False}


def _change_vendor(call: Call) -> Row:
    tableset, row = _header_in_hand(call)
    vendor = call.world.master.vendor_ids.get((call.company, call.arguments["ProposedVendorID"]))
    if vendor is None:
        raise KineticError("A valid Supplier is required.", table="APInvHed", field="VendorNumVendorID")
    row |= {"VendorNum": vendor["VendorNum"], "VendorNumVendorID": vendor["VendorID"]}
    row |= {name: vendor[name] for name in ("TermsCode", "CurrencyCode", "TaxRegionCode")}
    return {"parameters": {"confirmMsg": "", "ds": _all_tables(tableset)}}


def _change_date(call: Call) -> Row:
    tableset, row = _header_in_hand(call)
    row["InvoiceDate"] = call.arguments["ProposedInvoiceDate"]
    return {"parameters": {"cMessageText": "", "ds": _all_tables(checked_tableset(call.world, tableset))}}


def _change_currency(call: Call) -> Row:
    tableset, row = _header_in_hand(call)
    currency, home = call.arguments["ProposedCurrencyCode"], call.world.master.companies[call.company]["CurrencyCode"]
    rate = Decimal(1) if currency == home else call.world.master.rate(currency, home)
    if rate is None:
        message = f"There is no exchange rate from {currency} to {home}."
        raise KineticError(message, table="APInvHed", field="CurrencyCode")
    row |= {"CurrencyCode": currency, "RateGrpCode": call.arguments["vRateGrpCode"], "ExchangeRate": rate}
    return {"parameters": {"vExchangeRate": rate, "vXRateLabel": "", "ds": _all_tables(tableset)}}


def _header_in_hand(call: Call) -> tuple[Tableset, Row]:
    tableset = checked_tableset(call.world, call.arguments["ds"])
    row = next((row for row in tableset["APInvHed"] if row.get("RowMod") in ("A", "U")), None)
    if row is None:
        raise KineticError("There is no APInvHed row with RowMod A or U.", table="APInvHed")
    return tableset, row


_TABLESET = {"ds": "tableset"}
_CHILD = {**_TABLESET, "vendorNum": "number", "invoiceNum": "string", "invoiceLine": "number"}
_INVOICE = {"vendorNum": "number", "invoiceNum": "string"}
_FLAGS = dict.fromkeys(("runChkCPay", "runChkBankRef", "runChkRevChrg", "suppressUserPrompts"), "boolean")

METHODS = {
    "UpdateMaster": Method(_update_master, {**_TABLESET, "cGroupID": "string", "cTableName": "string", **_FLAGS}),
    "Update": Method(_update, _TABLESET),
    "GetByID": Method(_get_by_id, _INVOICE, ("GET", "POST")),
    "DeleteByID": Method(_delete_by_id, _INVOICE),
    "GetNewAPInvHedInvoice": Method(_adding("APInvHed", _new_header), {**_TABLESET, "cGroupID": "string"}),
    "GetNewAPInvHedDebitMemo": Method(_adding("APInvHed", _new_debit_memo), {**_TABLESET, "cGroupID": "string"}),
    "GetNewAPInvDtlMiscellaneous": Method(
        _adding("APInvDtl", _new_line), {**_TABLESET, "iVendorNum": "number", "cInvoiceNum": "string"}
    ),
    "GetNewAPInvHedAttch": Method(
        _adding("APInvHedAttch", lambda call, _tableset: new_row(call)), {**_TABLESET, **_INVOICE}
    ),
    "GetNewAPInvExp": Method(_adding("APInvExp", _new_expense), _CHILD),
    "GetNewAPInvExpTGLC": Method(_adding("APInvExpTGLC", _new_account), {**_CHILD, "invExpSeq": "number"}),
    "GetNewAPInvTax": Method(
        _adding("APInvTax", _new_tax), {**_TABLESET, **_INVOICE, "taxCode": "string", "rateCode": "string"}
    ),
    "ChangeVendorID": Method(_change_vendor, {"ProposedVendorID": "string", "confirmCheck": "boolean", **_TABLESET}),
    "ChangeCurrencyMaster": Method(
        _change_currency, {"ProposedCurrencyCode": "string", "vRateGrpCode": "string", **_TABLESET}
    ),
    "ChangeInvoiceDateEx": Method(_change_date, {"ProposedInvoiceDate": "string", "recalcAmts": "string", **_TABLESET}),
}
