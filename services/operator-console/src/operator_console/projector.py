"""The projection `document_status`: folds DOCUMENTS and DEADLETTERS in batches, one replica at a time.

The projection `record_uses` is kept up to date beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError
from mlc_common.projections import advance, position
from mlc_common.streams import DEADLETTERS, DOCUMENTS
from operator_console import record_uses
from operator_console.merging import Batch, Places, following
from operator_console.status_rows import fold_into
from operator_console.stream_reader import StreamReader

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
                folded = await catch_up(engine, reader, now=now)
                if not folded + await record_uses.catch_up(engine, reader, now=now):
                    # Also notices that the session, and with it the lock, is gone.
                    await elected.scalar(text("SELECT 1"))
                    await asyncio.sleep(IDLE)
        finally:
            # A connection that goes back to the pool would keep the lock.
            await elected.invalidate()


async def catch_up(engine: AsyncEngine, reader: StreamReader, *, now: Callable[[], datetime]) -> int:
    """Fold one batch; returns how many messages it held.

    Raises:
        TransientError: the broker is away, or another projector moved a position meanwhile.
    """
    async with engine.connect() as db:
        since = await places(db)
    batch = await following(reader, since, most=BATCH)
    if not batch.messages:
        return 0
    async with engine.begin() as db:
        await fold_into(db, batch.messages)
        await _advance(db, since, batch, now=now())
    return len(batch.messages)


async def places(db: AsyncConnection) -> Places:
    """Up to where both streams are folded."""
    return Places(await position(db, NAME), await position(db, STUCK))


async def _advance(db: AsyncConnection, since: Places, batch: Batch, *, now: datetime) -> None:
    to = batch.places
    if to.documents != since.documents:
        await advance(db, NAME, stream=DOCUMENTS, since=since.documents, to=to.documents, now=now)
    if to.letters != since.letters:
        await advance(db, STUCK, stream=DEADLETTERS, since=since.letters, to=to.letters, now=now)
