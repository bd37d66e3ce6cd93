"""Invoices per second from the push to the answer, and the CPU each process needs for one.

The far sides answer at once (`bench/static_far_sides.py`), to the product as to the floor.
"""

from __future__ import annotations

import time
from typing import Any

from bench.figure import Figure
from bench.journey import must_agree, offer, push, watching
from bench.place import CAP, SERVICES, Place, Say, program, running

INVOICES = 600
WARM_UP = 40
WELL_WARM = 300
UNDISTURBED = {"delivery_pauses": "[600]"}
"""What became of an answer behind Basware's API is asked for later; else one run would do it during another."""

FIRST_SWEEP = 2.5
"""Seconds after the start until the first sweep is over; it would read what is meant for the floor."""


async def measure(runs: int, say: Say) -> list[Figure]:
    """A run of the product, then one of the floor, in turn."""
    rates, costs, floor = [], [], []
    async with running(say, static=True, timings=UNDISTURBED) as place:
        await through(place, WELL_WARM)
        for number in range(1, runs + 1):
            say(f"pipeline, run {number} of {runs}")
            rate, cost = await through(place, INVOICES)
            rates.append(rate)
            costs.append(cost)
            floor.append(await through_the_floor(place, INVOICES, at_once=CAP))
    ours = [sum(each[service] for service in SERVICES) for each in costs]
    return [
        Figure("invoices, push to answer", "1/s", rates, [each["per_second"] for each in floor]),
        Figure("the services' CPU for an invoice", "ms", ours, [each["cpu"] for each in floor]),
        *(Figure(f"  {name}", "ms", [each[name] for each in costs]) for name in costs[0]),
    ]


async def through(place: Place, number: int) -> tuple[float, dict[str, float]]:
    """Bring so many invoices through; invoices per second, and milliseconds of CPU for one by process."""
    ids = await offer(place, number)
    async with watching(place) as answered:
        before, started = place.cpu(), time.perf_counter()
        await push(place, ids)
        await answered.all_of(ids, within=120)
        took, after = time.perf_counter() - started, place.cpu()
    await must_agree(place, ids)
    return number / took, {name: (after[name] - before[name]) / number * 1000 for name in after}


async def through_the_floor(place: Place, number: int, *, at_once: int) -> dict[str, Any]:
    """The same by the least possible program."""
    ids = await offer(place, number)
    ports = (str(place.ports.basware), str(place.ports.epicor))
    given = "\n".join(ids).encode()
    found: dict[str, Any] = await program(
        "bench.floor_bridge", *ports, f"--at-once={at_once}", place=place, given=given
    )
    await must_agree(place, ids)
    return found
