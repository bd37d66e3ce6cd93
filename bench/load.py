"""A program: signed pushes over kept-alive connections for some seconds, as fast as they are answered."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
import uuid
from urllib.parse import urlsplit

import uvloop

from bench.figure import percentile
from bench.line import line
from mlc_sandbox.basware.webhook import notification, sign
from operator_console.demo_scenario import WEBHOOK_SECRET

WARM_UP = 0.5
"""Seconds at the start that do not count."""


class Tally:
    """What was answered; latencies in seconds, of what counts."""

    def __init__(self, *, begins: float, ends: float) -> None:
        self.begins = begins
        self.ends = ends
        self.stored = 0
        self.other = 0
        self.latencies: list[float] = []

    def note(self, status: int, *, asked: float, answered: float) -> None:
        """One answer."""
        if status != 200:
            self.other += 1
            return
        self.stored += 1
        if self.begins <= answered <= self.ends:
            self.latencies.append(answered - asked)


async def push_until_the_end(url: str, tally: Tally, *, first: float = 0, pause: float = 0) -> None:
    """One sender. Its next push leaves when the last one is answered, or `pause` seconds after it was to leave.

    A push that has to wait for the answer to the one before counts from when it was to leave.
    """
    target = urlsplit(url).path
    async with line(url) as sender:
        due = time.perf_counter() + first
        while (asked := due if pause else time.perf_counter()) < tally.ends:
            if (early := asked - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            due += pause
            body = json.dumps(notification(str(uuid.uuid4()), task_id=str(uuid.uuid4()))).encode()
            headers = {"Content-Type": "application/json", **sign(body, WEBHOOK_SECRET)}
            status, _ = await sender.exchange("POST", target, headers=headers, body=body)
            tally.note(status, asked=asked, answered=time.perf_counter())


async def run(urls: list[str], *, connections: int, seconds: float, rate: float | None) -> dict[str, float]:
    """The load: senders spread evenly over the addresses, and over time when there is a rate."""
    begins = time.perf_counter() + WARM_UP
    tally = Tally(begins=begins, ends=begins + seconds)
    pause = connections / rate if rate else 0
    senders = (
        push_until_the_end(urls[each % len(urls)], tally, first=each * pause / connections, pause=pause)
        for each in range(connections)
    )
    await asyncio.gather(*senders)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "stored": tally.stored,
        "other": tally.other,
        "per_second": len(tally.latencies) / seconds,
        "p50": percentile(tally.latencies, 0.50) * 1000,
        "p99": percentile(tally.latencies, 0.99) * 1000,
        "cpu": own.ru_utime + own.ru_stime,
    }


def main() -> None:
    """Print one JSON object; times in milliseconds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, help="pushes a second of all; without it as many as are answered")
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        load = run(arguments.urls, connections=arguments.connections, seconds=arguments.seconds, rate=arguments.rate)
        found = runner.run(load)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
