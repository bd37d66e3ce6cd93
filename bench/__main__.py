"""`python -m bench [NAME ...]`: measures, then prints one table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench import (
    backlog,
    idle,
    masterdata,
    pipeline,
    plans,
    projections,
    pushes,
    reconcile,
    replicas,
    search,
    slow_epicor,
)
from bench.figure import Figure
from operator_console.exits import CommandError
from operator_console.foreground import stoppable

BENCHES = {
    "pushes": pushes.measure,
    "pipeline": pipeline.measure,
    "idle": idle.measure,
    "slow-epicor": slow_epicor.measure,
    "backlog": backlog.measure,
    "replicas": replicas.measure,
    "masterdata": masterdata.measure,
    "search": search.measure,
    "reconcile": reconcile.measure,
    "plans": plans.measure,
    "projections": projections.measure,
}
ONLY_BY_NAME = frozenset({"reconcile"})
"""What takes too long to be measured unasked."""

progress = Console(stderr=True)


async def measure(names: list[str], *, runs: int, size: int) -> list[Figure] | None:
    """The figures of these benches, or None when a signal asked to stop; whatever was started is ended."""
    benches = BENCHES | {"backlog": partial(backlog.measure, size=size)}
    figures: list[Figure] = []
    async with stoppable() as asked:
        for name in names:
            started = time.monotonic()
            figures += await benches[name](runs, lambda sentence: progress.print(f"[dim]{sentence}"))
            progress.print(f"[dim]{name} took {time.monotonic() - started:.0f} s")
    return None if asked.by else figures


def table(figures: list[Figure]) -> Table:
    """All figures: the median run, the median floor, one over the other, and the spread of the runs."""
    made = Table(caption="floor: the least possible program, in the same run; runs: least to most")
    for column in ("figure", "median", "floor", "ratio", "runs", "unit"):
        made.add_column(column, justify="left" if column in ("figure", "unit") else "right")
    for each in figures:
        floor, ratio = each.floor_median, each.ratio
        made.add_row(
            each.what,
            f"{each.median:,.3g}" if each.median < 1000 else f"{each.median:,.0f}",
            "" if floor is None else (f"{floor:,.3g}" if floor < 1000 else f"{floor:,.0f}"),
            "" if ratio is None else f"{ratio:.2f}",
            f"{min(each.runs):,.4g} to {max(each.runs):,.4g}",
            each.unit,
        )
    return made


def main() -> int:
    """Print the table, or one JSON object a line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(BENCHES)}; without one all but {', '.join(ONLY_BY_NAME)}",
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each bench; the median is shown")
    parser.add_argument("--size", type=int, default=backlog.SIZE, help="pushes of the backlog")
    parser.add_argument("--json", action="store_true", help="a line for each figure instead of a table")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    names = arguments.names or [name for name in BENCHES if name not in ONLY_BY_NAME]
    try:
        figures = asyncio.run(measure(names, runs=arguments.runs, size=arguments.size))
    except (CommandError, RuntimeError, TimeoutError) as failure:
        progress.print(f"[red]nothing is shown: {escape(str(failure))}")
        return 1
    if figures is None:
        return 130
    if arguments.json:
        for each in figures:
            floor = {"floor": each.floor_median, "ratio": each.ratio} if each.floor else {}
            print(json.dumps({"figure": each.what, "unit": each.unit, "median": each.median, **floor}))
    else:
        Console().print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
