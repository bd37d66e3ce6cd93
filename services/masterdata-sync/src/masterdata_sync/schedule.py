"""One replica at a time, and how long trouble is waited out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError
from mlc_common.settings import Timings

_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_RELEASE = text("SELECT pg_advisory_unlock_all()")


@asynccontextmanager
async def elected(engine: AsyncEngine, name: str) -> AsyncIterator[bool]:
    """Whether this replica may run `name` now; nobody else may while the block lasts.

    Raises:
        TransientError: the database is away.
    """
    try:
        async with engine.connect() as session:
            await session.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield bool(await session.scalar(_TRY, {"name": name}))
            finally:
                await session.execute(_RELEASE)
    except DATABASE_ERRORS as error:
        raise TransientError("The database does not answer.") from error


def pause(failures: int, *, timings: Timings) -> float:
    """Seconds until something that failed so often is tried again."""
    return min(timings.retry_ceiling, timings.retry_base * float(2 ** min(max(failures, 1) - 1, 20)))
