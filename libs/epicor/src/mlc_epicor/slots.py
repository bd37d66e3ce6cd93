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
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError

_PATIENCE_AT_ONE_SLOT = "400ms"
_AWAY = "The database that keeps the slots is away."
_LOST = "The slot was lost with its database session."
_IN_HAND = "Another worker has this invoice in hand."

_FIRST = """
    SELECT set_config('lock_timeout', $1, false), pg_backend_pid() AS backend, pg_try_advisory_lock($2) AS slot,
           (SELECT coalesce(bool_and(pg_try_advisory_lock(key)), true) FROM unnest($3::bigint[]) AS key) AS identities
"""
_MORE = "SELECT coalesce(bool_and(pg_try_advisory_lock(key)), true) FROM unnest($1::bigint[]) AS key"
_TRY = "SELECT pg_try_advisory_lock($1)"
_WAIT = "SELECT pg_advisory_lock($1)"
_WHO = "SELECT pg_backend_pid()"
_RELEASE = "SELECT pg_advisory_unlock_all()"


class Slot:
    """One caller's place; `number` is its own among all replicas while it is held, from 0 to cap - 1."""

    def __init__(self, driver: Any, *, number: int, cap: int, backend: int, key: Callable[[str], int]) -> None:
        self.number = number
        self.cap = cap
        self._key = key
        self._driver = driver
        self._backend = backend

    async def hold_also(self, *identities: str) -> None:
        """Hold more identities, as long as the slot is held.

        Raises:
            TransientError: somebody else works on one of them, or the session was lost.
        """
        if not identities:
            return
        await self.still_ours()
        try:
            got = await self._driver.fetchval(_MORE, [self._key(each) for each in identities])
        except DATABASE_ERRORS as error:
            raise TransientError(_AWAY, retry_after=1, counts=False) from error
        if not got:
            raise TransientError(_IN_HAND, retry_after=1, counts=False)

    async def still_ours(self) -> None:
        """Make sure that the slot and its identities are still held.

        Raises:
            TransientError: the session was lost, and everything it held with it.
        """
        if self._driver.is_closed():
            raise TransientError(_LOST, retry_after=1, counts=False)
        try:
            backend = await self._driver.fetchval(_WHO)
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
        held: entered while a slot is held, to count them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        connection: str,
        *,
        cap: int,
        held: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._engine = engine
        self._connection = connection
        self._cap = cap
        self._held = held
        self._here = asyncio.Semaphore(cap)
        self._ours: set[int] = set()
        """Slots taken here: not worth trying. Only a hint; the database decides."""

    @asynccontextmanager
    async def hold(self, *identities: str) -> AsyncIterator[Slot]:
        """Wait for a slot, then hold it and the identities, none of which anybody else holds meanwhile.

        Raises:
            TransientError: somebody else works on an identity, or the database is away.
        """
        async with self._here, AsyncExitStack() as stack:
            slot = await self._take(identities, stack)
            stack.enter_context(self._held())
            yield slot

    async def _take(self, identities: Sequence[str], stack: AsyncExitStack) -> Slot:
        # One question for slot and identities, straight to the driver: this is asked for every invoice.
        number = random.choice(sorted(set(range(self._cap)) - self._ours))  # noqa: S311 - spreading, no secret
        self._ours.add(number)
        stack.callback(lambda: self._ours.discard(number))
        key = partial(self._key, "identity")
        try:
            session = await self._engine.connect()
            driver: Any = (await session.get_raw_connection()).driver_connection
            stack.push_async_callback(_give_back, session, driver)
            got = await driver.fetchrow(
                _FIRST, _PATIENCE_AT_ONE_SLOT, self._key("slot", str(number)), [*map(key, identities)]
            )
            if not got["identities"]:
                raise TransientError(_IN_HAND, retry_after=1, counts=False)
            if not got["slot"]:
                self._ours.discard(number)
                number = await self._number(driver)
                self._ours.add(number)
        except DATABASE_ERRORS as error:
            raise TransientError(_AWAY) from error
        return Slot(driver, number=number, cap=self._cap, backend=got["backend"], key=key)

    async def _number(self, driver: Any) -> int:
        """Any free slot; while there is none, queue at one for a moment, which the database does fairly."""
        while True:
            numbers = random.sample(range(self._cap), self._cap)
            for number in numbers:
                if await driver.fetchval(_TRY, self._key("slot", str(number))):
                    return number
            if await _queue(driver, self._key("slot", str(numbers[0]))):
                return numbers[0]

    def _key(self, kind: str, name: str) -> int:
        digest = hashlib.sha256(f"{kind}\0{self._connection}\0{name}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


async def _queue(driver: Any, key: int) -> bool:
    try:
        await driver.execute(_WAIT, key)
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def _give_back(session: AsyncConnection, driver: Any) -> None:
    released = False
    try:
        with suppress(*DATABASE_ERRORS):
            await driver.execute(_RELEASE)
            released = True
    finally:
        if not released:
            await session.invalidate()
        await session.close()
