"""Signed pushes stored durably per second, by one gateway process and by two."""

from __future__ import annotations

from typing import Any

from bench.figure import Figure
from bench.place import GATEWAY, Place, Say, program, running, second_gateway
from mlc_common.streams import NOTIFICATIONS

CONNECTIONS = 128
SECONDS = 4
FLOOR_SECONDS = 2


async def measure(runs: int, say: Say) -> list[Figure]:
    """Load, floor, load on two, in turn; every 200 is looked for in the stream."""
    async with running(say, services=(GATEWAY,)) as place, second_gateway(place, say) as other:
        one, two, floor = [], [], []
        for number in range(1, runs + 1):
            say(f"pushes, run {number} of {runs}")
            one.append(await load(place, place.hook))
            floor.append(await program("bench.floor_publish", f"--seconds={FLOOR_SECONDS}", place=place))
            two.append(await load(place, place.hook, other))
    bare = [each["per_second"] for each in floor]
    return [
        Figure("signed pushes stored, one gateway", "1/s", [each["per_second"] for each in one], bare),
        Figure("signed pushes stored, two gateways", "1/s", [each["per_second"] for each in two], bare),
        Figure("time to a push's 200, p50", "ms", [each["p50"] for each in one]),
        Figure("time to a push's 200, p99", "ms", [each["p99"] for each in one], [each["p99"] for each in floor]),
        Figure(
            "gateway's CPU for a push",
            "ms",
            [each["gateway"] / each["stored"] * 1000 for each in one],
            [each["cpu"] / each["stored"] * 1000 for each in floor],
        ),
    ]


async def load(place: Place, *hooks: str) -> dict[str, Any]:
    """One run of the load; adds the gateway's CPU seconds.

    Raises:
        RuntimeError: a push was refused, or what was answered 200 is not what the stream holds.
    """
    before, busy = await stored(place), place.cpu()[GATEWAY]
    options = (f"--connections={CONNECTIONS}", f"--seconds={SECONDS}")
    found: dict[str, Any] = await program("bench.load", *options, *hooks, place=place)
    found["gateway"] = place.cpu()[GATEWAY] - busy
    really = await stored(place) - before
    if found["other"] or really != found["stored"]:
        raise RuntimeError(f"{found['stored']} pushes were answered 200, {found['other']} not; {really} are stored")
    return found


async def stored(place: Place) -> int:
    """Messages in the stream of pushes."""
    count: int = (await place.nats.jetstream().stream_info(NOTIFICATIONS)).state.messages
    return count
