"""At most so many callers per connection at once, across all replicas, and one replica per invoice.

Each caller holds a PostgreSQL session with advisory locks: one for its slot, one for every identity it works on. The
database frees them the moment the session ends, so a killed process blocks nobody. What this does not guard against: a
session that dies unseen while its owner writes. Its slot may then be taken by another before that write has ended; so
`still_ours` is asked right before every write, and a duplicate is still refused by Epicor's own key.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError

_LOCK_TIMED_OUT = "55P03"
_PATIENCE_AT_ONE_SLOT = "400ms"
_AWAY = "The database that keeps the slots is away."
_LOST = "The slot was lost with its database session."

_FIRST = text("SELECT set_config('lock_timeout', :patience, false), pg_backend_pid()")
_TRY = text("SELECT pg_try_advisory_lock(:key)")
_WAIT = text("SELECT pg_advisory_lock(:key)")
_WHO = text("SELECT pg_backend_pid()")
_RELEASE = text("SELECT pg_advisory_unlock_all()")


class Slot:
    """One caller's place; `number` is its own among all replicas while it is held, from 0 to cap - 1."""

    def __init__(self, session: AsyncConnection, *, number: int, cap: int, backend: int) -> None:
        self.number = number
        self.cap = cap
        self._session = session
        self._backend = backend

    async def still_ours(self) -> None:
        """Make sure that the slot and its identities are still held.

        Raises:
            TransientError: the session was lost, and everything it held with it.
        """
        if self._session.invalidated:
            raise TransientError(_LOST, retry_after=1, counts=False)
        try:
            backend = (await self._session.execute(_WHO)).scalar_one()
        except DATABASE_ERRORS as error:
            raise TransientError(_AWAY, retry_after=1, counts=False) from error
        if backend != self._backend:
            raise TransientError(_LOST, retry_after=1, counts=False)


class Slots:
    """The slots of one connection.

    Args:
        engine: an engine of this connection's own with at least `cap` pooled sessions, which live as long as it.
        connection: the connection's name.
        cap: most callers at once, over all replicas.
    """

    def __init__(self, engine: AsyncEngine, connection: str, *, cap: int) -> None:
        self._engine = engine
        self._connection = connection
        self._cap = cap
        self._here = asyncio.Semaphore(cap)

    @asynccontextmanager
    async def hold(self, *identities: str) -> AsyncIterator[Slot]:
        """Wait for a slot, then hold it and the identities, none of which anybody else holds meanwhile.

        Raises:
            TransientError: somebody else works on an identity, or the database is away.
        """
        async with self._here, AsyncExitStack() as stack:
            yield await self._take(identities, stack)

    async def _take(self, identities: Sequence[str], stack: AsyncExitStack) -> Slot:
        try:
            session = await self._engine.connect()
            stack.push_async_callback(_give_back, session)
            await session.execution_options(isolation_level="AUTOCOMMIT")
            _, backend = (await session.execute(_FIRST, {"patience": _PATIENCE_AT_ONE_SLOT})).one()
            number = await self._number(session)
            for identity in sorted(identities):
                if not await _try(session, self._key("identity", identity)):
                    raise TransientError("Another worker has this invoice in hand.", retry_after=1, counts=False)
        except DATABASE_ERRORS as error:
            raise TransientError(_AWAY) from error
        return Slot(session, number=number, cap=self._cap, backend=backend)

    async def _number(self, session: AsyncConnection) -> int:
        """Any free slot; while there is none, queue at one for a moment, which the database does fairly."""
        while True:
            numbers = random.sample(range(self._cap), self._cap)
            for number in numbers:
                if await _try(session, self._key("slot", str(number))):
                    return number
            if await _queue(session, self._key("slot", str(numbers[0]))):
                return numbers[0]

    def _key(self, kind: str, name: str) -> int:
        digest = hashlib.sha256(f"{kind}\0{self._connection}\0{name}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


async def _try(session: AsyncConnection, key: int) -> bool:
    return bool((await session.execute(_TRY, {"key": key})).scalar_one())


async def _queue(session: AsyncConnection, key: int) -> bool:
    try:
        await session.execute(_WAIT, {"key": key})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_TIMED_OUT:
            return False
        raise
    return True


async def _give_back(session: AsyncConnection) -> None:
    if not session.invalidated:
        try:
            await session.execute(_RELEASE)
        except DATABASE_ERRORS:
            await session.invalidate()
    await session.close()
