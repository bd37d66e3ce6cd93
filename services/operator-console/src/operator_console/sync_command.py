"""`ml-connector sync`: ask masterdata-sync for a run, and tell what became of it. They meet in the stream."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from rich.table import Table

from mlc_basware.targets import target_of
from mlc_common.connections import listing
from mlc_common.eventlog import EventLog
from mlc_common.events import Event, SyncEnded, SyncFinished, SyncPlanned, SyncRequested
from mlc_common.masterdata_events import MadeAnew, Planned
from mlc_common.settings import Settings
from mlc_common.streams import MASTERDATA, sync_subject
from operator_console import output
from operator_console.connection_commands import existing, operator
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database
from operator_console.stream_reader import StreamReader

LOOK = 0.2
"""Seconds between two looks at the stream."""

BATCH = 50


@dataclass
class Answered:
    """What became of a request: a line for each kind and company, and the records that would be sent."""

    request: str
    runs: list[SyncFinished] = field(default_factory=list)
    planned: dict[tuple[str, str, str], Planned] = field(default_factory=dict)
    problem: str | None = None
    anew: MadeAnew | None = None

    @property
    def stopped(self) -> bool:
        """Whether a run retired nothing because it would have been too much."""
        return any(run.outcome != "finished" for run in self.runs)


async def must_know(settings: Settings, connection: str, *, kind: str | None, company: str | None) -> None:
    """Make sure that there is what is asked for.

    Raises:
        CommandError: the connection, or the kind or company in it, is not there.
    """
    async with database(settings) as engine:
        document = (await existing(engine, connection)).document
    if kind is not None and target_of(document.kinds, kind) is None:
        raise CommandError(f"{connection} imports no kind {kind}.", code=Exit.USAGE)
    if company is not None and document.pair(company) is None:
        raise CommandError(f"{connection} has no company {company}.", code=Exit.USAGE)


async def ask(settings: Settings, *, connection: str, patience: float, **wishes: Any) -> Answered:
    """Ask for a run and wait for its end; `wishes` are members of `SyncRequested`.

    Raises:
        CommandError: there is no such connection, or no end within `patience` seconds.
    """
    async with database(settings) as engine:
        if connection not in {row.name for row in await listing(engine)}:
            raise CommandError(f"There is no connection {connection}.", code=Exit.USAGE)
    wanted = SyncRequested(
        connection=connection,
        at=datetime.now(UTC),  # the edge: a person acts now
        request=uuid4().hex[:12],
        by=operator(),
        **wishes,
    )
    answered = Answered(wanted.request)
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        stored = await log.append(wanted)
        try:
            async with asyncio.timeout(patience):
                reader = StreamReader(client, log, timeout=settings.timings.publish)
                async for event in _facts(reader, wanted, after=stored.sequence):
                    _note(answered, event)
        except TimeoutError:
            raise CommandError(
                f"After {patience:g} s the run has not ended. It goes on, if masterdata-sync is running and the "
                "connection is not paused; its end will stand in the log."
            ) from None
    return answered


async def _facts(reader: StreamReader, wanted: SyncRequested, *, after: int) -> AsyncIterator[Event]:
    subject = sync_subject(wanted.connection, wanted.request, "*")
    while True:
        batch = await reader.after(MASTERDATA, after, most=BATCH, subject=subject)
        for read in batch:
            after = read.sequence
            if read.event is not None:
                yield read.event
            if isinstance(read.event, SyncEnded):
                return
        if not batch:
            await asyncio.sleep(LOOK)


def _note(answered: Answered, event: Event) -> None:
    match event:
        case SyncPlanned():
            # A plan that was begun anew tells the same records again.
            answered.planned |= {(each.kind, each.company, each.code): each for each in event.records}
        case SyncFinished():
            answered.runs.append(event)
        case SyncEnded():
            answered.problem, answered.anew = event.problem, event.anew


def as_json(answered: Answered) -> dict[str, Any]:
    """For programs."""
    return {
        "request": answered.request,
        "problem": answered.problem,
        "runs": [run.model_dump(mode="json", exclude={"schema_version", "type"}) for run in answered.runs],
        "planned": [each.model_dump(mode="json", exclude_none=True) for each in answered.planned.values()],
    }


def runs(answered: Answered) -> Table:
    """A line for each kind and company."""
    columns = ("kind", "company", "mode", "outcome", "read", "changed", "sent", "refused", "gone")
    cells = [tuple(getattr(run, column) for column in columns) for run in answered.runs]
    return output.table("", columns, cells)


def planned(answered: Answered) -> Table:
    """The records that would be sent, and how many more there are than are named."""
    told = Counter((each.kind, each.company) for each in answered.planned.values())
    cells: list[tuple[object, ...]] = [
        (each.kind, each.company, each.code, each.what, each.record) for each in answered.planned.values()
    ]
    for run in answered.runs:
        if (more := run.changed + run.gone - told[run.kind, run.company]) > 0:
            cells.append((run.kind, run.company, f"and {more} more", None, None))
    return output.table("would be sent", ("kind", "company", "code", "what", "record"), cells)
