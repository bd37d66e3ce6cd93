"""`ml-connector projections`: the read models, how far each has come, and how each is made anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nats.aio.client import Client
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mlc_common import tables
from mlc_common.database import make_engine
from mlc_common.eventlog import EventLog
from mlc_common.projections import rewind
from mlc_common.settings import Settings
from mlc_common.streams import DEADLETTERS, DOCUMENTS, MASTERDATA
from mlc_common.tables import document_status, invoice_payments, masterdata_records, projection_positions
from operator_console import record_uses
from operator_console.exits import CommandError, Exit
from operator_console.projector import NAME, STUCK
from operator_console.reach import broker, database
from operator_console.rebuilding import Rebuilt, rebuild
from operator_console.stream_reader import StreamReader

PATIENCE = 3600
"""Seconds for one statement of a rebuild."""

PAYMENTS = "invoice-payments"
RECORDS = "masterdata-records"
NAMES = (NAME, record_uses.NAME, PAYMENTS)
"""Read models that a command makes anew."""


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
    """What a rebuild came to, in one sentence; the figures where this program did the folding."""

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
        _projection(record_uses.NAME, DOCUMENTS, uses, "operator-console", places=places, last=last),
        *(_projection(each, DOCUMENTS, payments, "masterdata-sync", places=places, last=last) for each in watched),
        Projection(RECORDS, MASTERDATA, records, None, None, None, "masterdata-sync, stopped"),
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


async def made_anew(settings: Settings, name: str | None, *, progress: Callable[[int], None]) -> list[Done]:
    """Make one read model anew, or without a name each that a command can; everything else goes on meanwhile.

    Raises:
        CommandError: there is none of that name, or no command makes it anew.
        TransientError: the broker is away; nothing has changed.
    """
    if name == RECORDS:
        raise CommandError(
            "masterdata-sync alone folds masterdata-records; docs/operations.md says how to have it done.",
            code=Exit.REFUSED,
        )
    if name not in (None, *NAMES):
        raise CommandError(f"There is no projection {name}; there are {', '.join(NAMES)}.", code=Exit.USAGE)
    done = []
    if name in (None, NAME):
        done.append(await _documents(settings, progress))
    if name in (None, record_uses.NAME):
        done.append(await _uses(settings))
    if name in (None, PAYMENTS):
        done.append(await _payments(settings))
    return done


async def _documents(settings: Settings, progress: Callable[[int], None]) -> Done:
    engine = make_engine(settings.database_url, pool_size=1, statement_seconds=PATIENCE)
    try:
        async with broker(settings) as client:
            log = EventLog(client, timeout=settings.timings.publish)
            reader = StreamReader(client, log, timeout=settings.timings.publish)
            figures = await rebuild(engine, reader, now=_now, progress=progress)
    finally:
        await engine.dispose()
    sentence = (
        f"{figures.messages} messages were folded; {figures.changed} rows were put in anew, {figures.removed} removed."
    )
    return Done(NAME, sentence, figures)


async def _uses(settings: Settings) -> Done:
    """Have the operator console count the uses of records again; until it has, the counts are too low."""
    async with database(settings) as engine, engine.begin() as db:
        await record_uses.begin_anew(db)
    return Done(record_uses.NAME, "operator-console counts from the first message; until then the counts are too low.")


async def _payments(settings: Settings) -> Done:
    """Have masterdata-sync fold its watch list again: from the first message, onto the rows that are there."""
    async with database(settings) as engine, engine.begin() as db:
        names = (await db.scalars(select(projection_positions.c.name))).all()
        lists = [each for each in names if each.startswith(PAYMENTS)]
        for each in lists:
            await rewind(db, each)
    return Done(PAYMENTS, f"masterdata-sync folds {len(lists)} watch lists from their first message at its next look.")


def _now() -> datetime:
    return datetime.now(UTC)  # the edge: a person acts now
