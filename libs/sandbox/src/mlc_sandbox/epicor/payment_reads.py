"""How payments are read: entity sets, GetRows with its where clauses, and a BAQ that joins what belongs together."""

from collections.abc import Iterable, Mapping

from mlc_sandbox.epicor.query import Shape, read
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.tables import empty
from mlc_sandbox.epicor.where_clause import matching
from mlc_sandbox.epicor.wire import KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld

KEY = ("Company", "HeadNum", "APTranNo", "InvoiceNum", "Voided")
BAQ = "MLPayments"
SINCE = "LastChange"

_BAQ_COLUMNS = (
    "APTran_Company", "APTran_HeadNum", "APTran_APTranNo", "APTran_InvoiceNum", "APTran_Voided", "APTran_VendorNum",
    "APTran_TranType", "APTran_Posted", "APTran_TranDate", "APTran_DocTranAmt", "APTran_DocDiscAmt",
    "APTran_DocWithholdAmt", "APTran_CheckNum", "APTran_PaymentNumber", "APTran_ChangeDate", "CheckHed_HeadNum",
    "CheckHed_CheckNum", "CheckHed_CheckDate", "CheckHed_Posted", "CheckHed_Voided", "CheckHed_VoidDate",
    "CheckHed_CurrencyCode", "CheckHed_PMUIDName", "CheckHed_ApplyingPayment", "CheckHed_NettingID",
    "CheckHed_PaymentNumber",
)  # fmt: skip


def transactions(world: EpicorWorld, company: str) -> Iterable[Row]:
    """The rows of APTran; what only the search view has is left out."""
    return [_without(row, "NettingID") for row in _of(world, company)]


def searched(world: EpicorWorld, company: str) -> Iterable[Row]:
    """The same rows as the payment tracker's view shows them."""
    return _of(world, company)


def cheques(world: EpicorWorld, company: str) -> Iterable[Row]:
    """The rows of CheckHed."""
    return [_without(row, "TranDate") for (owner, _), row in world.cheques.items() if owner == company]


def _of(world: EpicorWorld, company: str) -> list[Row]:
    return [row for row in world.transactions if row["Company"] == company]


def _without(row: Row, name: str) -> Row:
    return {column: value for column, value in row.items() if column != name}


def _pages(call: Call, table: str, found: list[Row]) -> Row:
    """A page of rows in key order, as GetRows gives it."""
    size = min(call.arguments["pageSize"] or call.world.settings.page_cap, call.world.settings.page_cap)
    page = max(call.arguments["absolutePage"] - call.world.settings.first_page, 0)
    rows = found[page * size : (page + 1) * size]
    more = len(found) > (page + 1) * size
    return {"returnObj": {table: rows, "ExtensionTables": []}, "parameters": {"morePages": more}}


def _search_rows(call: Call) -> Row:
    where = call.arguments["whereClauseAPTranSearch"]
    rows = matching("APTranSearch", searched(call.world, call.company), where)
    return _pages(call, "APTranSearch", sorted(rows, key=lambda row: [row[name] for name in KEY[1:]]))


def _cheque_rows(call: Call) -> Row:
    rows = matching("CheckHed", cheques(call.world, call.company), call.arguments["whereClauseCheckHed"])
    return _pages(call, "CheckHed", sorted(rows, key=lambda row: row["HeadNum"]))


def _header_rows(call: Call) -> Row:
    headers = [each.header for each in call.world.invoices.values() if each.header["Company"] == call.company]
    rows = matching("APInvHed", headers, call.arguments["whereClauseAPInvHed"])
    return _pages(call, "APInvHed", sorted(rows, key=lambda row: (row["VendorNum"], row["InvoiceNum"])))


def _get_rows(*clauses: str) -> dict[str, str]:
    return {f"whereClause{name}": "string" for name in clauses} | {"pageSize": "number", "absolutePage": "number"}


_OF_A_PAYMENT = (
    "CheckHed", "CheckHedAttch", "APTran", "APTranTGLC", "APTTaxDtl", "BankTran", "BankTranTaxDtl", "BankTranTGLC",
    "TaxDtl", "LegalNumGenOpts",
)  # fmt: skip
METHODS: Mapping[str, Mapping[str, Method]] = {
    "Erp.BO.APTranSearchSvc": {
        "GetRows": Method(_search_rows, _get_rows("APTranSearch", "PaymentTotals"), ("GET", "POST"))
    },
    "Erp.BO.PaymentEntrySvc": {"GetRows": Method(_cheque_rows, _get_rows(*_OF_A_PAYMENT), ("GET", "POST"))},
    "Erp.BO.APInvSearchSvc": {"GetRows": Method(_header_rows, _get_rows("APInvHed"), ("GET", "POST"))},
}


def baq(world: EpicorWorld, company: str, path: str, options: Mapping[str, str]) -> Row:
    """`BaqSvc/MLPayments/Data`: a row for every transaction, changed since the parameter. Raises KineticError (404)."""
    if path != f"{BAQ}/Data":
        raise KineticError(f"BAQ {path.partition('/')[0]} does not exist.", status=404)
    since = options.get(SINCE)
    clause = f"ChangeDate >= '{since}'" if since else ""
    rows = [_joined(world, company, row) for row in matching("APTran", transactions(world, company), clause)]
    query = {name: value for name, value in options.items() if name != SINCE}
    keys = tuple(f"APTran_{name}" for name in KEY)
    page = read(Shape("PaymentBaq", keys, {}), rows, query, cap=world.settings.page_cap)
    return {"@odata.context": f"BaqSvc/{BAQ}/$metadata#Data", "value": page.value}


def _joined(world: EpicorWorld, company: str, row: Row) -> Row:
    sides = {"APTran": row, "CheckHed": world.cheques.get((company, row["HeadNum"]), {})}
    parts = {column: column.split("_") for column in _BAQ_COLUMNS}
    return {column: sides[table].get(name, empty(table, name)) for column, (table, name) in parts.items()}
