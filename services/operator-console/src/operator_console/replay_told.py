"""The plan of a replay as a person or a program reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from mlc_common.settings import Settings
from operator_console import output
from operator_console.replay_plans import Compared, compared
from operator_console.selecting import Selection, plan

MOST_SHOWN = 200
"""Documents of a plan that a person is shown."""

MOST_LINES = 20
"""Lines of one document that differ."""


async def show_plan(settings: Settings, selection: Selection, *, compare: bool, as_json: bool) -> None:
    """Print what would be done; a person gets no more rows and lines than can be read."""
    counts, changes, told = Counter[str](), Counter[str](), list[Compared]()
    async for each in _plan(settings, selection, compare=compare):
        counts[each.planned.verdict] += 1
        changes[_change(each)] += each.mapped is not None
        if as_json or (each.planned.verdict != "nothing" and len(told) < MOST_SHOWN):
            told.append(each)
    if as_json:
        output.show_json([_as_json(each) for each in told])
        return
    out = output.console()
    cells = [
        (
            status.connection,
            status.invoice_id,
            status.invoice_number,
            each.planned.verdict,
            each.planned.why,
            *_words(each),
        )
        for each in told
        for status in (each.planned.status,)
    ]
    columns = ("connection", "id", "invoice", "verdict", "why", "version", "would be")
    out.print(output.table("", columns, cells))
    for each in told:
        _print_difference(each)
    acting = sum(number for verdict, number in counts.items() if verdict != "nothing")
    if acting > len(told):
        out.print(f"and {acting - len(told)} more; --json shows all")
    out.print(_counted(counts) or "nothing is selected")
    if changes.total():
        out.print(f"postings by the mapping of now: {_counted(changes)}")
    out.print("Nothing was sent; --commit with a --name and a --reason does it.")


async def _plan(settings: Settings, selection: Selection, *, compare: bool) -> AsyncIterator[Compared]:
    if compare:
        async for each in compared(settings, selection):
            yield each
        return
    async for planned in plan(settings, selection):
        yield Compared(planned)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{what}: {number}" for what, number in sorted(counts.items()) if number)


def _change(each: Compared) -> str:
    """What became of a posting since, in a word or two; refused is said of one that was never planned before too."""
    if each.mapped is None:
        return ""
    refused = each.mapped.change == "planned" and not each.mapped.posts
    return "refused" if refused else each.mapped.change


def _cells(each: Compared) -> tuple[str | None, ...]:
    status = each.planned.status
    about = (status.connection, status.invoice_id, status.invoice_number)
    return *about, each.planned.verdict, each.planned.why, *_words(each)


def _words(each: Compared) -> tuple[str | None, str | None]:
    """The versions of then and now, and what the posting would be, or why it failed then."""
    mapped, buried = each.mapped, each.planned.buried
    if buried is not None:
        return f"program {buried.version} -> {version('ml-connector')}", f"then: {buried.failure}"
    if mapped is None:
        return None, None
    then = mapped.asked.version
    versions = f"{mapped.version}" if then in (None, mapped.version) else f"{then} -> {mapped.version}"
    return versions, f"refused now: {mapped.refused}" if mapped.refused else _change(each)


def _print_difference(each: Compared) -> None:
    if each.mapped is None or each.mapped.change not in ("changed", "newly posted"):
        return
    out = output.console()
    out.print(f"{each.planned.status.invoice_number or each.planned.status.invoice_id}:", markup=False)
    for line in each.mapped.difference[:MOST_LINES]:
        out.print(f"    {line}", markup=False)


def _as_json(each: Compared) -> dict[str, Any]:
    mapped = each.mapped
    found: dict[str, Any] = {
        "verdict": each.planned.verdict,
        "why": each.planned.why,
        "status": each.planned.status,
    }
    if each.planned.buried is not None:
        found["dead_letter"] = vars(each.planned.buried) | {"version_now": version("ml-connector")}
    if mapped is None:
        return found
    return found | {
        "mapping": {
            "then": mapped.asked.version,
            "now": mapped.version,
            "change": mapped.change,
            "difference": mapped.difference if mapped.then is not None else None,
            "refused_now": mapped.refused,
        }
    }
