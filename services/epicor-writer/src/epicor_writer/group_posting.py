"""The second half of posting, where success means posted: the group of an entered invoice is posted and followed.

Nothing waits here: between two looks the message goes back to the stream, and with it the place among the callers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from epicor_writer.attempts import withdrawn
from epicor_writer.decision import Said
from epicor_writer.desk import Desk
from epicor_writer.groups import holder
from epicor_writer.payables import Request, Settled, Watch, neighbours, next_move, not_posted, objections, shared
from epicor_writer.people import decided, returned, wait_while_held
from epicor_writer.progress import Progress
from mlc_common.catalogue import Finding, finding
from mlc_common.events import DocumentFact
from mlc_common.failures import TransientError
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow

Append = Callable[[DocumentFact], Awaitable[Progress]]
"""Stores a fact and gives the state after it; raises TransientError when somebody else stored it before."""


async def into_payables(
    desk: Desk, state: Progress, header: APInvHedRow, *, findings: tuple[Finding, ...], append: Append
) -> Settled:
    """Bring an invoice that stands in Epicor as meant into the payables, as far as it goes now.

    Args:
        findings: why nothing more is to be done with it; what was asked for already is followed all the same.

    Raises:
        TransientError: Epicor has not done it yet, or cannot be asked.
    """
    rules, pauses = desk.rules.group_posting, desk.timings.unclear_pauses
    group = await desk.ledger.group(header.Company, header.GroupID) if state.requested and not header.Posted else None
    move = next_move(state, header, group, rules=rules, pauses=pauses, now=desk.now())
    match move:
        case Settled():
            return move
        case Watch(seconds):
            sentence = f"Epicor is asked to post group {header.GroupID}; looking again later."
            raise TransientError(sentence, retry_after=seconds, counts=False)
        case Request():
            stays = await _stays(desk, state, header, findings)
    if stays is not None:
        return stays
    return await _request(desk, state, header, append)


async def _stays(desk: Desk, state: Progress, header: APInvHedRow, findings: tuple[Finding, ...]) -> Settled | None:
    """Why the group must not be posted, if anything stands against it; it changes nothing."""
    event, ledger = desk.event, desk.ledger
    history = [recorded.event for recorded in await desk.log.history(event.connection, event.invoice_id)]
    decisions = decided(history, event.attempt)
    back = () if decisions.returned is None else returned(decisions.returned)
    findings = findings or withdrawn(history, event.attempt) or back
    if not findings:
        wait_while_held(decisions, desk.timings)
    if findings:
        return Settled(in_payables=False, why=findings)
    others = neighbours(header, await ledger.invoices_in(header.Company, header.GroupID))
    if others:
        return shared(others)
    group = await ledger.group(header.Company, header.GroupID)
    busy = "it is gone" if group is None else holder(group, user=ledger.user)
    if busy is not None:
        return _busy(desk, state, busy)
    checked = await ledger.check_group(header.Company, header.GroupID)
    if isinstance(checked, str):
        return not_posted(checked)
    found = objections(checked)
    return Settled(in_payables=False, why=found) if found else None


def _busy(desk: Desk, state: Progress, why: str) -> Settled:
    """Somebody has the group: that is waited for as long as a posting is, then told."""
    since = state.intent.at if state.intent else desk.event.at
    waited = (desk.now() - since).total_seconds()
    pauses = desk.timings.unclear_pauses
    if waited < desk.rules.group_posting.patience_minutes * 60:
        seconds = min(max(pauses[0], waited / 2), pauses[-1])
        raise TransientError(f"The group cannot be posted yet: {why}.", retry_after=seconds, counts=False)
    return Settled(in_payables=False, why=(finding("GROUP_BUSY", message=why),))


async def _request(desk: Desk, state: Progress, header: APInvHedRow, append: Append) -> Settled:
    """Announce the request, make it, and look what has come of it."""
    rules, ledger = desk.rules.group_posting, desk.ledger
    parameters = await ledger.posting_parameters(header.Company, header.GroupID)
    group: APInvGrpRow | None = await ledger.group(header.Company, header.GroupID)
    before = " ".join(group.PostErrorLog.split()) if group else ""
    number = state.requested.number + 1 if state.requested else 1
    await desk.slot.still_ours()
    state = await append(desk.facts.posting_requested(number, header, how=rules.how, error_before=before))
    reply = await ledger.post_group(header.Company, parameters, rules=rules)
    if reply.said is Said.NO:
        return not_posted(reply.message)
    if reply.said is Said.YES:
        state = await append(desk.facts.posting_submitted(number, ended=rules.how == "direct"))
    held = await ledger.look_up(header.Company, header.VendorNum, header.InvoiceNum)
    return await into_payables(desk, state, header if held is None else held.header, findings=(), append=append)
