"""Signed pushes stored durably per second, by one gateway process and by two; and how long one waits at a calm rate."""

from __future__ import annotations

from typing import Any

from bench.figure import Figure
from bench.place import GATEWAY, Hook, Place, Say, bare_hook, program, running, second_gateway
from mlc_common.streams import NOTIFICATIONS

CONNECTIONS = 128
CALM = 500
"""Pushes a second: more than the largest tenant sends in its busiest hour."""

SECONDS = 4
FLOOR_SECONDS = 2


async def measure(runs: int, say: Say) -> list[Figure]:
    """Load on one, on two and on the floors, in turn; every 200 is looked for in the stream."""
    async with (
        running(say, services=(GATEWAY,)) as place,
        second_gateway(place, say) as other,
        bare_hook(place, say) as bare,
    ):
        one, two, floor, batches, calm, calm_floor = [], [], [], [], [], []
        for number in range(1, runs + 1):
            say(f"pushes, run {number} of {runs}")
            one.append(await load(place, place.gateway))
            floor.append(await load(place, bare))
            two.append(await load(place, place.gateway, other))
            batches.append(await program("bench.floor_publish", f"--seconds={FLOOR_SECONDS}", place=place))
            calm.append(await load(place, place.gateway, rate=CALM))
            calm_floor.append(await load(place, bare, rate=CALM))
    least = [each["per_second"] for each in floor]
    return [
        Figure("signed pushes stored, one gateway", "1/s", [each["per_second"] for each in one], least),
        Figure("signed pushes stored, two gateways", "1/s", [each["per_second"] for each in two], least),
        Figure("the same batches, published and nothing else", "1/s", [each["per_second"] for each in batches]),
        Figure(
            "gateway's CPU for a push",
            "ms",
            [each["gateway"] / each["stored"] * 1000 for each in one],
            [each["gateway"] / each["stored"] * 1000 for each in floor],
        ),
        *(
            Figure(
                f"a push's 200, {senders}, {share}",
                "ms",
                [each[share] for each in ours],
                [each[share] for each in theirs],
            )
            for senders, ours, theirs in (
                (f"{CONNECTIONS} senders without a pause", one, floor),
                (f"{CALM} pushes a second", calm, calm_floor),
            )
            for share in ("p50", "p99")
        ),
    ]


async def load(place: Place, *hooks: Hook, rate: float | None = None) -> dict[str, Any]:
    """One run of the load; adds the seconds of CPU of whatever took the pushes.

    Raises:
        RuntimeError: a push was refused, or what was answered 200 is not what the stream holds.
    """
    before, busy = await stored(place), sum(each.cpu() for each in hooks)
    options = (f"--connections={CONNECTIONS}", f"--seconds={SECONDS}", *([f"--rate={rate}"] if rate else ()))
    found: dict[str, Any] = await program("bench.load", *options, *(each.url for each in hooks), place=place)
    found["gateway"] = sum(each.cpu() for each in hooks) - busy
    really = await stored(place) - before
    if found["other"] or really != found["stored"]:
        raise RuntimeError(f"{found['stored']} pushes were answered 200, {found['other']} not; {really} are stored")
    return found


async def stored(place: Place) -> int:
    """Messages in the stream of pushes."""
    count: int = (await place.nats.jetstream().stream_info(NOTIFICATIONS)).state.messages
    return count
