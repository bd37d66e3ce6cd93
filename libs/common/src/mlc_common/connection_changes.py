"""The one way to write connections: writers run one after another, and each change is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.tables import connection_changes


@dataclass(frozen=True, slots=True)
class Change:
    """A writer's transaction.

    Attributes:
        db: the transaction.
        sealing_key: id of the master key that wraps new data keys since the last rotation; None before the first.
    """

    db: AsyncConnection
    sealing_key: str | None

    async def announce(self, *, sealing_key: str | None = None) -> None:
        """Count a change, so that every service loads anew; name the master key for new data keys if it changes."""
        values = {"counter": connection_changes.c.counter + 1}
        named = {"master_key_id": sealing_key} if sealing_key else {}
        await self.db.execute(update(connection_changes).values(**values, **named))


@asynccontextmanager
async def changing(engine: AsyncEngine) -> AsyncIterator[Change]:
    """One transaction that no other writer overlaps. Readers are not held up."""
    async with engine.begin() as db:
        row = await db.execute(select(connection_changes.c.master_key_id).with_for_update())
        yield Change(db=db, sealing_key=row.scalar_one())


async def change_count(db: AsyncConnection) -> int:
    """How many changes there were; the cheap question whether a view is still current."""
    return int((await db.execute(select(connection_changes.c.counter))).scalar_one())
