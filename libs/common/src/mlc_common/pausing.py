"""Which flows of which connection people have paused; every service sees it with the connections."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.connection_changes import changing
from mlc_common.connection_flows import Flow
from mlc_common.tables import paused_flows


async def pauses(db: AsyncConnection) -> dict[str, frozenset[Flow]]:
    """The paused flows of every connection that has some."""
    found: dict[str, set[Flow]] = {}
    for row in await db.execute(select(paused_flows.c.connection, paused_flows.c.flow)):
        found.setdefault(row.connection, set()).add(Flow(row.flow))
    return {name: frozenset(flows) for name, flows in found.items()}


async def pause(
    engine: AsyncEngine, connection: str, flows: Iterable[Flow], *, by: str, reason: str, at: datetime
) -> None:
    """Let the services leave these flows alone; they notice within MLC_TIMINGS__REFRESH."""
    rows = [{"connection": connection, "flow": flow, "by": by, "reason": reason, "since": at} for flow in flows]
    async with changing(engine) as change:
        await change.db.execute(insert(paused_flows).values(rows).on_conflict_do_nothing())
        await change.announce()


async def resume(engine: AsyncEngine, connection: str, flows: Iterable[Flow]) -> None:
    """Let the services go on with these flows."""
    columns = paused_flows.c
    async with changing(engine) as change:
        of_these = (columns.connection == connection) & columns.flow.in_([str(flow) for flow in flows])
        await change.db.execute(delete(paused_flows).where(of_these))
        await change.announce()
