"""One invoice on three sides becomes its state and its breaks. Pure.

What is in motion is not judged, and nothing is told that rests on what a side may not have shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from operator_console.reconciliation.breaks import BREAKS
from operator_console.reconciliation.invoice_sides import Case, Here, InBasware, InEpicor, Rules
from operator_console.reconciliation.judging_basware import (
    FOR_A_PERSON,
    OFFERED,
    PREBOOK_AWAITED,
    REMOVED,
    TAKEN,
    Said,
    after_outcome,
    before_outcome,
    changed,
    is_other_transfer,
    never_read,
    other_transfer,
)
from operator_console.reconciliation.judging_epicor import held_by_epicor, signed, unknown
from operator_console.reconciliation.judging_payments import payments
from operator_console.reconciliation.kind import Break

NO_PERIOD = "unknown"


def judge(case: Case, rules: Rules) -> list[Break]:
    """The breaks of one invoice; none while it is in motion."""
    if in_motion(case, rules):
        return []
    return [told(case, code, values, rules) for code, values in _said(case, rules) if is_sure(code, case)]


def is_sure(code: str, case: Case) -> bool:
    """Whether the sides that this break rests on were read to their end."""
    return not case.unsure.intersection(BREAKS[code].needs)


def in_motion(case: Case, rules: Rules) -> bool:
    """Whether something happened to it so lately that the sides may have been read before and after."""
    moved = (case.basware.changed if case.basware else None, case.here.moved if case.here else None)
    return any(each is not None and each > rules.quiet_since for each in moved)


def _said(case: Case, rules: Rules) -> Iterator[Said]:
    if case.here is None:
        yield from _unclaimed(case, rules)
        return
    here, basware = case.here, case.basware
    if basware and is_other_transfer(basware, here):
        yield from other_transfer(basware)
        return
    if basware:
        yield from changed(basware, here)
        if basware.status in FOR_A_PERSON and not (case.rows and basware.status in REMOVED):
            yield "FOR_A_PERSON", {"status": basware.status}
    if here.outcome is None:
        yield from before_outcome(basware, here, in_epicor=bool(case.rows))
    else:
        yield from after_outcome(basware, here)
    yield from held_by_epicor(case, here, rules)
    if here.outcome == "posted" and len(case.rows) == 1:
        yield from payments(basware, here, case.rows[0], rules)


def _unclaimed(case: Case, rules: Rules) -> Iterator[Said]:
    if case.basware and case.basware.company in rules.companies:
        yield from never_read(case.basware, rules, in_epicor=bool(case.rows))
    for row in case.rows:
        yield from unknown(row, rules, in_basware=case.basware is not None)


def told(case: Case, code: str, values: dict[str, object], rules: Rules) -> Break:
    """The break in words, with what each side shows."""
    kind, here, basware = BREAKS[code], case.here, case.basware
    row = case.rows[0] if case.rows else None
    given = {name: _plain(value) for name, value in values.items()}
    return Break(
        code=code,
        group=kind.group,
        company=company_of(case, rules),
        period=period_of(case),
        invoice_id=_invoice_id(case),
        supplier=_supplier(case),
        number=_number(case),
        currency=currency_of(case),
        amount=_amount(case),
        sentence=kind.sentence.format(**given),
        owner=kind.owner,
        remedy=kind.remedy.format(**{"id": _invoice_id(case) or "ID"} | given),
        basware=_basware(basware),
        here=_here(here),
        epicor=_epicor(row, len(case.rows)),
    )


def _invoice_id(case: Case) -> str | None:
    one = case.here or case.basware
    return one.invoice_id if one else case.rows[0].external_id or None


def _supplier(case: Case) -> str | None:
    one = case.here or case.basware
    return (one.supplier_name or one.supplier) if one else f"vendor {case.rows[0].vendor_num}"


def _number(case: Case) -> str | None:
    one = case.here or case.basware
    return one.number if one else case.rows[0].number


def _amount(case: Case) -> Decimal | None:
    one = case.here or case.basware
    return one.gross if one else signed(case.rows[0])


def state_of(case: Case) -> str:
    """Where an invoice stands, in the words of the summary."""
    here, row = case.here, case.rows[0] if case.rows else None
    if here is None:
        return _state_of_unclaimed(case)
    if (case.basware and case.basware.status in REMOVED) or here.withdrawn:
        return "taken out of Basware"
    if here.outcome is None:
        return {"held": "held here", "stuck": "stuck"}.get(here.phase, "in work")
    if here.outcome == "refused":
        return "refused"
    if row is None:
        return "posted, not found in Epicor"
    if not row.posted:
        return "in Epicor on hold" if row.held else "in Epicor unposted"
    return _payable(row)


def _payable(row: InEpicor) -> str:
    settled = row.balance == 0 and not row.open and row.total != 0
    if settled:
        return "settled"
    return "partly settled" if row.balance is not None and abs(row.balance) != abs(row.total) else "posted"


def _state_of_unclaimed(case: Case) -> str:
    if case.basware is None:
        return "only in Epicor"
    if case.rows:
        return "in Epicor, unknown here"
    return "not read" if case.basware.status in OFFERED | TAKEN | PREBOOK_AWAITED else "only in Basware"


def company_of(case: Case, rules: Rules) -> str:
    """The company as Epicor names it, or as Basware does when the connection does not know it."""
    if case.here and case.here.posted:
        return case.here.posted.claim.company
    one = case.here or case.basware
    if one:
        return rules.companies.get(one.company, one.company)
    return case.rows[0].company if case.rows else ""


def period_of(case: Case) -> str:
    """The month of the apply date where Epicor has one, else of the invoice date, as 2026-11."""
    row = case.rows[0] if case.rows else None
    one = case.here or case.basware
    day: date | None = (row.apply_date or row.day) if row else None
    day = day or (one.day if one else None)
    return f"{day:%Y-%m}" if day else NO_PERIOD


def currency_of(case: Case) -> str:
    """The currency as Epicor names it where the invoice was posted."""
    if case.here and case.here.posted:
        return case.here.posted.currency
    one = case.here or case.basware
    return one.currency if one else (case.rows[0].currency if case.rows else "")


def _plain(value: object) -> str:
    return format(value, ",f") if isinstance(value, Decimal) else str(value)


def _basware(side: InBasware | None) -> str | None:
    return f"{side.status} {_money(side.gross, side.currency)}" if side else None


def _here(side: Here | None) -> str | None:
    if side is None:
        return None
    outcome = side.outcome or side.phase
    if side.outcome == "posted" and side.posted:
        return f"posted {_money(side.posted.claim.total, side.posted.currency)}"
    return f"{outcome} {_money(side.gross, side.currency)}"


def _epicor(row: InEpicor | None, count: int) -> str | None:
    if row is None:
        return None
    more = f" and {count - 1} more" if count > 1 else ""
    state = "posted" if row.posted else ("on hold" if row.held else "unposted")
    return f"{state} {_money(signed(row), row.currency)}{more}"


def _money(amount: Decimal | None, currency: str) -> str:
    return f"{amount:,f} {currency}" if amount is not None else currency
