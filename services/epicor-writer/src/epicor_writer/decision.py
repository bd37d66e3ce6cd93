"""What to do next, from what happened before and what Epicor holds. Pure.

An answer that did not come is not a failure: nothing is sent again before two look-ups in a row, with a pause between
them, found nothing; nothing is removed before two look-ups in a row found it incomplete, unless Epicor had answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from epicor_writer.computed_taxes import settled_by, tax_gap
from epicor_writer.progress import Progress
from epicor_writer.readback import differences, money
from epicor_writer.reference import same_key
from mlc_epicor.datasets import APInvHedRow, APInvoiceDataset

AGREEING_LOOK_UPS = 2
MOST_REMOVALS = 2
"""The first time an invoice is not kept as sent it is made anew; the second time it is refused. An invoice that was
interrupted half-way does not count."""
MOST_SERVER_ERRORS = 4
NO_GAP = Decimal(0)
_SHORTEST_CUT_ID = 20
_MOST_DIFFERENCES = 3


@dataclass(frozen=True)
class Absent:
    """Epicor holds no invoice with this key."""


@dataclass(frozen=True)
class Done:
    """It stands there, ours and as meant."""

    held: APInvoiceDataset


@dataclass(frozen=True)
class Repair:
    """It is ours, not as meant, and not posted."""

    difference: str
    where: str
    group_id: str


@dataclass(frozen=True)
class ForeignDuplicate:
    """Somebody else's invoice has this key."""

    where: str


@dataclass(frozen=True)
class PostedOtherwise:
    """It is ours, not as meant, and posted: nothing we could change."""

    difference: str


@dataclass(frozen=True)
class TaxApart:
    """It is ours and as meant but for the tax that Epicor computed; `change` settles that."""

    change: APInvoiceDataset
    difference: str
    where: str
    group_id: str


Verdict = Absent | Done | Repair | ForeignDuplicate | PostedOtherwise | TaxApart


def decide(
    held: APInvoiceDataset | None,
    meant: APInvoiceDataset,
    *,
    prebooked: bool = False,
    tax_tolerance: Decimal = NO_GAP,
    tries: int = 0,
) -> Verdict:
    """What the invoice that Epicor holds under the key of `meant` is to us.

    Args:
        prebooked: we entered it on hold ahead of its approval, so that a hold that is not meant is a difference.
        tax_tolerance: accepted gap between Basware's tax and the one that Epicor computes, in invoice currency.
        tries: how many changes of the tax were made in vain.
    """
    if held is None:
        return Absent()
    where = place_of(held.header)
    if not is_ours(held.header, invoice_id=meant.header.ExternalID, group_id=meant.header.GroupID):
        return ForeignDuplicate(where)
    gap = tax_gap(meant, held)
    found = differences(meant, held, tax_gap=gap)
    if not found and gap:
        difference = f"the tax is off by {money(gap)}"
        change = None if held.header.Posted else settled_by(gap, held, tolerance=tax_tolerance, tries=tries)
        if change is not None:
            return TaxApart(change, difference, where, held.header.GroupID)
        found = [] if held.header.InvoiceHeld and not held.header.Posted else [difference]
    elif prebooked and held.header.InvoiceHeld and not meant.header.InvoiceHeld and not held.header.Posted:
        found.append("it is still on hold, as it was prebooked")
    if not found:
        return Done(held)
    more = f" and {len(found) - _MOST_DIFFERENCES} more" if len(found) > _MOST_DIFFERENCES else ""
    difference = "; ".join(found[:_MOST_DIFFERENCES]) + more
    return PostedOtherwise(difference) if held.header.Posted else Repair(difference, where, held.header.GroupID)


class Said(Enum):
    """What Epicor said to a write in this run."""

    NOTHING = "no write was made"
    YES = "it was saved"
    NO = "it was refused"
    GROUP_TAKEN = "it was refused because somebody has the group"
    UNCLEAR = "the answer did not arrive or was a server error"


@dataclass(frozen=True)
class Send:
    """Record the intent and call UpdateMaster."""


@dataclass(frozen=True)
class Succeed:
    """Record the success; `found` when no answer of this run says so."""

    held: APInvoiceDataset
    found: bool


@dataclass(frozen=True)
class Wait:
    """Record that it is unclear and look again after a pause."""

    look_ups: int


@dataclass(frozen=True)
class Remove:
    """Delete our incomplete invoice, which is in this group."""

    difference: str
    group_id: str
    interrupted: bool = False
    """No answer says that Epicor had all of it."""


@dataclass(frozen=True)
class GiveUp:
    """Refuse; `code` is a catalogue entry, or None for what Epicor itself answered."""

    code: str | None
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Settle:
    """Save this change of our invoice, which is in this group."""

    change: APInvoiceDataset
    group_id: str


Step = Send | Succeed | Wait | Remove | GiveUp | Settle


def next_step(state: Progress, verdict: Verdict, said: Said) -> Step:
    """The one thing to do now."""
    match verdict:
        case Done(held):
            return Succeed(held, found=said in (Said.NOTHING, Said.UNCLEAR))
        case ForeignDuplicate(where):
            return GiveUp("DUPLICATE", (("where", where),))
        case PostedOtherwise(difference):
            return GiveUp("POSTED_OTHERWISE", (("difference", difference),))
        case Repair() | TaxApart() if state.requested or (state.phase == "fresh" and not state.removable):
            return GiveUp("HELD_OTHERWISE", (("difference", verdict.difference), ("where", verdict.where)))
        case Repair():
            return _when_incomplete(state, verdict, said)
        case TaxApart(change, _, _, group_id):
            return Settle(change, group_id)
        case Absent():
            return _when_absent(state, said)


def _when_absent(state: Progress, said: Said) -> Step:
    if state.requested:
        return GiveUp("GONE_FROM_EPICOR")
    if said is Said.NO:
        return GiveUp(None)
    if said is Said.GROUP_TAKEN or state.phase == "fresh":
        return Send()
    if state.phase == "removed" and state.kept_otherwise >= MOST_REMOVALS:
        return GiveUp("NOT_AS_SENT", (("difference", state.difference),))
    look_ups = state.look_ups + 1 if state.phase == "unclear" and said is Said.NOTHING else 1
    if look_ups < AGREEING_LOOK_UPS and state.phase != "removed":
        return Wait(look_ups)
    if state.failures >= MOST_SERVER_ERRORS:
        return GiveUp("EPICOR_KEEPS_FAILING", (("tries", state.failures), ("message", state.sentence)))
    return Send()


def _when_incomplete(state: Progress, verdict: Repair, said: Said) -> Step:
    answered = said in (Said.YES, Said.NO, Said.GROUP_TAKEN)
    seen_before = said is Said.NOTHING and state.phase == "unclear" and state.total > 0 and state.look_ups == 0
    if answered or seen_before or state.phase in ("fresh", "removed"):
        return Remove(verdict.difference, verdict.group_id, interrupted=seen_before)
    return Wait(0)


def is_ours(held: APInvHedRow, *, invoice_id: str, group_id: str) -> bool:
    """By our external id, which Epicor may have cut; where it keeps none, by a group that an intent of ours named.

    `group_id` is the intent's group, or "" when our log has no intent: then an invoice without an id is never ours,
    whatever group it is in, since another connection may use groups of the same names.
    """
    external, ours = same_key(held.ExternalID), same_key(invoice_id)
    if not external:
        return group_id != "" and same_key(held.GroupID) == same_key(group_id)
    return external == ours or (len(external) >= _SHORTEST_CUT_ID and ours.startswith(external))


def place_of(header: APInvHedRow) -> str:
    """Where an invoice stands, for a person who looks for it."""
    place = f"group {header.GroupID}" if header.GroupID else "no group"
    person = f", entered by {header.EntryPerson}" if header.EntryPerson else ""
    return f"{place}{person}, {'posted' if header.Posted else 'not posted'}"
