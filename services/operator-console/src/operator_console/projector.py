"""The projection `document_status`: folds DOCUMENTS, then DEADLETTERS, in batches, one replica at a time.

The projection `record_uses` is kept up to date beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.events import DocumentFact, Event
from mlc_common.failures import TransientError
from mlc_common.projections import advance, position, rewind
from mlc_common.streams import DEADLETTERS, DOCUMENTS
from mlc_common.tables import document_status
from operator_console import record_uses
from operator_console.dead_letters import marked
from operator_console.stream_reader import Read, StreamReader
from operator_console.view import DocumentStatus, fold

log = structlog.stdlib.get_logger(__name__)

NAME = "document-status"
STUCK = "document-status-dead-letters"
ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(hashtextextended('projection document-status', 0))"
BATCH = 200
IDLE = 0.5
WAIT_FOR_OTHER = 5.0
AFTER_TROUBLE = 2.0


async def project(engine: AsyncEngine, reader: StreamReader, *, now: Callable[[], datetime]) -> None:
    """Keep the read model up to date for ever; an outage of broker or database is waited out and said once."""
    troubled = False
    while True:
        try:
            await _while_elected(engine, reader, now)
            troubled = False
            await asyncio.sleep(WAIT_FOR_OTHER)
        except (TransientError, *DATABASE_ERRORS) as error:
            if not troubled:
                log.warning("projection_waits", why=type(error).__name__)
            troubled = True
            await asyncio.sleep(AFTER_TROUBLE)


async def _while_elected(engine: AsyncEngine, reader: StreamReader, now: Callable[[], datetime]) -> None:
    async with engine.connect() as elected:
        await elected.execution_options(isolation_level="AUTOCOMMIT")
        if not await elected.scalar(text(ONE_AT_A_TIME)):
            return
        try:
            while True:
                documents = await catch_up(engine, reader, now=now)
                dead_letters = await catch_up_dead_letters(engine, reader, now=now)
                if not documents + dead_letters + await record_uses.catch_up(engine, reader, now=now):
                    # Also notices that the session, and with it the lock, is gone.
                    await elected.scalar(text("SELECT 1"))
                    await asyncio.sleep(IDLE)
        finally:
            # A connection that goes back to the pool would keep the lock.
            await elected.invalidate()


async def catch_up(engine: AsyncEngine, reader: StreamReader, *, now: Callable[[], datetime]) -> int:
    """Fold one batch; returns how many messages it held.

    Raises:
        TransientError: the broker is away, or another projector moved the position meanwhile.
    """
    async with engine.connect() as db:
        after = await position(db, NAME)
    batch = await reader.after(DOCUMENTS, after, most=BATCH)
    if not batch:
        return 0
    async with engine.begin() as db:
        await _store(db, batch)
        await advance(db, NAME, stream=DOCUMENTS, since=after, to=batch[-1].sequence, now=now())
    return len(batch)


async def rebuild(engine: AsyncEngine) -> None:
    """Drop every row and begin again at the start of the streams; the projector does the rest."""
    async with engine.begin() as db:
        await db.execute(delete(document_status))
        await rewind(db, NAME)
        await rewind(db, STUCK)
        await record_uses.begin_anew(db)


async def catch_up_dead_letters(engine: AsyncEngine, reader: StreamReader, *, now: Callable[[], datetime]) -> int:
    """Mark the documents of one batch of dead letters as stuck; returns how many there were.

    Raises:
        TransientError: the broker is away, or another projector moved a position meanwhile.
    """
    async with engine.connect() as db:
        after = await position(db, STUCK)
    batch = await reader.after(DEADLETTERS, after, most=BATCH)
    if not batch:
        return 0
    # A buried message is older than its dead letter: once DOCUMENTS is folded, its document is there.
    while await catch_up(engine, reader, now=now):
        pass
    async with engine.begin() as db:
        states = await _held(db, _events(batch))
        for each in batch:
            key = _key(each.event)
            if key in states:
                states[key] = marked(states[key], each)
        if states:
            await db.execute(_upsert(), [asdict(state) for state in states.values()])
        await advance(db, STUCK, stream=DEADLETTERS, since=after, to=batch[-1].sequence, now=now())
    return len(batch)


async def _store(db: AsyncConnection, batch: Sequence[Read]) -> None:
    states = await _held(db, _events(batch))
    for each in batch:
        if isinstance(each.event, DocumentFact):
            key = (each.event.connection, each.event.invoice_id)
            states[key] = fold(states.get(key), each.event, sequence=each.sequence)
    if states:
        await db.execute(_upsert(), [asdict(state) for state in states.values()])


def _events(batch: Sequence[Read]) -> list[Event]:
    return [each.event for each in batch if each.event is not None]


def _key(event: Event | None) -> tuple[str, str] | None:
    return (event.connection, event.invoice_id) if isinstance(event, DocumentFact) else None


async def _held(db: AsyncConnection, events: Iterable[Event]) -> dict[tuple[str, str], DocumentStatus]:
    keys = {key for key in map(_key, events) if key is not None}
    columns = document_status.c
    query = select(document_status).where(tuple_(columns.connection, columns.invoice_id).in_(sorted(keys)))
    rows = (await db.execute(query)).mappings().all() if keys else []
    return {(row["connection"], row["invoice_id"]): DocumentStatus.of(row) for row in rows}


def _upsert() -> Any:
    statement = insert(document_status)
    key = ("connection", "invoice_id")
    changed = {column.name: column for column in statement.excluded if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=changed)
