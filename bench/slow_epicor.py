"""With an Epicor that takes 400 ms for a call: how near the rate comes to what the calls alone allow."""

from __future__ import annotations

import asyncio
import time

from bench.figure import Figure
from bench.journey import must_agree, offer, push, watching
from bench.pipeline import FIRST_SWEEP, WARM_UP, through
from bench.place import CAP, Place, Say, running

LATENCY = 0.4
INVOICES = 32


async def measure(runs: int, say: Say) -> list[Figure]:
    """The floor is a ceiling here: all places of the cap busy all the time."""
    rates, ceilings, calls = [], [], []
    async with running(say) as place:
        await asyncio.sleep(FIRST_SWEEP)
        await through(place, WARM_UP)
        await place.epicor("settings", {"latency": LATENCY})
        for number in range(1, runs + 1):
            say(f"slow Epicor, run {number} of {runs}")
            rate, calls_each = await slowly(place, INVOICES)
            rates.append(rate)
            calls.append(calls_each)
            ceilings.append(CAP / (calls_each * LATENCY))
    return [
        Figure(f"Epicor at {LATENCY * 1000:g} ms a call, cap {CAP}: invoices", "1/s", rates, ceilings),
        Figure("  calls to Epicor for an invoice", "", calls),
    ]


async def slowly(place: Place, number: int) -> tuple[float, float]:
    """Invoices per second, and calls to Epicor for one."""
    ids = await offer(place, number)
    before = (await place.epicor("calls"))["total"]
    async with watching(place) as answered:
        started = time.perf_counter()
        await push(place, ids)
        await answered.all_of(ids, within=120)
        took = time.perf_counter() - started
    calls = (await place.epicor("calls"))["total"] - before
    await must_agree(place, ids)
    return number / took, calls / number
