"""`ml-connector projections`: the read models, how far each has come, and how each is made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nats.aio.client import Client
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mlc_common import connections, tables
from mlc_common.connection_flows import Flow
from mlc_common.database import make_engine
from mlc_common.eventlog import EventLog
from mlc_common.pausing import pauses
from mlc_common.projections import rewind
from mlc_common.settings import Settings
from mlc_common.streams import DEADLETTERS, DOCUMENTS, MASTERDATA
from mlc_common.tables import document_status, invoice_payments, masterdata_records, projection_positions
from operator_console import rebuilding, rebuilding_uses, record_uses
from operator_console.exits import CommandError, Exit
from operator_console.projector import NAME, STUCK
from operator_console.reach import broker, database
from operator_console.rebuilding import Rebuilt
from operator_console.stream_reader import StreamReader
from operator_console.sync_command import ask

PATIENCE = 3600
"""Seconds for one statement of a rebuild."""

PAYMENTS = "invoice-payments"
RECORDS = "masterdata-records"
NAMES = (NAME, record_uses.NAME, PAYMENTS, RECORDS)

Rebuild = Callable[..., Awaitable[Rebuilt]]


@dataclass(frozen=True)
class Projection:
    """A read model: its stream, the messages it has folded and those it has not yet, its rows, who folds it anew.

    Without a position: its place is not one sequence.
    """

    name: str
    stream: str
    rows: int
    position: int | None
    behind: int | None
    updated_at: datetime | None
    rebuilt_by: str


@dataclass(frozen=True)
class Done:
    """What a rebuild came to, in one sentence; the figures where it is over."""

    name: str
    sentence: str
    figures: Rebuilt | None = None


async def listing(settings: Settings) -> list[Projection]:
    """Every read model that is a fold."""
    async with database(settings) as engine, broker(settings) as client, engine.connect() as db:
        places = {row["name"]: row for row in (await db.execute(select(projection_positions))).mappings()}
        last = {stream: await _last(client, stream) for stream in (DOCUMENTS, DEADLETTERS)}
        documents, payments = await _rows(db, document_status), await _rows(db, invoice_payments)
        records, uses = await _rows(db, masterdata_records), await _rows(db, tables.record_uses)
    watched = sorted(name for name in places if name.startswith(PAYMENTS))
    return [
        _projection(NAME, DOCUMENTS, documents, "ml-connector", places=places, last=last),
        _projection(STUCK, DEADLETTERS, documents, f"with {NAME}", places=places, last=last),
        _projection(record_uses.NAME, DOCUMENTS, uses, "ml-connector", places=places, last=last),
        *(_projection(each, DOCUMENTS, payments, "masterdata-sync", places=places, last=last) for each in watched),
        Projection(RECORDS, MASTERDATA, records, None, None, None, "masterdata-sync"),
    ]


def _projection(
    name: str, stream: str, rows: int, by: str, *, places: Mapping[str, Mapping[Any, Any]], last: Mapping[str, int]
) -> Projection:
    place = places.get(name)
    position = int(place["position"]) if place else 0
    return Projection(
        name, stream, rows, position, max(0, last[stream] - position), place["updated_at"] if place else None, by
    )


async def _rows(db: AsyncConnection, table: Table) -> int:
    return int(await db.scalar(select(func.count()).select_from(table)) or 0)


async def _last(client: Client, stream: str) -> int:
    return (await client.jetstream().stream_info(stream)).state.last_seq


async def made_anew(
    settings: Settings, name: str | None, *, patience: float, progress: Callable[[int], None]
) -> AsyncIterator[Done]:
    """Make one read model anew, or without a name each; everything else goes on meanwhile.

    Args:
        patience: seconds that masterdata-sync has for the records of one connection; a run under way ends first.

    Raises:
        CommandError: there is none of that name, or the service that makes it anew did not answer.
        TransientError: the broker is away; nothing has changed.
    """
    if name not in (None, *NAMES):
        raise CommandError(f"There is no projection {name}; there are {', '.join(NAMES)}.", code=Exit.USAGE)
    if name in (None, NAME):
        yield await _here(settings, NAME, rebuilding.rebuild, progress)
    if name in (None, record_uses.NAME):
        yield await _here(settings, record_uses.NAME, rebuilding_uses.rebuild, progress)
    if name in (None, PAYMENTS):
        yield await _payments(settings)
    if name in (None, RECORDS):
        yield await _records(settings, patience)


async def _here(settings: Settings, name: str, rebuild: Rebuild, progress: Callable[[int], None]) -> Done:
    engine = make_engine(settings.database_url, pool_size=1, statement_seconds=PATIENCE)
    try:
        async with broker(settings) as client:
            log = EventLog(client, timeout=settings.timings.publish)
            reader = StreamReader(client, log, timeout=settings.timings.publish)
            figures = await rebuild(engine, reader, now=_now, progress=progress)
    finally:
        await engine.dispose()
    return Done(name, _sentence("messages", figures), figures)


async def _payments(settings: Settings) -> Done:
    """Have masterdata-sync fold its watch lists from the first message on; until it has, the old lines stay."""
    async with database(settings) as engine, engine.begin() as db:
        names = (await db.scalars(select(projection_positions.c.name))).all()
        lists = [each for each in names if each.startswith(PAYMENTS)]
        for each in lists:
            await rewind(db, each)
    sentence = (
        f"masterdata-sync makes {len(lists)} watch lists anew at its next look (payments.minutes); what was seen of an "
        "invoice and when it is looked at next are no facts: lines that stay keep them, others are looked at at once."
    )
    return Done(PAYMENTS, sentence)


async def _records(settings: Settings, patience: float) -> Done:
    """Have masterdata-sync fold what is remembered of records, kind by kind, between their runs; wait until it has."""
    async with database(settings) as engine, engine.connect() as db:
        rows, paused = await connections.listing(engine), await pauses(db)
    rests = [each.name for each in rows if Flow.MASTERDATA in paused.get(each.name, ())]
    total = Rebuilt(0, 0, 0)
    for each in rows:
        if each.name in rests:
            continue
        answered = await ask(settings, connection=each.name, patience=patience, anew=True)
        if answered.problem or answered.anew is None:
            raise CommandError(
                f"{RECORDS}: masterdata-sync did not make those of {each.name} anew: "
                f"{answered.problem or 'it is of an older version'}."
            )
        anew = answered.anew
        total = Rebuilt(total.messages + anew.facts, total.removed + anew.removed, total.changed + anew.changed)
    left = f" Not those of {', '.join(rests)}, whose flow masterdata is paused." if rests else ""
    return Done(RECORDS, _sentence("facts", total) + left, total)


def _sentence(what: str, done: Rebuilt) -> str:
    return f"{done.messages} {what} were folded; {done.changed} rows were put in anew, {done.removed} removed."


def _now() -> datetime:
    return datetime.now(UTC)  # the edge: a person acts now
