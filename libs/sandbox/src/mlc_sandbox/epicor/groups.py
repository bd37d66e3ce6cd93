"""AP invoice groups (APInvGrpSvc): who has one open, and who may use it."""

from typing import Any

from mlc_sandbox.epicor.draft import duplicate, same_revision
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.tables import checked_row, date_of, empty, full
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld

TABLE = "APInvGrp"
GROUP_ID_LENGTH = 9
SOMEBODY = "mkowalski"
"""The person who holds a group after the fault `group_locked`."""


def refused(message: str, field: str) -> KineticError:
    """A business refusal that names a group column."""
    return KineticError(message, table=TABLE, field=field)


def use_group(call: Call, group_id: str) -> Row:
    """Open a group for entry; from now on it is held by the user, until UnlockGroup.

    Raises KineticError when it is not there, is being posted, or is held by somebody else.
    """
    row = call.world.group(call.company, group_id)
    if row is None:
        raise refused("A valid Group is required.", "GroupID")
    if call.fault == "group_locked":
        row["ActiveUserID"] = SOMEBODY
    if row["PostInProcess"]:
        raise refused(f"Group {row['GroupID']} is being posted.", "PostInProcess")
    if row["ActiveUserID"] not in ("", call.user):
        raise refused(f"Group {row['GroupID']} is in use by user {row['ActiveUserID']}.", "ActiveUserID")
    row["ActiveUserID"] = call.user
    return row


def _found(call: Call, group_id: str) -> Row:
    row = call.world.group(call.company, group_id)
    if row is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    if call.fault == "group_locked":
        row["ActiveUserID"] = SOMEBODY
    return row


def _get_by_id(call: Call) -> Row:
    row = _found(call, call.arguments["groupID"])
    if not row["ActiveUserID"]:
        row["ActiveUserID"] = call.user
    return {"returnObj": _tableset(call.world, row)}


def _tableset(world: EpicorWorld, *rows: Row) -> dict[str, list[Row]]:
    shown = [full(TABLE, row) if world.settings.full_rows else dict(row) for row in rows]
    return {TABLE: shown, "ExtensionTables": []}


def _new(call: Call, *, holder: str) -> Row:
    row = {
        "Company": call.company,
        "GroupID": "",
        "CreatedBy": call.user,
        "ActiveUserID": holder,
        "PostInProcess": False,
        "ApplyDate": call.now.date().isoformat() + "T00:00:00",
        "FiscalYear": call.now.year,
        "FiscalPeriod": call.now.month,
        "SysRevID": 0,
        "SysRowID": "00000000-0000-0000-0000-000000000000",
        "RowMod": "A",
    }
    rows = _sent_rows(call)
    return {"parameters": {"ds": {TABLE: [*rows, row], "ExtensionTables": []}}}


def _get_new(call: Call) -> Row:
    return _new(call, holder=call.user)


def _get_new_no_lock(call: Call) -> Row:
    return _new(call, holder="")


def _sent_rows(call: Call) -> list[Row]:
    tableset: Any = call.arguments["ds"]
    unknown = sorted(set(tableset) - {TABLE, "ExtensionTables"})
    if unknown:
        raise KineticError(f"There is no table {unknown[0]} in Erp.Tablesets.APInvGrpTableset.", table=unknown[0])
    return [checked_row(TABLE, row) for row in tableset.get(TABLE, [])]


def _update(call: Call) -> Row:
    saved = []
    for row in _sent_rows(call):
        if row.get("Company", call.company) != call.company:
            raise refused(f"The row is not of company {call.company}.", "Company")
        match row.get("RowMod"):
            case "A":
                saved.append(_add(call, row))
            case "U":
                saved.append(_change(call, row))
            case "D":
                _remove(call, row.get("GroupID", ""))
    return {"parameters": {"ds": _tableset(call.world, *saved)}}


def _add(call: Call, row: Row) -> Row:
    group_id = row.get("GroupID", "").rstrip()
    if not group_id or len(group_id) > GROUP_ID_LENGTH:
        raise refused(f"GroupID must have 1 to {GROUP_ID_LENGTH} characters.", "GroupID")
    if call.world.group(call.company, group_id) is not None:
        raise duplicate(call.world, TABLE, "GroupID")
    defaults = {name: empty(TABLE, name) for name in ("ActiveUserID", "PostInProcess", "PostErrorLog", "BaseTotal")}
    identity = {"Company": call.company, "GroupID": group_id, "CreatedBy": call.user, "RowMod": ""}
    stored = {**defaults, **row, **identity, **_period(call, row), **call.world.stamp()}
    call.world.groups[call.company, group_id.casefold()] = stored
    return stored


def _period(call: Call, row: Row) -> Row:
    text = row.get("ApplyDate") or call.now.date().isoformat() + "T00:00:00"
    return {"ApplyDate": text, "FiscalYear": date_of(text).year, "FiscalPeriod": date_of(text).month}


def _change(call: Call, row: Row) -> Row:
    stored = _found(call, row.get("GroupID", ""))
    same_revision(TABLE, row, stored)
    kept = {name: stored[name] for name in ("Company", "GroupID", "CreatedBy", "SysRowID")}
    stored |= {**row, **_period(call, {**stored, **row}), **kept, "SysRevID": call.world.next_revision(), "RowMod": ""}
    return stored


def _delete_by_id(call: Call) -> Row:
    _remove(call, call.arguments["groupID"])
    return {}


def _remove(call: Call, group_id: str) -> None:
    row = _found(call, group_id)
    if any(call.world.in_group(call.company, row["GroupID"])):
        raise refused(f"Group {row['GroupID']} has invoices and cannot be deleted.", "GroupID")
    if row["ActiveUserID"] not in ("", call.user):
        raise refused(f"Group {row['GroupID']} is in use by user {row['ActiveUserID']}.", "ActiveUserID")
    del call.world.groups[call.company, row["GroupID"].casefold()]


def _unlock(call: Call) -> Row:
    """Clears the lock of the same user only, as UnlockAPGroup is documented to; another's lock stays."""
    row = _found(call, call.arguments["InGroupID"])
    if row["ActiveUserID"] == call.user:
        row["ActiveUserID"] = ""
    return {}


METHODS = {
    "GetByID": Method(_get_by_id, {"groupID": "string"}, ("GET", "POST")),
    "GetNewAPInvGrp": Method(_get_new, {"ds": "tableset"}),
    "GetNewAPInvGrpNoLock": Method(_get_new_no_lock, {"ds": "tableset"}),
    "Update": Method(_update, {"ds": "tableset"}),
    "UnlockGroup": Method(_unlock, {"InGroupID": "string"}),
    "DeleteByID": Method(_delete_by_id, {"groupID": "string"}),
}
