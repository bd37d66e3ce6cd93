"""When runs happen: at the start, on a timer, one replica at a time; trouble is retried sooner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import FailureError, TransientError
from mlc_common.settings import Timings

log = structlog.stdlib.get_logger(__name__)

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


async def keep_running(name: str, run: Callable[[], Awaitable[None]], *, every: float, timings: Timings) -> None:
    """Run for ever, so many seconds apart; after a failure sooner, with growing pauses."""
    failures = 0
    while True:
        try:
            await run()
            failures = 0
        except FailureError as failure:
            failures += 1
            log.warning("run_failed", run=name, why=str(failure), failures=failures)
        await asyncio.sleep(pause(failures, every=every, timings=timings))


def pause(failures: int, *, every: float, timings: Timings) -> float:
    """Seconds until the next run: the schedule, or sooner after failures."""
    if not failures:
        return every
    return min(every, timings.retry_ceiling, timings.retry_base * float(2 ** min(failures - 1, 20)))
