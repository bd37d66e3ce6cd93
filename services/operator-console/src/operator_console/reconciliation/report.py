"""What a reconciliation found, as a person reads it and as a program does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from operator_console import output
from operator_console.reconciliation.kind import Break
from operator_console.reconciliation.run import Outcome
from operator_console.reconciliation.sums import Line

ON_SCREEN = 200
"""Breaks that are listed on the screen; files and JSON hold all."""

SUM_COLUMNS = (
    *("company", "currency", "period", "state", "Basware", "sum in Basware", "here", "sum here", "Epicor"),
    *("sum in Epicor", "agrees"),
)
BREAK_COLUMNS = (
    *("connection", "code", "class", "company", "period", "document", "supplier", "invoice", "currency", "amount"),
    *("what is wrong", "whose", "what to do", "Basware", "here", "Epicor"),
)


def sum_cells(line: Line) -> tuple[object, ...]:
    """A line of the summary, in the order of `SUM_COLUMNS`."""
    return (
        line.company,
        line.currency,
        line.period,
        line.state,
        line.basware_count,
        line.basware_sum,
        line.here_count,
        line.here_sum,
        line.epicor_count,
        line.epicor_sum,
        line.agrees,
    )


def break_cells(connection: str, found: Break) -> tuple[object, ...]:
    """A break, in the order of `BREAK_COLUMNS`."""
    return (
        connection,
        found.code,
        found.group,
        found.company,
        found.period,
        found.invoice_id,
        found.supplier,
        found.number,
        found.currency,
        found.amount,
        found.sentence,
        found.owner,
        found.remedy,
        found.basware,
        found.here,
        found.epicor,
    )


def summary(outcome: Outcome) -> Table:
    """Counts and sums side by side."""
    return output.table(outcome.connection, SUM_COLUMNS, [sum_cells(line) for line in outcome.lines])


def breaks(outcome: Outcome) -> Table:
    """The first breaks, with what is wrong and what to do."""
    columns = ("class", "code", "company", "document", "invoice", "gross", "", "what is wrong", "whose", "what to do")
    rows = [
        (
            each.group,
            each.code,
            each.company,
            each.invoice_id,
            each.number,
            each.amount,
            each.currency,
            each.sentence,
            each.owner,
            each.remedy,
        )
        for each in outcome.breaks[:ON_SCREEN]
    ]
    return output.table("breaks", columns, rows)


def show(out: Console, outcomes: Sequence[Outcome]) -> None:
    """Sums, breaks and what came out."""
    for each in outcomes:
        out.print(summary(each))
        if each.breaks:
            out.print(breaks(each))
    for sentence in last_words(outcomes):
        out.print(sentence, markup=False)


def last_words(outcomes: Sequence[Outcome]) -> list[str]:
    """What came out, in sentences."""
    said = []
    for each in outcomes:
        kinds = Counter(found.code for found in each.breaks)
        listed = ", ".join(f"{count} {code}" for code, count in kinds.most_common())
        said.append(
            f"{each.connection}: {each.invoices} invoices, {len(each.breaks)} breaks" + f" ({listed})" * bool(kinds)
        )
        if each.moving:
            said.append(f"{each.connection}: {each.moving} invoices are in motion and were not judged.")
        said += [
            f"{each.connection}: not read to its end, so nothing is told that rests on it: {why}"
            for why in each.incomplete
        ]
        if len(each.breaks) > ON_SCREEN:
            said.append(f"The first {ON_SCREEN} breaks are shown; --csv, --xlsx and --json hold all.")
    return said


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Everything, for programs."""
    return [
        {
            "connection": each.connection,
            "invoices": each.invoices,
            "moving": each.moving,
            "incomplete": each.incomplete,
            "counts": dict(sorted(Counter(found.code for found in each.breaks).items())),
            "sums": [asdict(line) | {"agrees": line.agrees} for line in each.lines],
            "breaks": [asdict(found) for found in each.breaks],
        }
        for each in outcomes
    ]
