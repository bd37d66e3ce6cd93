"""`python -m chaos [--seconds N] [--seed N] [KIND ...]`: faults under load, then what they left in the books."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import httpx
import structlog
from rich.console import Console
from rich.markup import escape

from chaos.books import concerned
from chaos.crew import CONNECTION
from chaos.run import Report, chaos
from chaos.schedule import KINDS, schedule
from operator_console.exits import CommandError
from operator_console.foreground import stoppable

progress = Console(stderr=True, soft_wrap=True)


async def play(root: Path, *, seed: int, seconds: float, rate: float, kinds: list[str]) -> Report | None:
    """The report, or None when a signal asked to stop; whatever was started is ended."""
    began = time.monotonic()

    def say(sentence: str) -> None:
        progress.print(f"[dim]{time.monotonic() - began:7.1f}[/] {escape(sentence)}")

    async with stoppable() as asked, chaos(root, say) as site:
        report = await site.trial(schedule(seed, seconds, only=kinds), seed=seed, seconds=seconds, rate=rate)
    if asked.by:
        say(f"stopped by {asked.by.name}")
        return None
    return report


def told(report: Report, *, root: Path) -> str:
    """The report for people."""
    faults = ", ".join(f"{count} x {kind}" for kind, count in sorted(report.faults.items()))
    answers = ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(report.answers.items()))
    lines = [
        f"seed {report.seed}, {report.seconds:g} s, {report.faults.total()} faults: {faults}",
        f"invoices offered {report.offered}: posted {report.posted}, refused {report.refused}",
        f"spoiled calls: {report.spoiled}; look-ups that found nothing: {report.unclear}, something: {report.found}",
        f"pushes by the gateway's answer: {answers}; documents promised by a 200: {report.promised}",
        f"poisoned messages: {report.poisoned}; broker, database and sandbox were started anew {report.restarts} times",
        f"calls to Epicor at once that somebody waited for: {report.awaited}; under way, left behind included: "
        f"{report.in_flight}",
        f"quiet again {report.settled:.0f} s after the last fault",
    ]
    if not report.wrong:
        return "\n".join([*lines, "0 lost, 0 twice, 0 unanswered, 0 locked, cap never exceeded, no break in the books"])
    looks = [f"  ml-connector documents show {each} --data-dir {root}" for each in concerned(report.wrong, report.ids)]
    return "\n".join(
        [
            *lines,
            f"{len(report.wrong)} things must not be:",
            *(f"  {each}" for each in report.wrong[:50]),
            f"look at them: ml-connector up --data-dir {root} (connection {CONNECTION}), then",
            *looks[:20],
        ]
    )


def main() -> int:
    """Print the report; 0 when nothing is wrong, 1 when something is, 130 when it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; without one all")
    parser.add_argument("--seconds", type=float, default=1800, help="how long faults happen")
    parser.add_argument("--seed", type=int, default=1, help="what happens when; the same again for the same seed")
    parser.add_argument("--rate", type=float, default=3, help="invoices a second")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        parser.error(f"no such kind of fault: {', '.join(sorted(unknown))}")
    if asked.seconds <= 0 or asked.rate <= 0:
        parser.error("seconds and rate are more than nothing")
    # Reading poisoned messages back warns of each; the report counts them.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    root = Path(tempfile.mkdtemp(prefix="mlc-chaos-")).resolve()
    try:
        report = asyncio.run(play(root, seed=asked.seed, seconds=asked.seconds, rate=asked.rate, kinds=asked.kinds))
    except (CommandError, RuntimeError, TimeoutError, httpx.HTTPError, ExceptionGroup) as failure:
        why = "; ".join(map(str, failure.exceptions)) if isinstance(failure, ExceptionGroup) else str(failure)
        progress.print(f"[red]it could not go on: {escape(why)}; everything is kept in {root}")
        return 1
    if report is None or not report.wrong:
        shutil.rmtree(root, ignore_errors=True)
    if report is None:
        return 130
    print(
        json.dumps({k: v for k, v in asdict(report).items() if k != "ids"}) if asked.json else told(report, root=root)
    )
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
