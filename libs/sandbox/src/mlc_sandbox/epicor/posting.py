"""Posting a group of AP invoices: the check before, the process (Erp.PROC.APInvoicePostSvc), and its agent.

A submitted task waits `posting_queue` seconds for its agent, then holds the group (PostInProcess) for `posting_takes`
seconds; then its invoices are in the payables and the group is gone, or the group has a PostErrorLog.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlc_sandbox.epicor.groups import refused, use_group
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.tables import checked_row, empty
from mlc_sandbox.epicor.wire import KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld

PARAMETERS = "APInvoicePostParam"
AGENT = "SystemTaskAgent"
_NAMES = ("GroupID", "ACTType", "AutoAction", "AgentID", "AgentSchedNum", "AgentTaskNum", "RecurringTask", "TaskNote")


@dataclass(frozen=True)
class Task:
    """One submitted posting: of whose group, and from when to when the agent works on it."""

    company: str
    group: str
    starts: datetime
    ends: datetime


def work_off(world: EpicorWorld, now: datetime) -> None:
    """Let the agent catch up with the clock."""
    for task in list(world.tasks):
        row = world.group(task.company, task.group)
        if now >= task.ends:
            world.tasks.remove(task)
            _post(world, task.company, task.group)
        elif now >= task.starts and row is not None:
            row["PostInProcess"] = True


def _post(world: EpicorWorld, company: str, group: str) -> None:
    """The process itself; a task whose group is gone already does nothing."""
    row = world.group(company, group)
    if row is None:
        return
    row |= {"PostInProcess": False, "PostErrorLog": "", "SysRevID": world.next_revision()}
    error = world.settings.posting_fails or _error_in(world, company, row["GroupID"])
    if error:
        row["PostErrorLog"] = error
        return
    world.post_group(company, row["GroupID"])


def _error_in(world: EpicorWorld, company: str, group: str) -> str:
    for invoice in world.in_group(company, group):
        number = invoice.header["InvoiceNum"]
        if not invoice.lines:
            return f"Invoice {number}: Invoice with no detail"
        if invoice.header["DocInvoiceVariance"]:
            return f"Invoice {number}: Invoice Total does not agree with vendor's total"
        if invoice.header["InvoiceHeld"]:
            return f"Invoice {number}: Invoice is on hold"
        if not all(row["GLAccount"] for row in invoice.accounts.values()):
            return f"Invoice {number}: A valid GL Account is required."
    return ""


def _check(call: Call) -> Row:
    """PrePostGroupInvoices. Raises KineticError for a group that is not there, in use or being posted."""
    group = use_group(call, call.arguments["PostGroupID"])
    invoices = list(call.world.in_group(call.company, group["GroupID"]))
    group["ActiveUserID"] = ""
    apart = [row.header["InvoiceNum"] for row in invoices if row.header["DocInvoiceVariance"]]
    return {
        "parameters": {
            "ReturnMessage": call.world.settings.prepost_question,
            "VarianceMessage": f"There is a variance in invoice {', '.join(apart)}." if apart else "",
            "TaxCalcFlag": call.world.settings.prepost_taxes,
        }
    }


def _new_parameters(call: Call) -> Row:
    del call
    row = {name: empty(PARAMETERS, name) for name in _NAMES}
    return {"returnObj": {PARAMETERS: [{**row, "RowMod": "A"}], "ExtensionTables": []}}


def _group_to_post(call: Call) -> Row:
    """The group that the parameters name. Raises KineticError unless they name one that can be posted."""
    tableset: Any = call.arguments["ds"]
    unknown = sorted(set(tableset) - {PARAMETERS, "ExtensionTables"})
    if unknown:
        raise KineticError(f"There is no table {unknown[0]} in Erp.Tablesets.APInvoicePostTableset.", table=unknown[0])
    rows = [checked_row(PARAMETERS, row) for row in tableset.get(PARAMETERS, [])]
    if len(rows) != 1:
        raise KineticError("A parameter dataset contains exactly one record.", table=PARAMETERS)
    row = call.world.group(call.company, rows[0].get("GroupID", ""))
    if row is None:
        raise KineticError("A valid Group is required.", table=PARAMETERS, field="GroupID")
    if row["PostInProcess"]:
        raise refused(f"Group {row['GroupID']} is being posted.", "PostInProcess")
    if row["ActiveUserID"]:
        raise refused(f"Group {row['GroupID']} is in use by user {row['ActiveUserID']}.", "ActiveUserID")
    return row


def _submit(call: Call) -> Row:
    group = _group_to_post(call)
    if call.arguments["agentID"] != AGENT:
        raise KineticError("A valid System Agent is required.", field="AgentID", table=PARAMETERS)
    starts = call.now + timedelta(seconds=call.world.settings.posting_queue)
    ends = starts + timedelta(seconds=call.world.settings.posting_takes)
    call.world.tasks.append(Task(call.company, group["GroupID"], starts, ends))
    work_off(call.world, call.now)
    return {}


def _run(call: Call) -> Row:
    _post(call.world, call.company, _group_to_post(call)["GroupID"])
    return {}


CHECK = Method(_check, {"PostGroupID": "string"})
METHODS = {
    "GetNewParameters": Method(_new_parameters, {}, ("GET",)),
    "SubmitToAgent": Method(
        _submit,
        {
            "ds": "tableset",
            "agentID": "string",
            "agentSchedNum": "number",
            "agentTaskNum": "number",
            "maintProgram": "string",
        },
    ),
    "RunDirect": Method(_run, {"ds": "tableset"}),
}
