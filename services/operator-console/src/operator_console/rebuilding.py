"""The read model of documents made anew from the streams, while everything runs and readers go on reading.

It is folded from the first message into a table of this session's own; then, in one transaction that holds off the
projector and no reader, the rest is folded and what differs is put in place. A rebuild that is killed leaves nothing.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.beside import beside, hold_off, put_in_place
from mlc_common.ending import surely_ended
from mlc_common.projections import place
from mlc_common.streams import DEADLETTERS, DOCUMENTS
from mlc_common.tables import document_status
from operator_console.merging import Batch, Message, Places, following
from operator_console.projector import NAME, STUCK
from operator_console.status_rows import MEMBERS, folded, keys_of, row_of
from operator_console.stream_reader import StreamReader
from operator_console.view import DocumentStatus

BATCH = 5000
ALLOCATIONS = 100_000
"""Objects that come to be before cycles are looked for among them."""

BESIDE = f"{document_status.name}_beside"
_TAKE = f"""
    DELETE FROM {BESIDE} AS beside USING unnest($1::text[], $2::text[]) AS key (connection, invoice_id)
    WHERE beside.connection = key.connection AND beside.invoice_id = key.invoice_id RETURNING beside.*
"""  # noqa: S608 - names of our own tables


@dataclass(frozen=True)
class Rebuilt:
    """How many messages were folded, and how many rows were wrong: removed, or put in anew."""

    messages: int
    removed: int
    changed: int


async def rebuild(
    engine: AsyncEngine,
    reader: StreamReader,
    *,
    now: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _messages: None,
) -> Rebuilt:
    """Fold everything beside, then put in place what differs.

    Args:
        progress: told how many messages were folded, now and then.

    Raises:
        TransientError: the broker is away; nothing has changed.
    """
    async with beside(engine, document_status) as (db, new):
        with _rarely_collected():
            places, messages = await _fold_all(db, reader, Places(), progress)
        async with db.begin():
            # Before the positions too, which every writer moves after its rows.
            await hold_off(db, document_status)
            places, rest = await _fold_all(db, reader, places, progress)
            removed, changed = await put_in_place(db, document_status, new)
            await _place(db, places, now())
        return Rebuilt(messages + rest, removed, changed)


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Look for cycles seldom: thousands of events live for a moment and hold none; a fifth of the time goes there."""
    before = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _fold_all(
    db: AsyncConnection,
    reader: StreamReader,
    places: Places,
    progress: Callable[[int], None],
) -> tuple[Places, int]:
    """Fold to the end that the streams have now."""
    messages = 0
    async for batch in _batches(reader, places):
        await _fold(db, batch.messages)
        places, messages = batch.places, messages + len(batch.messages)
        progress(messages)
    return places, messages


async def _fold(db: AsyncConnection, messages: Sequence[Message]) -> None:
    """Take the documents' rows out, fold, and put them back by COPY: straight to the driver, it is most of the work."""
    driver: asyncpg.Connection = (await db.get_raw_connection()).driver_connection
    keys = keys_of(messages)
    taken = await driver.fetch(_TAKE, [each[0] for each in keys], [each[1] for each in keys])
    known = {(row["connection"], row["invoice_id"]): DocumentStatus.of(dict(row)) for row in taken}
    rows = [tuple(row_of(each).values()) for each in folded(known, messages)]
    await driver.copy_records_to_table(BESIDE, records=rows, columns=MEMBERS)


async def _batches(reader: StreamReader, places: Places) -> AsyncIterator[Batch]:
    """One after another; the next one is read while the last one is folded.

    They end with one that is not full: what comes in meanwhile must not keep a rebuild from its end.
    """
    ahead = asyncio.create_task(following(reader, places, most=BATCH))
    try:
        while len((batch := await ahead).messages) >= BATCH:
            ahead = asyncio.create_task(following(reader, batch.places, most=BATCH))
            yield batch
        if batch.messages:
            yield batch
    finally:
        await surely_ended(ahead)


async def _place(db: AsyncConnection, places: Places, now: datetime) -> None:
    if places.documents:
        await place(db, NAME, stream=DOCUMENTS, to=places.documents, now=now)
    if places.letters:
        await place(db, STUCK, stream=DEADLETTERS, to=places.letters, now=now)
