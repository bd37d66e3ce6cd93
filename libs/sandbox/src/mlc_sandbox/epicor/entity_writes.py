"""POST to an entity set of AP invoice rows: one row at a time, and its accounts do not survive it."""

from typing import Any

from mlc_sandbox.epicor.accounts import add_default_distribution
from mlc_sandbox.epicor.entity_sets import SETS
from mlc_sandbox.epicor.groups import use_group
from mlc_sandbox.epicor.rpc import Call
from mlc_sandbox.epicor.saving import save, settle
from mlc_sandbox.epicor.tables import checked_row
from mlc_sandbox.epicor.wire import KineticError, Row


def create_entity(call: Call, service: str, name: str, body: Any) -> Row:
    """Create one row as UpdateExt does.

    A line gets a distribution only with `UpdateExtCreateLineGL`; whatever account row comes of it, or is posted, is
    stored without its account. Raises KineticError when the row is refused.
    """
    if not SETS[service][name].writable:
        raise KineticError(f"The sandbox does not take POST on {name}.", status=405)
    table = SETS[service][name].shape.table
    row = {**checked_row(table, body), "RowMod": "A"}
    draft = call.draft(use_group(call, _group_of(call, table, row))["GroupID"])
    save(draft, {table: [row]}, lose_accounts=True)
    invoice = next(found for found in draft.invoices.values() if found is not None)
    created = dict(max(invoice.tables()[table], key=lambda stored: int(stored["SysRevID"])))
    if table == "APInvDtl" and row.get("UpdateExtCreateLineGL"):
        add_default_distribution(draft, invoice, invoice.lines[created["InvoiceLine"]])
        settle(draft, invoice, lose_accounts=True)
    draft.commit()
    return created


def _group_of(call: Call, table: str, row: Row) -> str:
    if table == "APInvHed":
        return str(row.get("GroupID", ""))
    invoice = call.world.invoice(call.company, row.get("VendorNum", 0), row.get("InvoiceNum", ""))
    return invoice.group if invoice else str(row.get("GroupID", ""))
