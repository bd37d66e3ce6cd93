"""Idempotent Receiver for read models: the position in the stream is stored in the same transaction as the rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mlc_common.failures import TransientError
from mlc_common.tables import projection_positions


async def position(db: AsyncConnection, name: str) -> int:
    """The sequence of the last message this projection has folded; 0 before the first."""
    found = await db.scalar(select(projection_positions.c.position).filter_by(name=name))
    return int(found or 0)


async def advance(db: AsyncConnection, name: str, *, stream: str, since: int, to: int, now: datetime) -> None:
    """Move the position in the caller's transaction.

    Args:
        since: the position from which the caller read.
        to: the sequence of the last message it folded.

    Raises:
        TransientError: the position is another one by now; the caller's transaction must not be kept.
    """
    facts = {"stream": stream, "position": to, "updated_at": now}
    if since == 0:
        first = insert(projection_positions).values(name=name, **facts).on_conflict_do_nothing()
        moved = await db.execute(first)
    else:
        moved = await db.execute(update(projection_positions).filter_by(name=name, position=since).values(**facts))
    if moved.rowcount != 1:
        raise TransientError(f"The projection {name} was moved by somebody else meanwhile.")


async def place(db: AsyncConnection, name: str, *, stream: str, to: int, now: datetime) -> None:
    """Set the position, wherever it was, in the caller's transaction, which holds every writer of the rows off."""
    facts = {"stream": stream, "position": to, "updated_at": now}
    statement = insert(projection_positions).values(name=name, **facts)
    await db.execute(statement.on_conflict_do_update(index_elements=("name",), set_=facts))


async def rewind(db: AsyncConnection, name: str) -> None:
    """Begin again at the start of the stream, in the caller's transaction."""
    await db.execute(delete(projection_positions).filter_by(name=name))
