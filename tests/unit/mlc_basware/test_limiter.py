"""Fair use of somebody else's API."""

from __future__ import annotations

import asyncio
import time

import pytest

from mlc_basware.limiter import Limiter
from mlc_common.failures import TransientError


async def test_calls_are_spaced() -> None:
    limiter = Limiter(per_second=50, in_flight=4)
    began = time.monotonic()

    async def one() -> float:
        async with limiter.slot("call"):
            return time.monotonic() - began

    started = sorted(await asyncio.gather(*(one() for _ in range(6))))

    assert all(passed >= number / 50 - 0.002 for number, passed in enumerate(started))


async def test_no_more_calls_than_allowed_are_in_flight() -> None:
    limiter = Limiter(per_second=10_000, in_flight=3)
    now, most = 0, 0

    async def one() -> None:
        nonlocal now, most
        async with limiter.slot("call"):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.005)
            now -= 1

    await asyncio.gather(*(one() for _ in range(12)))

    assert most == 3


async def test_a_short_pause_is_waited_for() -> None:
    limiter = Limiter(per_second=10_000, in_flight=3)
    started = time.monotonic()
    limiter.pause(0.05)

    async with limiter.slot("call"):
        assert time.monotonic() - started >= 0.045


async def test_a_long_pause_is_left_to_the_stream() -> None:
    limiter = Limiter(per_second=10_000, in_flight=3)
    limiter.pause(30)

    with pytest.raises(TransientError, match="slow down") as failure:
        async with limiter.slot("Basware document"):
            pass

    assert failure.value.retry_after == pytest.approx(30, abs=1)
    assert not failure.value.counts
