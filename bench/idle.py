"""From a push to the moment Epicor receives UpdateMaster, one invoice at a time on an idle system."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

from bench.figure import Figure, percentile
from bench.journey import push, watching
from bench.pipeline import FIRST_SWEEP, WARM_UP, through, through_the_floor
from bench.place import Place, Say, running
from mlc_sandbox.samples import bulk_invoices

INVOICES = 50


async def measure(runs: int, say: Say) -> list[Figure]:
    """One invoice after another, then as many by the floor, in turn."""
    ours: list[list[float]] = []
    floor: list[list[float]] = []
    async with running(say) as place:
        await asyncio.sleep(FIRST_SWEEP)
        await through(place, WARM_UP)
        for number in range(1, runs + 1):
            say(f"idle, run {number} of {runs}")
            ours.append(await one_by_one(place, INVOICES))
            bare: dict[str, Any] = await through_the_floor(place, INVOICES, at_once=1)
            floor.append(bare["sent"])
    return [
        Figure(
            f"idle: push to UpdateMaster, {name}",
            "ms",
            [percentile(each, share) for each in ours],
            [percentile(each, share) for each in floor],
        )
        for name, share in (("p50", 0.50), ("p99", 0.99))
    ]


async def one_by_one(place: Place, number: int) -> list[float]:
    """Milliseconds from sending each push to Epicor's receipt of its UpdateMaster."""
    pushed: dict[str, datetime] = {}
    documents = bulk_invoices(number, seed=uuid.uuid4().int % 10**9)
    await place.far_sides.offer(documents)
    async with watching(place) as answered:
        for each in documents:
            pushed[each["invoiceNumber"]] = datetime.now(UTC)
            await push(place, [each["invoiceId"]])
            await answered.all_of([each["invoiceId"]], within=30)
    received = {
        call["invoice"]: datetime.fromisoformat(call["at"])
        for call in (await place.epicor("calls"))["calls"]
        if call["path"].endswith("/UpdateMaster")
    }
    return [(received[each] - at).total_seconds() * 1000 for each, at in pushed.items()]
