"""At most so many callers per connection at once, across all replicas, and one replica per invoice.

Each caller holds a PostgreSQL session with advisory locks: one for its slot, one for every identity it works on. The
database frees them the moment the session ends, so a killed process blocks nobody. A caller whose session dies may
still wait for an answer of Epicor: it takes its slot again as soon as the database is back, and for a moment after that
nobody else takes one. The identities are lost: `still_ours` is asked right before every write, and a duplicate is still
refused by Epicor's own key.

What this does not guard against: a database that is back for some callers only, and calls that a killed process left.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.ending import surely_ended
from mlc_common.failures import TransientError

GRACE = 3.0
"""Seconds after the database came back, or a session was lost, in which nobody takes a slot but who had it."""

_TRIED_AGAIN = 0.1
"""Seconds between two tries to take a lost slot again."""

_PATIENCE_AT_ONE_SLOT = "400ms"
_AWAY = "The database that keeps the slots is away."
_LOST = "The slot was lost with its database session."
_IN_HAND = "Another worker has this invoice in hand."

_FIRST = """
    SELECT set_config('lock_timeout', $1, false), pg_backend_pid() AS backend, pg_try_advisory_lock($2) AS slot,
           (SELECT coalesce(bool_and(pg_try_advisory_lock(key)), true) FROM unnest($3::bigint[]) AS key) AS identities,
           extract(epoch FROM pg_postmaster_start_time() - clock_timestamp())::float8 + $4 AS too_early
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
        grace: see `GRACE`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        connection: str,
        *,
        cap: int,
        held: Callable[[], AbstractContextManager[object]] = nullcontext,
        grace: float = GRACE,
    ) -> None:
        self._engine = engine
        self._connection = connection
        self._cap = cap
        self._held = held
        self._here = asyncio.Semaphore(cap)
        self._ours: set[int] = set()
        """Slots taken here: not worth trying. Only a hint; the database decides."""
        self._grace = grace
        self._quiet_until = 0.0

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
            driver.add_termination_listener(self._session_lost)
            asked = (
                _FIRST,
                _PATIENCE_AT_ONE_SLOT,
                self._key("slot", str(number)),
                [*map(key, identities)],
                self._grace,
            )
            got = await driver.fetchrow(*asked)
            while (wait := max(got["too_early"], self._quiet_until - asyncio.get_running_loop().time())) > 0:
                await driver.execute(_RELEASE)
                await asyncio.sleep(wait)
                got = await driver.fetchrow(*asked)
            if not got["identities"]:
                raise TransientError(_IN_HAND, retry_after=1, counts=False)
            if not got["slot"]:
                self._ours.discard(number)
                number = await self._number(driver)
                self._ours.add(number)
        except DATABASE_ERRORS as error:
            raise TransientError(_AWAY) from error
        stack.enter_context(self._watched(session, driver, stack, number))
        return Slot(driver, number=number, cap=self._cap, backend=got["backend"], key=key)

    def _session_lost(self, _driver: object) -> None:
        """Others may have lost theirs in the middle of a call: they go first."""
        self._quiet_until = asyncio.get_running_loop().time() + self._grace

    @contextmanager
    def _watched(self, session: AsyncConnection, driver: Any, stack: AsyncExitStack, number: int) -> Iterator[None]:
        """Take the slot again when its session is lost; what it is held for is not over yet."""

        def lost(_driver: object) -> None:
            stack.push_async_callback(surely_ended, asyncio.create_task(self._take_again(session, number)))

        driver.add_termination_listener(lost)
        try:
            yield
        finally:
            driver.remove_termination_listener(lost)

    async def _take_again(self, session: AsyncConnection, number: int) -> None:
        """Take the slot with a new session as soon as there is a database; it goes with that session."""
        while True:
            with suppress(*DATABASE_ERRORS):
                await session.invalidate()
                driver: Any = (await session.get_raw_connection()).driver_connection
                while not driver.is_closed():
                    if await driver.fetchval(_TRY, self._key("slot", str(number))):
                        await _closed(driver)
                    await asyncio.sleep(_TRIED_AGAIN)
            await asyncio.sleep(_TRIED_AGAIN)

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


async def _closed(driver: Any) -> None:
    """Wait until the session is over."""
    over = asyncio.Event()
    driver.add_termination_listener(lambda _driver: over.set())
    await over.wait()


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
