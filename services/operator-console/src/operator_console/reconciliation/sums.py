"""Counts and exact sums of the three sides by company, currency, period and state. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from operator_console.reconciliation.invoice_sides import Case, Rules, Side
from operator_console.reconciliation.judging_epicor import signed
from operator_console.reconciliation.reconciling import company_of, currency_of, period_of, state_of

Key = tuple[str, str, str, str]
"""Company, currency, period, state."""


@dataclass(slots=True)
class Total:
    """How many, and their sum."""

    count: int = 0
    amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Line:
    """One line of the summary: the same invoices on each side."""

    company: str
    currency: str
    period: str
    state: str
    basware_count: int
    basware_sum: Decimal
    here_count: int
    here_sum: Decimal
    epicor_count: int
    epicor_sum: Decimal

    @property
    def agrees(self) -> bool:
        """Whether all sides that have such invoices at all have as many, and the same sum."""
        sides = (
            (self.basware_count, self.basware_sum),
            (self.here_count, self.here_sum),
            (self.epicor_count, self.epicor_sum),
        )
        return len({each for each in sides if each[0]}) <= 1


@dataclass
class Sums:
    """Adds cases up."""

    totals: dict[Key, dict[Side, Total]] = field(default_factory=dict)

    def add(self, case: Case, rules: Rules) -> None:
        """Count what each side has of an invoice."""
        for side, currency, amount in _amounts(case):
            key = (company_of(case, rules), currency, period_of(case), state_of(case))
            total = self.totals.setdefault(key, {}).setdefault(side, Total())
            total.count += 1
            total.amount += amount

    def lines(self) -> list[Line]:
        """The summary, ordered by its key."""
        return [_line(key, self.totals[key]) for key in sorted(self.totals)]


def _line(key: Key, totals: dict[Side, Total]) -> Line:
    nothing = Total()
    basware, here, epicor = (totals.get(side, nothing) for side in (Side.BASWARE, Side.HERE, Side.EPICOR))
    return Line(*key, basware.count, basware.amount, here.count, here.amount, epicor.count, epicor.amount)


def _amounts(case: Case) -> Iterator[tuple[Side, str, Decimal]]:
    """Side, currency and amount of each record; Basware's with the sign that the ledger gives the invoice."""
    here, basware = case.here, case.basware
    meant = here.posted.claim.total if here and here.outcome == "posted" and here.posted else None
    currency = currency_of(case)
    if basware:
        unchanged = here is None or basware.currency == here.currency
        yield Side.BASWARE, currency if unchanged else basware.currency, _like(basware.gross, meant)
    if here:
        yield Side.HERE, currency, _like(here.gross, None) if meant is None else meant
    for row in case.rows:
        yield Side.EPICOR, row.currency, signed(row)


def _like(amount: Decimal | None, meant: Decimal | None) -> Decimal:
    """The amount with the sign of another: credit notes may come positive from Basware."""
    if amount is None:
        return Decimal(0)
    return -amount if meant is not None and amount * meant < 0 else amount
