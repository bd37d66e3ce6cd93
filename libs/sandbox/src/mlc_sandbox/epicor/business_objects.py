"""The services of this Epicor and their methods."""

from collections.abc import Mapping

from mlc_sandbox.epicor import attachments, groups, invoices, line_changes, orders, posting, receipts
from mlc_sandbox.epicor.accounts import valid_account
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.tables import date_of
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row


def _vendor(call: Call) -> Row:
    row = call.world.master.vendors.get((call.company, call.arguments["vendorNum"]))
    return {"returnObj": {"Vendor": [_present(row)], "ExtensionTables": []}}


def _account(call: Call) -> Row:
    key = (call.company, call.arguments["coACode"], call.arguments["glAccount"])
    return {"returnObj": {"GLAccount": [_present(call.world.master.accounts.get(key))], "ExtensionTables": []}}


def _present(row: Row | None) -> Row:
    if row is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    return row


def _validate_account(call: Call) -> Row:
    chart, account = call.arguments["COACode"], call.arguments["GLAccount"]
    day = date_of(call.arguments["EffectiveDate"])
    valid_account(call.world.master, call.company, chart, account, day=day, table="GLAccount")
    return {}


_ACCOUNT = {
    "COACode": "string",
    "GLAccount": "string",
    "ExtCompanyID": "string",
    "RestrictID": "string",
    "EffectiveDate": "string",
    "ValidateDynamicSegment": "boolean",
}

SERVICES: Mapping[str, Mapping[str, Method]] = {
    "Erp.BO.APInvoiceSvc": {**invoices.METHODS, **line_changes.METHODS, **receipts.METHODS},
    "Erp.BO.APInvGrpSvc": {**groups.METHODS, "PrePostGroupInvoices": posting.CHECK},
    "Erp.PROC.APInvoicePostSvc": posting.METHODS,
    "Erp.BO.POSvc": orders.METHODS,
    "Ice.BO.AttachmentSvc": attachments.METHODS,
    "Erp.BO.VendorSvc": {"GetByID": Method(_vendor, {"vendorNum": "number"}, ("GET", "POST"))},
    "Erp.BO.GLAccountSvc": {
        "GetByID": Method(_account, {"coACode": "string", "glAccount": "string"}, ("GET", "POST")),
        "ValidateGLAccount": Method(_validate_account, _ACCOUNT),
    },
}
