"""What the demo shows: counters while it runs, a table and the summary line at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from operator_console import output
from operator_console.demo_books import Books, Counts
from operator_console.demo_payments import Payment
from operator_console.demo_scenario import Scenario
from operator_console.view import DocumentStatus, Phase

MOST_COMPLAINTS = 20


class Progress:
    """Bars on a terminal, a line per change elsewhere, nothing when silent."""

    def __init__(self, total: int, *, silent: bool) -> None:
        self._out = output.quiet_console() if silent else output.console()
        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(40),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        )
        self._bars = Bars(*columns, console=self._out)
        self._tasks = {name: self._bars.add_task(name, total=total) for name in ("approved", "settled", "answered")}
        self._live = Live(self._bars, console=self._out, transient=True, refresh_per_second=4)
        self._last = ""

    def __enter__(self) -> Self:
        if self._out.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def show(self, ours: Sequence[DocumentStatus]) -> None:
        """Show where our documents stand now."""
        settled = sum(status.phase in (Phase.POSTED, Phase.REFUSED) for status in ours)
        now = {"approved": len(ours), "settled": settled, "answered": sum(status.answered for status in ours)}
        for name, done in now.items():
            self._bars.update(self._tasks[name], completed=done)
        line = "  ".join(f"{name} {done}" for name, done in now.items())
        if not self._out.is_terminal and line != self._last:
            self._out.print(line)
        self._last = line


def report(
    plan: Scenario,
    books: Books,
    counts: Counts,
    wrong: Sequence[str],
    *,
    paid: Sequence[Payment],
    records: Mapping[str, int],
    seconds: float,
    as_json: bool,
) -> None:
    """The end of the demo: what became of the special ones, what is wrong, and the summary as the last line."""
    if as_json:
        told = {each.story: each.invoice.number for each in paid}
        more = {"records": dict(records), "payments": told, "seconds": round(seconds, 1), "wrong": list(wrong)}
        output.show_json(asdict(counts) | more)
        return
    out = output.console()
    out.print(
        output.table("", ("what happened", "document", "outcome", "why"), [*_stories(plan, books), *_payments(paid)])
    )
    if not wrong:
        out.print(
            f"Both far sides' own books agree with ours, invoice by invoice, after {seconds:.0f} s: totals, every "
            f"amount on its GL account, answers, and what was paid; {len(plan.only_forged)} documents that only forged "
            f"pushes spoke of are nowhere."
        )
    for each in wrong[:MOST_COMPLAINTS]:
        out.print(f"[red]wrong:[/] {output.cell(each)}")
    if len(wrong) > MOST_COMPLAINTS:
        out.print(f"[red]and {len(wrong) - MOST_COMPLAINTS} more[/]")
    out.print(str(counts), markup=False)


def _stories(plan: Scenario, books: Books) -> list[tuple[object, ...]]:
    ours = {status.invoice_id: status for status in books.ours}
    told = {plan.lost_push: "push lost, found by the sweep", plan.lost_answer: "answer of UpdateMaster lost"}
    told |= {plan.refused_by_epicor: "refused by Epicor"}
    told |= {invoice_id: f"posted: {kind}" for invoice_id, kind in plan.kinds.items()}
    told |= {invoice_id: "refused" for invoice_id in sorted(plan.refused) if invoice_id not in told}
    plain = next(each.invoice_id for each in plan.posted if each.invoice_id not in told)
    stories = {plain: f"posted, as {len(plan.posted) - 3 - len(plan.kinds)} others"} | told
    return [
        (story, status.invoice_number, status.voucher or status.phase, status.reason)
        for invoice_id, story in stories.items()
        if (status := ours.get(invoice_id)) is not None
    ]


def _payments(paid: Sequence[Payment]) -> list[tuple[object, ...]]:
    return [
        (each.story, each.invoice.number, "told", f"Basware holds {each.stands} {each.invoice.currency} as paid.")
        for each in paid
    ]
