"""Breaks between Basware and what is recorded here, before and after the outcome. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operator_console.reconciliation.invoice_sides import Here, InBasware, Posted, Rules, Told, same

Said = tuple[str, dict[str, Any]]
"""The code of a break, and the values of its sentence."""

OFFERED = frozenset({"WaitingForTransfer"})
TAKEN = frozenset({"TransferInProgress"})
DONE = frozenset({"Transferred", "Paid"})
FAILED = frozenset({"TransferFailed"})
REMOVED = frozenset({"Removed", "Returned", "WaitingToBeRemoved", "WaitingToBeReturned"})
FOR_A_PERSON = frozenset(
    {"WaitingForPrebookCancelation", "WaitingToBeRemoved", "WaitingToBeReturned", "WaitingToBeCompleted"}
)
"""Statuses that no documented interface answers (Basware API reference, §6.2)."""

PREBOOK_AWAITED = frozenset({"WaitingForPrebook", "PrebookInProgress"})
PREBOOK_DONE = frozenset({"Prebooked"})
PREBOOK_FAILED = frozenset({"PrebookFailed"})


def never_read(basware: InBasware, rules: Rules, *, in_epicor: bool) -> Iterator[Said]:
    """What Basware shows of a document that nothing is recorded of."""
    status = basware.status
    since = {"since": basware.changed.isoformat(timespec="minutes") if basware.changed else "some time"}
    if status in OFFERED or (status == "WaitingForPrebook" and rules.prebooking):
        yield "NOT_READ", since
    elif status in TAKEN or (status == "PrebookInProgress" and rules.prebooking):
        yield "TAKEN_NOT_RECORDED", {"status": status}
    elif status in FAILED:
        yield "NEVER_READ_AND_FAILED", {}
    elif status in DONE and not in_epicor:
        yield "TRANSFERRED_ELSEWHERE", {"status": status}
    elif status in FOR_A_PERSON:
        yield "FOR_A_PERSON", {"status": status}


def changed(basware: InBasware, here: Here) -> Iterator[Said]:
    """What Basware shows otherwise than it was read; of the same transfer only."""
    pairs = (
        ("COMPANY_CHANGED", basware.company, here.company),
        ("SUPPLIER_CHANGED", basware.supplier, here.supplier),
        ("NUMBER_CHANGED", basware.number, here.number),
        ("CURRENCY_CHANGED", basware.currency, here.currency),
    )
    for code, theirs, ours in pairs:
        if not same(theirs, ours):
            yield code, {"theirs": theirs or "empty", "ours": ours or "empty"}
    if basware.day != here.day:
        yield "DATE_CHANGED", {"theirs": basware.day or "empty", "ours": here.day or "empty"}
    if basware.gross != here.gross:
        yield "AMOUNT_CHANGED", {"theirs": basware.gross, "ours": here.gross}


def other_transfer(basware: InBasware) -> Iterator[Said]:
    """What a transfer that is not the one recorded here has come to."""
    awaited = basware.status in OFFERED | TAKEN | PREBOOK_AWAITED
    code = "NEW_TRANSFER_NOT_READ" if awaited else "TRANSFER_NOT_SEEN"
    if awaited or basware.status in DONE | FAILED | PREBOOK_DONE | PREBOOK_FAILED:
        yield code, {"status": basware.status}


def is_other_transfer(basware: InBasware, here: Here) -> bool:
    """Whether Basware shows another transfer than the one recorded here, as far as that can be told."""
    if basware.batch and here.batch and basware.batch != here.batch:
        return True
    prebooked = here.outcome == "posted" and here.posted is not None and here.posted.prebook
    return prebooked and basware.status in OFFERED | TAKEN | DONE | FAILED


def before_outcome(basware: InBasware | None, here: Here, *, in_epicor: bool) -> Iterator[Said]:
    """Why a document has no outcome yet; the one reason that matters most."""
    status = basware.status if basware else ""
    if here.phase == "stuck":
        yield "STUCK", {"id": here.invoice_id}
    elif here.withdrawn or status in FOR_A_PERSON:
        return
    elif status in REMOVED:
        yield "REMOVED_NOT_NOTICED", {"status": status}
    elif here.phase == "held":
        yield "HELD_HERE", {}
    elif status in FAILED | PREBOOK_FAILED:
        yield "TIMED_OUT", {}
    elif status in DONE | PREBOOK_DONE:
        yield "DONE_WITHOUT_US", {"status": status}
    elif basware is None:
        yield "UNKNOWN_TO_BASWARE", {}
    else:
        yield from _waiting(basware, here, in_epicor=in_epicor)


def _waiting(basware: InBasware, here: Here, *, in_epicor: bool) -> Iterator[Said]:
    since = {"since": here.moved.isoformat(timespec="minutes")}
    if here.sent and in_epicor:
        yield "ENTERED_NOT_RECORDED", {"epicor_number": here.sent.number}
    elif here.sent:
        yield "OUTCOME_UNKNOWN", {"epicor_number": here.sent.number}
    elif not here.acknowledged and basware.status in OFFERED | {"WaitingForPrebook"}:
        yield "NOT_ACKNOWLEDGED", {}
    else:
        yield "READ_NOT_POSTED", since


def after_outcome(basware: InBasware | None, here: Here) -> Iterator[Said]:
    """Whether Basware was told the outcome, and shows it."""
    told, posted = here.told, here.posted
    status = basware.status if basware else ""
    if status in REMOVED or here.withdrawn:
        return
    if here.phase == "stuck" and told is None:
        yield "STUCK", {"id": here.invoice_id}
    elif told is None:
        if here.outcome == "posted" and posted:
            yield "POSTED_NOT_ANSWERED", {"voucher": posted.voucher}
        else:
            yield "REFUSED_NOT_ANSWERED", {}
    elif told.rejected:
        yield "ANSWER_REJECTED", {"id": here.invoice_id}
    elif told.arrived is False:
        yield "ANSWER_UNDELIVERED", {"id": here.invoice_id}
    elif basware:
        yield from _shown(basware, here, told)


def _shown(basware: InBasware, here: Here, told: Told) -> Iterator[Said]:
    """What Basware shows after an answer of ours that it took."""
    status, posted = basware.status, here.posted
    if status in OFFERED | TAKEN | PREBOOK_AWAITED:
        if told.unconfirmed:
            yield "ANSWER_UNCONFIRMED", {"status": status, "id": here.invoice_id}
        else:
            yield "ANSWER_NOT_ARRIVED", {"status": status, "ours": "success" if told.success else "a refusal"}
    elif told.success and status in FAILED | PREBOOK_FAILED:
        yield "POSTED_BUT_FAILED", {"voucher": posted.voucher if posted else "", "status": status}
    elif not told.success and status in DONE | PREBOOK_DONE:
        yield "REFUSED_BUT_TRANSFERRED", {"status": status}
    elif told.success and posted and status in DONE | PREBOOK_DONE:
        yield from _as_answered(basware, posted, told)


def _as_answered(basware: InBasware, posted: Posted, told: Told) -> Iterator[Said]:
    if basware.codes and told.codes and not set(basware.codes) & set(told.codes):
        yield "ANSWERED_BY_ANOTHER", {"status": basware.status}
    elif basware.voucher is not None and not same(basware.voucher, posted.voucher):
        yield "VOUCHER_DIFFERS", {"theirs": basware.voucher, "ours": posted.voucher}
