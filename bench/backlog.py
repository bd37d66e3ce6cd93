"""A backlog of pushes that nobody read: how fast it drains, how much memory that takes, how soon after a start.

The far sides are the static ones: what is not pushed they do not list, so nothing comes by a sweep.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.figure import Figure, at_full_rate, growth, rate
from bench.journey import must_agree, offer, push, watching
from bench.memory import sampled
from bench.pipeline import WARM_UP, through
from bench.place import CONNECTION, GATEWAY, READER, SERVICES, WRITER, Place, Say, running, started, stop, until
from bench.projections import record
from mlc_common.database import make_engine
from mlc_common.projections import position
from mlc_common.streams import DOCUMENTS
from operator_console import projector, record_uses
from operator_console.supervisor import Program

CONSOLE = "operator-console"
SIZE = 3_000
"""Pushes; with `--size 10000` and `--size 100000` the figures of docs/performance.md."""

EVENTS = 10_000
"""Facts that the read model has not seen."""

FACTS = 6
"""Those of one recorded invoice."""

SLOWEST = 5
"""Invoices a second; a run that is slower is given up."""


@dataclass(frozen=True)
class Drained:
    """One backlog: invoices a second, seconds from the start to two moments, megabytes by service over time."""

    rate: float
    first: float
    full: float
    memory: dict[str, list[float]]


async def measure(runs: int, say: Say, *, size: int = SIZE) -> list[Figure]:
    """Stop reader and writer, push, start them; then the same for the console and facts it has not seen."""
    drained, caught_up = list[Drained](), list[float]()
    async with running(say, services=(*SERVICES, CONSOLE), static=True) as place:
        await through(place, WARM_UP)
        pair = await stop(place, READER, WRITER)
        for number in range(1, runs + 1):
            say(f"a backlog of {size:,}, run {number} of {runs}")
            drained.append(await drain(place, size, pair, say))
        await _folded(place)
        console = await stop(place, CONSOLE)
        for number in range(1, runs + 1):
            say(f"{EVENTS:,} facts for the read model, run {number} of {runs}")
            caught_up.append(await catch_up(place, console, say, seed=number))
    memories = [each.memory for each in drained]
    return [
        Figure(f"a backlog of {size:,} pushes drains: invoices", "1/s", [each.rate for each in drained]),
        Figure("  reader and writer started: first answer in Basware", "s", [each.first for each in drained]),
        Figure("  reader and writer started: at 90 % of that rate", "s", [each.full for each in drained]),
        *(
            Figure(f"  {name}: {what}", "MB", [share(each[name]) for each in memories])
            for name in memories[0]
            for what, share in (("peak memory", max), ("growth over the second half", growth))
        ),
        Figure(f"console started: read model holds {EVENTS:,} facts it missed", "s", caught_up),
    ]


async def drain(place: Place, size: int, pair: list[Program], say: Say) -> Drained:
    """Push while nobody reads, then start both and wait for every answer.

    Raises:
        RuntimeError: a document is not in Epicor exactly once, or not answered in Basware.
    """
    ids = await offer(place, size)
    await push(place, ids)
    others = {each.program.name: each.pid for each in place.here.processes if each.pid}
    async with watching(place) as answered:
        begins = time.monotonic()
        async with started(pair, say) as pids:
            services = {name: others[name] for name in (GATEWAY, CONSOLE)} | pids
            async with sampled(services) as memory:
                await answered.all_of(ids, within=60 + size / SLOWEST)
            moments = list(answered.at.values())
            await must_agree(place, ids)
    return Drained(rate(moments), min(moments) - begins, at_full_rate(moments) - begins, memory)


async def catch_up(place: Place, console: list[Program], say: Say, *, seed: int) -> float:
    """Record facts while the console is stopped; seconds from its start until both read models hold them."""
    await record(place, EVENTS // FACTS, seed=seed)
    begins = time.monotonic()
    async with started(console, say):
        await _folded(place)
        return time.monotonic() - begins


async def _folded(place: Place) -> None:
    """Wait until both read models hold what concerns them."""
    stream = place.nats.jetstream()
    last = (await stream.stream_info(DOCUMENTS)).state.last_seq
    posted = (await stream.get_last_msg(DOCUMENTS, f"documents.{CONNECTION}.*.posted.*")).seq
    engine = make_engine(place.here.settings.database_url, pool_size=1)

    async def folded() -> str | None:
        async with engine.connect() as db:
            documents, uses = [await position(db, name) for name in (projector.NAME, record_uses.NAME)]
        return "yes" if documents >= last and uses >= (posted or 0) else None

    await until(folded, what="the read models hold everything", within=120)
    await engine.dispose()
