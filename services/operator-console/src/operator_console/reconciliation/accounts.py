"""Which accounts an AP invoice should be booked on: planned anew by the mapping that its document was posted with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.eventlog import EventLog
from mlc_common.settings import Settings
from operator_console.plan_commands import cells_then
from operator_console.planner import planner
from operator_console.reconciliation.deep import Expect
from operator_console.reconciliation.judging_lines import Accounts, planned_accounts


def coded_accounts(settings: Settings, engine: AsyncEngine, log: EventLog, connection: str) -> Expect:
    """What tells the accounts of a connection's documents; one that cannot be planned offline is left out."""

    async def expected(ids: Sequence[str]) -> Mapping[str, Accounts]:
        async with planner(settings) as program:
            cells = await cells_then(log, engine, program, connection, ids)
        return {invoice_id: planned_accounts(each) for invoice_id, each in cells.items()}

    return expected
