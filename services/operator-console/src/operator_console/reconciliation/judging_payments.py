"""Breaks between what Epicor has paid, what is known of it here, and what Basware shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from operator_console.reconciliation.invoice_sides import Here, InBasware, InEpicor, Paid, Rules
from operator_console.reconciliation.judging_basware import Said

PAID_IN_BASWARE = "Paid"
TOLD = frozenset({"paid", "partly paid"})
"""Standings that Basware is told; others only when it was told one of these before (docs/payments.md)."""

UNCONFIRMED = "unconfirmed"
"""Nobody said what became of the telling, as of one that was found again after a restore: what Basware shows counts."""

NEVER_TOLD = frozenset({"unclear", "not posted", "held"})


def payments(basware: InBasware | None, here: Here, row: InEpicor, rules: Rules) -> Iterator[Said]:
    """Whether a payment was seen, told, and stands in Basware; the first thing that failed."""
    paid = here.paid
    if not row.posted or row.balance is None:
        return
    if rules.payments and paid is None and abs(row.balance) != abs(row.total):
        yield "PAYMENT_NOT_SEEN", {"theirs": row.balance}
    elif rules.payments and paid is not None:
        yield from _known(basware, here, row, paid)
    elif basware and basware.status == PAID_IN_BASWARE and row.balance and abs(row.balance) == abs(row.total):
        yield "PAID_ONLY_IN_BASWARE", {"theirs": row.balance}


def _known(basware: InBasware | None, here: Here, row: InEpicor, paid: Paid) -> Iterator[Said]:
    if paid.standing == "unclear":
        yield "PAYMENT_UNCLEAR", {}
    elif row.balance is not None and abs(paid.balance) != abs(row.balance):
        yield "PAYMENT_MOVED", {"theirs": row.balance, "ours": paid.balance}
    elif paid.undelivered is not None and not (paid.undelivered == UNCONFIRMED and _stands(basware, paid)):
        yield "PAYMENT_UNDELIVERED", {"theirs": paid.undelivered, "id": here.invoice_id}
    elif paid.told < paid.picture and _is_told(paid) and not _shows_it_already(basware, paid):
        yield "PAYMENT_NOT_TOLD", {"standing": paid.standing}
    elif basware and paid.told:
        yield from _shown(basware, paid)


def _is_told(paid: Paid) -> bool:
    return paid.standing in TOLD or (paid.told > 0 and paid.standing not in NEVER_TOLD)


def _shows_it_already(basware: InBasware | None, paid: Paid) -> bool:
    """A picture that says the same as what was told before is not told again (docs/payments.md)."""
    return paid.told > 0 and basware is not None and _says(basware, paid)


def _stands(basware: InBasware | None, paid: Paid) -> bool:
    """Whether Basware shows what it was told."""
    return basware is not None and _says(basware, paid) and not list(_shown(basware, paid))


def _shown(basware: InBasware, paid: Paid) -> Iterator[Said]:
    if paid.standing == "paid" and basware.status != PAID_IN_BASWARE:
        yield "PAID_NOT_CONFIRMED", {"status": basware.status}
    elif basware.paid and not _says(basware, paid):
        yield "PAID_TOTAL_DIFFERS", {"theirs": basware.paid[-1], "ours": paid.paid}


def _says(basware: InBasware, paid: Paid) -> bool:
    """Whether one of the payment responses that Basware keeps says this sum, with either sign."""
    return abs(paid.paid) in {abs(each) for each in basware.paid}
