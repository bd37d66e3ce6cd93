"""Breaks between what is recorded here and what Epicor holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from operator_console.reconciliation.invoice_sides import Case, Claim, Here, InEpicor, Posted, Rules, same
from operator_console.reconciliation.judging_basware import REMOVED, Said

SHORTEST_CUT_ID = 20
"""Characters after which an external id that Epicor has cut is still taken for ours, as by the epicor-writer."""


def is_external_id_of(external: str, invoice_id: str) -> bool:
    """Whether Epicor's ExternalID, which it may have cut, is this Basware id; both folded."""
    return external == invoice_id or (len(external) >= SHORTEST_CUT_ID and invoice_id.startswith(external))


def is_our_group(group: str, prefix: str | None) -> bool:
    """Whether a group is named as the epicor-writer names its own: a letter, a day, one character."""
    return prefix is not None and re.fullmatch(re.escape(prefix) + r"\d{6}[0-9A-Z]", group.strip().upper()) is not None


def unknown(row: InEpicor, rules: Rules, *, in_basware: bool) -> Iterator[Said]:
    """What an AP invoice is that nothing here claims; one that bears no mark of ours is nobody's business."""
    group = is_our_group(row.group, (rules.prefixes or {}).get(row.company))
    user = rules.user is not None and same(row.entered_by, rules.user)
    values = {"epicor_number": row.number, "theirs": row.external_id, "group": row.group}
    if row.external_id.strip():
        if group or user or in_basware:
            yield "UNKNOWN_HERE", values
    elif user or (group and rules.user is None):
        yield "WITHOUT_DOCUMENT", values
    elif group:
        yield "IN_OUR_GROUP", {**values, "theirs": row.entered_by or "Somebody"}


def held_by_epicor(case: Case, here: Here, rules: Rules) -> Iterator[Said]:
    """Whether Epicor holds what was recorded, once and as posted."""
    if case.claimed_too is not None and here.posted:
        yield "CLAIMED_TWICE", {"epicor_number": here.posted.claim.number, "theirs": case.claimed_too}
    if here.outcome == "posted" and here.posted:
        if not case.rows:
            yield from _absent(case, here.posted)
        elif len(case.rows) > 1:
            claim = here.posted.claim
            listed = ", ".join(f"{row.number} of vendor {row.vendor_num}" for row in case.rows)
            ours = f"{claim.number} of vendor {claim.vendor_num}"
            yield "ENTERED_TWICE", {"count": len(case.rows), "theirs": listed, "ours": ours}
        else:
            yield from _standing(case, case.rows[0], here, here.posted, rules)
    elif case.rows and here.outcome == "refused" and not _removed(case):
        row = case.rows[0]
        yield "REFUSED_BUT_STANDS", {"epicor_number": row.number, "place": place_of(row)}
    elif case.rows and _removed(case):
        yield from _after_removal(case, case.rows[0])


def _absent(case: Case, posted: Posted) -> Iterator[Said]:
    claim = posted.claim
    if case.foreign:
        yield "FOREIGN_UNDER_OUR_KEY", {"epicor_number": claim.number, "theirs": case.foreign.external_id}
    elif not _removed(case):
        yield (
            "MISSING_IN_EPICOR",
            {"epicor_number": claim.number, "vendor_num": claim.vendor_num, "group": claim.group},
        )


def _standing(case: Case, row: InEpicor, here: Here, posted: Posted, rules: Rules) -> Iterator[Said]:
    if _removed(case):
        yield from _after_removal(case, row)
        return
    yield from _key(row, posted.claim)
    yield from _content(row, here, posted)
    if not row.posted:
        yield from _unposted(row, posted, here, rules)


def _key(row: InEpicor, claim: Claim) -> Iterator[Said]:
    if not same(row.company, claim.company):
        yield "COMPANY_DIFFERS", {"theirs": row.company, "ours": claim.company}
    elif row.vendor_num != claim.vendor_num:
        yield "VENDOR_DIFFERS", {"theirs": row.vendor_num, "ours": claim.vendor_num}
    elif not same(row.number, claim.number):
        yield "KEY_NUMBER_DIFFERS", {"theirs": row.number, "ours": claim.number}


def _content(row: InEpicor, here: Here, posted: Posted) -> Iterator[Said]:
    total = posted.claim.total
    if abs(row.total) != abs(total):
        yield "AMOUNT_DIFFERS", {"theirs": signed(row), "ours": total}
    elif total and row.debit_memo != (total < 0) and not posted.linked:
        kinds = ("a debit memo", "an invoice")
        yield "SIGN_DIFFERS", {"theirs": kinds[not row.debit_memo], "ours": kinds[total > 0]}
    if not same(row.currency, posted.currency):
        yield "CURRENCY_DIFFERS", {"theirs": row.currency or "empty", "ours": posted.currency}
    if row.day and here.day and row.day != here.day and not (posted.linked or here.overridden):
        yield "DATE_DIFFERS", {"theirs": row.day, "ours": here.day}


def _unposted(row: InEpicor, posted: Posted, here: Here, rules: Rules) -> Iterator[Said]:
    if row.held:
        if not posted.prebook:
            yield "HELD_IN_EPICOR", {"group": row.group}
        return
    if row.control is not None and abs(row.control) != abs(row.total):
        yield "OUT_OF_BALANCE", {"theirs": row.total, "ours": row.control}
    elif _overdue(row, here, rules):
        yield "UNPOSTED", {"group": row.group, "apply_date": row.apply_date or "unknown"}


def _overdue(row: InEpicor, here: Here, rules: Rules) -> bool:
    """Unposted for longer than is usual, or in a month that is over."""
    if here.moved.date() <= rules.today - timedelta(days=rules.post_within):
        return True
    day = row.apply_date
    return day is not None and (day.year, day.month) < (rules.today.year, rules.today.month)


def _after_removal(case: Case, row: InEpicor) -> Iterator[Said]:
    status = case.basware.status if case.basware else "withdrawn"
    yield "REMOVED_BUT_STANDS", {"status": status, "epicor_number": row.number, "place": place_of(row)}


def _removed(case: Case) -> bool:
    return (case.basware is not None and case.basware.status in REMOVED) or (
        case.here is not None and case.here.withdrawn
    )


def signed(row: InEpicor) -> Decimal:
    """The total with the sign of its kind: some tenants may store a debit memo positive."""
    return -abs(row.total) if row.debit_memo else row.total


def place_of(row: InEpicor) -> str:
    """Where it stands, for a person who looks for it."""
    return f"group {row.group or 'none'}, {'posted' if row.posted else 'not posted'}"
