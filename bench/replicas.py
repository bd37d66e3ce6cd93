"""One, two and four processes of a service: what each adds, and that no message is in two hands.

Far sides take their time, so that the places of the workers decide and not the two cores that everything shares.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.figure import Figure
from bench.journey import Answered, must_agree, offer, push, watching
from bench.place import CONNECTION, GATEWAY, READER, WRITER, Place, Say, replica, running
from mlc_common.streams import DOCUMENTS, Durable, reader_durable, token, writer_durable

LATENCY = 0.1
"""Seconds of every call to the far side of the service that is looked at."""

WORKERS = 2
CAP = 7
"""Calls in flight to Epicor: three writers with two workers each stay below it, four would not."""

STEPS = (1, 2, 4)
STARTING, SETTLED = 8.0, 1.5
"""Seconds that the start of processes may take, and then until the count begins."""


@dataclass(frozen=True)
class Scaled:
    """A service to run more of.

    Args:
        facts: what it records of a document, each once, the last one last.
        calls: to its far side for a document, at least.
        seconds: of a count.
        most: documents that all processes together may have in hand.
        command: what to run as that service.
    """

    service: str
    durable: Durable
    facts: Sequence[str]
    calls: int
    seconds: float
    most: int
    command: Sequence[str] = ()

    def places(self, processes: int) -> int:
        """Documents that so many processes may have in hand."""
        return min(processes * WORKERS, self.most)

    @property
    def enough(self) -> int:
        """Documents that keep all of them busy to the end."""
        each = (STARTING + SETTLED + self.seconds) / (self.calls * LATENCY)
        return int(each * sum(self.places(processes) for processes in STEPS))


WRITERS = Scaled(
    WRITER,
    writer_durable(CONNECTION),
    facts=("intended", "posted"),
    calls=12,
    seconds=8,
    most=CAP,
    command=(sys.executable, "-m", "bench.few_workers"),
)
READERS = Scaled(
    READER,
    reader_durable(CONNECTION),
    facts=("approved", "acknowledged"),
    calls=2,
    seconds=5,
    most=max(STEPS) * WORKERS,
)


async def measure(runs: int, say: Say) -> list[Figure]:
    """Writers before a slow Epicor, then readers before a slow Basware."""
    writers, readers, busiest = [], [], []
    for number in range(1, runs + 1):
        say(f"replicas, run {number} of {runs}")
        async with running(say, services=(GATEWAY, READER), static=True, cap=CAP) as place:
            writers.append(await share_posting(place, say))
            busiest.append((await place.epicor("calls"))["max_in_flight"])
        async with running(say, services=(GATEWAY,), static=True) as place:
            readers.append(await share_reading(place, say))
    slow = f"{LATENCY * 1000:g} ms a call, {WORKERS} documents each"
    return [
        *_figures(f"posted, Epicor at {slow}, cap {CAP}", WRITERS, writers),
        Figure("  most calls in flight that Epicor saw", "", busiest, [CAP] * runs),
        *_figures(f"read, Basware at {slow}", READERS, readers),
    ]


def _figures(what: str, scaled: Scaled, rates: Sequence[Sequence[float]]) -> list[Figure]:
    """A row for each number of processes; the floor is what one of them reached, times the places there are."""
    return [
        Figure(
            f"{what}: {processes} {scaled.service}",
            "1/s",
            [each[step] for each in rates],
            [each[0] * scaled.places(processes) / WORKERS for each in rates] if step else (),
        )
        for step, processes in enumerate(STEPS)
    ]


async def share_posting(place: Place, say: Say) -> list[float]:
    """Invoices a second by one, two and four writers.

    Raises:
        RuntimeError: as `_share`, or the cap was exceeded.
    """
    ids = await offer(place, WRITERS.enough)
    async with watching(place, fact="acknowledged") as read, watching(place) as answered:
        await push(place, ids)
        await read.all_of(ids, within=120)
        await place.epicor("settings", {"latency": LATENCY})
        rates = await _share(place, WRITERS, ids, say)
        await answered.all_of(ids, within=60)
    await must_agree(place, ids)
    calls = await place.epicor("calls")
    if calls["met"] or calls["max_in_flight"] > CAP:
        raise RuntimeError(f"{calls['met']} calls met another one, {calls['max_in_flight']} were in flight of {CAP}")
    return rates


async def share_reading(place: Place, say: Say) -> list[float]:
    """Documents a second by one, two and four readers.

    Raises:
        RuntimeError: as `_share`.
    """
    ids = await offer(place, READERS.enough)
    await push(place, ids)
    await place.basware("settings", {"latency": LATENCY})
    rates = await _share(place, READERS, ids, say)
    met, again = (await place.basware("calls"))["met"], (await place.basware("state"))["acknowledged_again"]
    if met or again:
        raise RuntimeError(f"{met} calls met another one, {again} documents were acknowledged twice")
    return rates


async def _share(place: Place, scaled: Scaled, ids: Sequence[str], say: Say) -> list[float]:
    """Documents a second with one, two and four processes before the same backlog.

    Raises:
        RuntimeError: the backlog did not last, or something was done twice.
    """
    rates: list[float] = []
    async with watching(place, fact=scaled.facts[-1]) as done, AsyncExitStack() as processes:
        for wanted in STEPS:
            for number in range(STEPS[len(rates) - 1] if rates else 0, wanted):
                one = replica(
                    place,
                    scaled.service,
                    f"{scaled.service}-{number + 1}",
                    say=say,
                    command=scaled.command,
                    environment={"MLC_WORKERS": str(WORKERS)},
                )
                await processes.enter_async_context(one)
            rates.append(await _counted(done, scaled.seconds))
        if len(done.at) >= len(ids):
            raise RuntimeError(f"{len(ids)} documents are too few to keep {max(STEPS)} {scaled.service} busy")
        await done.all_of(ids, within=180)
        await _once(place, scaled, ids)
    return rates


async def _counted(done: Answered, seconds: float) -> float:
    """Documents a second, once the last process has taken up its work."""
    await asyncio.sleep(SETTLED)
    before = len(done.at)
    await asyncio.sleep(seconds)
    return (len(done.at) - before) / seconds


async def _once(place: Place, scaled: Scaled, ids: Sequence[str]) -> None:
    """Raise RuntimeError unless every fact is there once, and every message was handed out once."""
    for fact in scaled.facts:
        count = Counter[str]()
        for subject, number in (await _messages(place, DOCUMENTS, f"documents.{CONNECTION}.*.{fact}.*")).items():
            count[subject.split(".")[2]] += number
        if wrong := [each for each in ids if count[token(each)] != 1]:
            raise RuntimeError(f"{len(wrong)} documents have another number of facts `{fact}` than one")
    durable = scaled.durable
    handed_out = (await place.nats.jetstream().consumer_info(durable.stream, durable.name)).delivered
    there = [sum((await _messages(place, durable.stream, each)).values()) for each in durable.subjects]
    if handed_out is None or handed_out.consumer_seq != sum(there):
        raise RuntimeError(f"{durable.name} has {sum(there)} messages and handed out {handed_out}")


async def _messages(place: Place, stream: str, subject: str) -> dict[str, int]:
    """Messages by subject."""
    info = await place.nats.jetstream().stream_info(stream, subjects_filter=subject)
    return info.state.subjects or {}
