"""Bringing an entered AP invoice into the payables: what to do next, from what was asked and what Epicor shows. Pure.

The process runs apart from the call that asks for it, so its answer says nothing: the invoice is posted when its header
says so, and it is not when the process has left the group and written into its error log (Epicor reference, posting).
A request is repeated only when it is not known to have arrived and nothing came of it for as long as an unclear
posting is looked up; asking twice posts nothing twice, since a group of one invoice is posted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from epicor_writer.progress import Progress
from mlc_common.catalogue import Finding, finding
from mlc_common.group_rules import GroupPosting
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow
from mlc_epicor.group_posting import PrePost

MOST_REQUESTS = 3


@dataclass(frozen=True)
class Settled:
    """It is in the payables, or it stays entered; `why` when it should not have stayed."""

    in_payables: bool
    why: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Request:
    """Check the group, then ask for its posting."""


@dataclass(frozen=True)
class Watch:
    """Look again after so many seconds."""

    seconds: float


def next_move(
    state: Progress,
    header: APInvHedRow,
    group: APInvGrpRow | None,
    *,
    rules: GroupPosting,
    pauses: Sequence[float],
    now: datetime,
) -> Settled | Request | Watch:
    """The next thing to do for an invoice that stands in Epicor as meant.

    Args:
        group: as it was read after the header; None when it is not there, or was not asked for yet.
        pauses: seconds between two look-ups of an unclear posting.
    """
    if header.Posted:
        return Settled(in_payables=True)
    if state.requested is None:
        return Settled(in_payables=False) if header.InvoiceHeld else Request()
    waited = now - state.requested.at
    watch = Watch(min(max(pauses[0], waited.total_seconds() / 2), pauses[-1]))
    over = waited >= timedelta(minutes=rules.patience_minutes)
    unseen = Settled(in_payables=False, why=(finding("POSTING_NOT_SEEN", minutes=rules.patience_minutes),))
    if group is None or group.PostInProcess:
        return unseen if over else watch
    error = " ".join(group.PostErrorLog.split())
    if (error and error != state.requested.error_before) or state.posting_ended or (error and over):
        return not_posted(error or "it gives no reason")
    if over:
        return unseen
    lost = not state.submitted and waited.total_seconds() >= sum(pauses)
    return Request() if lost and state.requested.number < MOST_REQUESTS else watch


def not_posted(message: str) -> Settled:
    """Epicor did not post it, in its own words."""
    return Settled(in_payables=False, why=(finding("GROUP_NOT_POSTED", message=message),))


def objections(said: PrePost) -> tuple[Finding, ...]:
    """What the check before posting has against it; nobody is here to answer a question."""
    found = []
    if said.VarianceMessage.strip():
        found.append(finding("GROUP_VARIANCE", message=_line(said.VarianceMessage)))
    if said.ReturnMessage.strip():
        found.append(finding("GROUP_ASKS", message=_line(said.ReturnMessage)))
    if said.TaxCalcFlag and not found:
        found.append(finding("GROUP_ASKS", message="taxes of the group are to be computed first (TaxCalcFlag)"))
    return tuple(found)


def neighbours(header: APInvHedRow, in_group: Sequence[APInvHedRow]) -> tuple[APInvHedRow, ...]:
    """The other invoices of a group."""
    mine = (header.VendorNum, header.InvoiceNum.strip().casefold())
    return tuple(row for row in in_group if (row.VendorNum, row.InvoiceNum.strip().casefold()) != mine)


def shared(others: Sequence[APInvHedRow]) -> Settled:
    """Posting the group would post somebody else's work."""
    named = ", ".join(row.InvoiceNum.strip() for row in others[:3])
    return Settled(in_payables=False, why=(finding("GROUP_SHARED", others=named),))


def _line(text: str) -> str:
    return " ".join(text.split())
