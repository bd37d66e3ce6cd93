"""`ml-connector pause` and `resume`: the decision is recorded first, then the services are told."""

from __future__ import annotations

from datetime import UTC, datetime

from mlc_common import pausing
from mlc_common.connection_flows import Flow
from mlc_common.eventlog import EventLog
from mlc_common.events import FlowsPaused, FlowsResumed
from mlc_common.settings import Settings
from operator_console.connection_commands import existing, operator
from operator_console.reach import broker, database


async def pause(settings: Settings, connection: str, flows: tuple[Flow, ...], *, reason: str) -> FlowsPaused:
    """Leave these flows of a connection alone until they are resumed.

    Raises:
        CommandError: there is no such connection.
    """
    event = FlowsPaused(connection=connection, at=_now(), by=operator(), reason=reason, flows=flows)
    async with database(settings) as engine, broker(settings) as client:
        await existing(engine, connection)
        await EventLog(client, timeout=settings.timings.publish).append(event)
        await pausing.pause(engine, connection, flows, by=event.by, reason=reason, at=event.at)
    return event


async def resume(settings: Settings, connection: str, flows: tuple[Flow, ...], *, reason: str) -> FlowsResumed:
    """Go on with these flows of a connection.

    Raises:
        CommandError: there is no such connection.
    """
    event = FlowsResumed(connection=connection, at=_now(), by=operator(), reason=reason, flows=flows)
    async with database(settings) as engine, broker(settings) as client:
        await existing(engine, connection)
        await EventLog(client, timeout=settings.timings.publish).append(event)
        await pausing.resume(engine, connection, flows)
    return event


def _now() -> datetime:
    return datetime.now(UTC)  # the edge: a person acts now
