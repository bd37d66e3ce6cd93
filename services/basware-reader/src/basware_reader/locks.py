"""One replica sweeps a connection at a time: PostgreSQL advisory locks, all of a process on one database session."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError


def lock_key(connection: str) -> int:
    """The advisory lock of a connection's sweep, a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(f"basware-sweep/{connection}".encode()).digest()[:8], signed=True)


class SweepLocks:
    """Advisory locks by connection name; one session holds them all, so that sweeps do not empty the pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._session: AsyncConnection | None = None
        self._held: set[str] = set()
        self._one_statement = asyncio.Lock()

    @asynccontextmanager
    async def held(self, connection: str) -> AsyncIterator[bool]:
        """Whether the lock is ours while inside; False when anybody else has it.

        Raises:
            TransientError: the database is away.
        """
        if connection in self._held:
            yield False
            return
        self._held.add(connection)
        try:
            ours = await self._ask("SELECT pg_try_advisory_lock(:key)", connection)
            try:
                yield ours
            finally:
                if ours:
                    await self._ask("SELECT pg_advisory_unlock(:key)", connection)
        finally:
            self._held.discard(connection)
            if not self._held:
                await self._leave()

    async def _ask(self, statement: str, connection: str) -> bool:
        async with self._one_statement:
            try:
                if self._session is None:
                    made = await self._engine.connect()
                    self._session = await made.execution_options(isolation_level="AUTOCOMMIT")
                return bool(await self._session.scalar(text(statement), {"key": lock_key(connection)}))
            except (asyncio.CancelledError, *DATABASE_ERRORS) as failure:
                await self._leave()
                if isinstance(failure, asyncio.CancelledError):
                    raise
                raise TransientError("The database does not answer; the sweep waits for its next turn.") from failure

    async def _leave(self) -> None:
        """Close the session; the server lets go of every lock it held."""
        session, self._session = self._session, None
        if session is not None:
            # Back in the pool it would keep the locks that were not released one by one.
            await session.invalidate()
            await session.close()
