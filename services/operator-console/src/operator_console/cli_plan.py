"""`ml-connector plan`: what would be sent to Epicor, and what a changed mapping would change. Nothing is written."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir, as_moment
from operator_console.exits import CommandError, Exit
from operator_console.planned import Planned
from operator_console.reach import settings_for

ALARMS = frozenset({"changed", "newly refused", "unreadable"})
"""Changes for which a rehearsal ends with an exit code that stops a pipeline."""

MOST_SHOWN = 20


def plan(
    last: Annotated[int | None, typer.Option(min=1, max=10_000_000, help="The documents that changed last.")] = None,
    document: Annotated[list[str] | None, typer.Option(help="A document, by id or number; may be repeated.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A document as Basware gives it, in JSON.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="A connection file to rehearse: what it changes of all recorded history.")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="The connection; a file needs one.")] = None,
    since: Annotated[str | None, typer.Option(help="Documents changed at or after this day or time.")] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask Epicor too, reading only: codes, orders, duplicates.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What documents would become in Epicor, and why; by default nothing is asked and nothing is ever written."""
    from operator_console import plan_commands
    from operator_console.searching import Sought
    from operator_console.selecting import Selection

    settings = settings_for(data_dir)
    if file is not None:
        if connection is None:
            raise CommandError("Name the connection whose mapping is to be used: --connection NAME.", code=Exit.USAGE)
        plans = plan_commands.of_file(settings, file, connection=connection, online=online)
    elif last or document or mapping or since:
        rehearsed = plan_commands.mapping_of(mapping) if mapping is not None else None
        selection = Selection(Sought(connection=connection, since=as_moment(since)), tuple(document or ()))
        plans = plan_commands.of_recorded(settings, selection, last=last, mapping=rehearsed, online=online)
    else:
        raise CommandError(
            "Say which: --last N, --document ID, --since DAY, -f FILE or --mapping FILE.", code=Exit.USAGE
        )
    counts = asyncio.run(_show(plans, as_json=as_json, brief=mapping is not None))
    if mapping is not None and any(counts[each] for each in ALARMS):
        raise typer.Exit(Exit.PROBLEM)


async def _show(plans: AsyncIterator[Planned], *, as_json: bool, brief: bool) -> Counter[str]:
    """Print each plan as it comes; a rehearsal prints what differs, and no more of it than a person reads."""
    counts: Counter[str] = Counter()
    out, found = output.console(), list[dict[str, Any]]()
    async for each in plans:
        counts[each.change] += 1
        if as_json:
            if not brief or each.change != "unchanged":
                found.append(_as_json(each))
        elif not brief:
            _print(each)
        elif each.change != "unchanged" and sum(counts[change] for change in ALARMS) <= MOST_SHOWN:
            _print_difference(each)
    if as_json:
        output.show_json({"counts": counts, "plans": found})
    else:
        out.print(", ".join(f"{change}: {number}" for change, number in sorted(counts.items())) or "nothing to plan")
    return counts


def _as_json(each: Planned) -> dict[str, Any]:
    about = {"connection": each.asked.connection, "id": each.asked.invoice_id, "number": each.asked.number}
    return about | {
        "change": each.change,
        "posts": each.posts,
        "lines": each.now,
        "difference": each.difference if each.then is not None else None,
        "unreadable": each.unreadable,
    }


def _print(each: Planned) -> None:
    what = "would be posted" if each.posts else "would be refused"
    title = f"{each.asked.number or each.asked.invoice_id}: {each.unreadable or what}"
    lines = [(line, value, _before(each, line)) for line, value in each.now.items()]
    columns = ("", "now", "then") if each.then is not None else ("", "now")
    output.console().print(output.table(title, columns, [row[: len(columns)] for row in lines]))


def _before(each: Planned, line: str) -> str:
    then = (each.then or {}).get(line, "(nothing)")
    return "" if then == each.now[line] else then


def _print_difference(each: Planned) -> None:
    out = output.console()
    out.print(f"{each.asked.number or each.asked.invoice_id}: {each.change}", markup=False)
    for line in each.difference[:MOST_SHOWN]:
        out.print(f"    {line}", markup=False)
