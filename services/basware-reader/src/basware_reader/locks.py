"""Who is at what, across replicas: PostgreSQL advisory locks, all of a process on one database session."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError

_TAKE = "SELECT pg_try_advisory_lock($1)"
_LET_GO = "SELECT pg_advisory_unlock($1)"


class InHandError(TransientError):
    """Somebody else is at this document now."""


def lock_key(name: str) -> int:
    """The advisory lock of a name, a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


class Locks:
    """Advisory locks by name; nobody waits for one.

    One session holds them all, so that work in hand does not empty the pool; it goes back when nothing is held. A lost
    session loses every lock: whoever is about to do what must not be done twice asks `kept` first.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._session: AsyncConnection | None = None
        self._driver: Any = None
        self._held: dict[str, Any] = {}
        self._one_statement = asyncio.Lock()

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[bool]:
        """Whether the lock is ours while inside; False when anybody else has it.

        Raises:
            TransientError: the database is away.
        """
        if name in self._held:
            yield False
            return
        self._held[name] = None
        taking = asyncio.ensure_future(self._take(name))
        try:
            # Shielded, for a statement cut short would cost the session, and with it everybody's locks.
            yield await asyncio.shield(taking)
        finally:
            await asyncio.shield(self._let_go(name, taking))

    def kept(self, name: str) -> bool:
        """Whether a lock that was ours still is, as far as its session can tell without asking."""
        driver = self._held.get(name)
        return driver is not None and driver is self._driver and not driver.is_closed()

    async def _take(self, name: str) -> bool:
        ours = await self._ask(_TAKE, name)
        self._held[name] = self._driver if ours else None
        return ours

    async def _let_go(self, name: str, taking: asyncio.Future[bool]) -> None:
        await asyncio.wait([taking])
        taken = taking.exception() is None and taking.result()
        try:
            if taken and self.kept(name):
                with suppress(TransientError):  # the session is gone, and the lock with it
                    await self._ask(_LET_GO, name)
        finally:
            del self._held[name]
            await self._rest()

    async def _ask(self, statement: str, name: str) -> bool:
        async with self._one_statement:
            try:
                if self._session is None:
                    self._session = await self._engine.connect()
                    self._driver = (await self._session.get_raw_connection()).driver_connection
                return bool(await self._driver.fetchval(statement, lock_key(name)))
            except DATABASE_ERRORS as failure:
                await self._leave(lost=True)
                raise TransientError("The database that keeps the locks does not answer.", retry_after=1) from failure

    async def _rest(self) -> None:
        async with self._one_statement:
            if not self._held:
                await self._leave(lost=False)

    async def _leave(self, *, lost: bool) -> None:
        """Give the session back, or end it: the server then lets go of every lock it held."""
        session, self._session, self._driver = self._session, None, None
        if session is not None:
            if lost:
                await session.invalidate()
            await session.close()


@dataclass(frozen=True)
class Alone:
    """One document, and the right to be the only one at it."""

    locks: Locks
    name: str

    def confirm(self) -> None:
        """Make sure that it is still ours, right before what must not be done twice.

        Raises:
            TransientError: the lock was lost with its database session.
        """
        if not self.locks.kept(self.name):
            raise TransientError("The document's lock was lost with its database session.", retry_after=1)


@asynccontextmanager
async def alone(locks: Locks, connection: str, invoice_id: str) -> AsyncIterator[Alone]:
    """Be the only one in any replica who reads, acknowledges or answers this document.

    Basware must never get an acknowledge and an answer at once (Basware API reference, §5), and what is read must not
    be decided on twice.

    Raises:
        InHandError: somebody else is at it.
        TransientError: the database is away.
    """
    name = f"basware-document/{connection}/{invoice_id}"
    async with locks.held(name) as ours:
        if not ours:
            raise InHandError("Somebody else has this document in hand.", retry_after=1, counts=False)
        yield Alone(locks, name)


def sweep_lock(connection: str) -> str:
    """The name of the lock on a connection's sweep."""
    return f"basware-sweep/{connection}"
