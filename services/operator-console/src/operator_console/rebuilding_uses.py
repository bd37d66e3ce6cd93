"""The read model of the records' uses made anew from the stream, as that of the documents is (`rebuilding.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.beside import beside, hold_off, put_in_place
from mlc_common.projections import place
from mlc_common.streams import DOCUMENTS
from mlc_common.tables import record_uses
from operator_console.rebuilding import Rebuilt
from operator_console.record_uses import NAME, count, posted_after, uses_by
from operator_console.stream_reader import Read, StreamReader

BATCH = 400
"""Posted invoices that are folded at once; the server tells two last facts of each in one answer."""


async def rebuild(
    engine: AsyncEngine,
    reader: StreamReader,
    *,
    now: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _messages: None,
) -> Rebuilt:
    """Count everything beside, then put in place what differs.

    Args:
        progress: told how many posted invoices were counted, now and then.

    Raises:
        TransientError: the broker is away; nothing has changed.
    """
    last = messages = 0
    async with beside(engine, record_uses) as (db, new):
        async for batch in _batches(reader, after=last):
            async with db.begin():
                await count(db, new, await uses_by(db, batch, reader))
            last, messages = batch[-1].sequence, messages + len(batch)
            progress(messages)
        async with db.begin():
            await hold_off(db, record_uses)
            async for batch in _batches(reader, after=last):
                await count(db, new, await uses_by(db, batch, reader))
                last, messages = batch[-1].sequence, messages + len(batch)
            removed, changed = await put_in_place(db, record_uses, new)
            if last:
                await place(db, NAME, stream=DOCUMENTS, to=last, now=now())
    return Rebuilt(messages, removed, changed)


async def _batches(reader: StreamReader, *, after: int) -> AsyncIterator[Sequence[Read]]:
    """To the end that the stream has now; what comes in meanwhile must not keep a rebuild from its end."""
    pending = 1
    while pending and (batch := await posted_after(reader, after, most=BATCH)):
        yield batch
        after, pending = batch[-1].sequence, batch[-1].pending
