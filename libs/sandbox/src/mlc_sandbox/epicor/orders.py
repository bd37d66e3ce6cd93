"""Purchase orders by the methods of POSvc, which answer where its entity sets do not."""

from mlc_sandbox.epicor.purchasing import receipts, releases
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.tables import columns
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row


def _get_by_id(call: Call) -> Row:
    number, master = call.arguments["poNum"], call.world.master
    order = master.find("POHeader", Company=call.company, PONum=number)
    if order is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    lines = [row for row in master.rows["PODetail"] if (row["Company"], row["PONUM"]) == (call.company, number)]
    accounts = [row for row in master.rows["PORelTGLC"] if (row["Company"], row["PONum"]) == (call.company, number)]
    mine = [row for row in releases(call.world, call.company) if row["PONum"] == number]
    tables = {"POHeader": [order], "PODetail": lines, "PORel": mine, "PORelTGLC": accounts}
    return {"returnObj": {**tables, "ExtensionTables": []}}


def _receipts(call: Call) -> Row:
    known = columns("POReceipts")
    mine = [row for row in receipts(call.world, call.company) if row["PONum"] == call.arguments["ipPONum"]]
    shown = [{name: value for name, value in row.items() if name in known} for row in mine]
    return {"returnObj": {"POReceipts": shown, "ExtensionTables": []}}


METHODS = {
    "GetByID": Method(_get_by_id, {"poNum": "number"}, ("GET", "POST")),
    "GetPOReceipts": Method(_receipts, {"ipPONum": "number"}),
}
