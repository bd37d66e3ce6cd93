"""Fair use: how fast and how many at once this connection may call Basware (Basware API reference, §10.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mlc_common.failures import TransientError

LONGEST_WAIT = 2.0
"""Seconds a call waits for the end of a pause that Basware asked for; a longer one is left to the stream."""


class Limiter:
    """Spaces calls evenly, caps those in flight, and holds them back while Basware asks to slow down."""

    def __init__(self, *, per_second: float, in_flight: int) -> None:
        self._gap = 1 / per_second
        self._places = asyncio.Semaphore(in_flight)
        self._next = 0.0
        self._paused_until = 0.0

    @asynccontextmanager
    async def slot(self, what: str) -> AsyncIterator[None]:
        """One call's place; entered when its turn has come.

        Raises:
            TransientError: Basware asked for a pause that has not ended.
        """
        async with self._places:
            await self._turn(what)
            yield

    def pause(self, seconds: float) -> None:
        """Let no call out for so many seconds."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    async def _turn(self, what: str) -> None:
        clock = asyncio.get_running_loop().time
        while (pause := self._paused_until - clock()) > 0:
            if pause > LONGEST_WAIT:
                raise TransientError(f"{what}: Basware asked to slow down.", retry_after=pause, counts=False)
            await asyncio.sleep(pause)
        turn = max(self._next, clock())
        self._next = turn + self._gap
        await asyncio.sleep(max(turn - clock(), 0))
