"""The one use case: post an approved accounting document to the ledger, with a certain outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from epicor_writer.apply_dates import apply_date_of
from epicor_writer.attempts import (
    Key,
    elsewhere,
    groups_of,
    is_prebooking,
    matched_before,
    open_before,
    prebooked_before,
    superseded,
    withdrawn,
)
from epicor_writer.checking import Before, alike, check, credited, numbered
from epicor_writer.credit_notes import with_suffix
from epicor_writer.decision import is_ours, place_of
from epicor_writer.desk import Desk
from epicor_writer.draft import to_draft
from epicor_writer.duplicates import plain
from epicor_writer.gate import gated
from epicor_writer.groups import apply_date_in
from epicor_writer.invoice import Draft
from epicor_writer.kinds import is_credit
from epicor_writer.linking import link
from epicor_writer.normal import as_entered
from epicor_writer.order_rows import order_numbers, references_digest
from epicor_writer.people import as_decided, decided, returned, wait_while_held
from epicor_writer.ports import Ledger, Log, Slot
from epicor_writer.posting import Posting, refuse
from epicor_writer.progress import Progress, pause_left, progress
from epicor_writer.reference import Vendor, same_key
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.connections import Connection
from mlc_common.events import DocumentApproved, Event, InvoicePosted, InvoiceRefused, PostingIntended
from mlc_common.failures import PermanentError, TransientError
from mlc_common.order_lines import NOT_MATCHED
from mlc_common.posting_rules import Action
from mlc_common.settings import Timings


def identities(event: DocumentApproved) -> tuple[str, ...]:
    """What one worker at a time may work on: the document, and the invoice it would become.

    Invoices of a supplier whose numbers look alike wait for each other, also in another company, so that the second
    one finds the first.
    """
    number = event.invoice_number or ""
    return f"document/{event.invoice_id}", f"invoice/{same_key(event.supplier_code)}/{plain(number) or number}"


def orders_of(document: AccountingDocument) -> tuple[str, ...]:
    """The purchase orders that one worker at a time may work on, so that the second invoice finds what is left.

    They are known once the document is read: by number, however it is spelled and whatever a person has overridden.
    Several of Basware's companies may be one of Epicor's, so none is named.
    """
    return tuple(f"order/{number}" for number in sorted(order_numbers(document)))


async def post_invoice(
    event: DocumentApproved,
    *,
    connection: Connection,
    ledger: Ledger,
    log: Log,
    slot: Slot,
    timings: Timings,
    now: Callable[[], datetime],
) -> InvoicePosted | InvoiceRefused | None:
    """Bring one attempt to its outcome, from wherever an earlier try left it; None when it had one already.

    Raises:
        TransientError: it must be tried again, now or after a deliberate pause; what is known so far is recorded.
        PermanentError: the document cannot be read.
    """
    history = [recorded.event for recorded in await log.history(event.connection, event.invoice_id)]
    state = progress(history, event.attempt)
    if state.phase == "settled":
        for company, group_id in await _left_open(log, event, state):
            await ledger.close_group(company, group_id, surely_ours=False)
        return None
    document = as_decided(event, history)
    desk = Desk(document, connection, ledger, event=event, log=log, slot=slot, timings=timings, now=now)
    if superseded(history, event.attempt):
        return await _step_back(desk, state)
    for earlier in open_before(history, event.attempt):
        document = as_decided(earlier.approved, history)
        history.append(await _step_back(replace(desk, event=earlier.approved, document=document), earlier.state))
    desk = replace(desk, prebooked=prebooked_before(history, event.attempt) and not is_prebooking(event))
    state, barred = progress(history, event.attempt), withdrawn(history, event.attempt)
    decisions = decided(history, event.attempt)
    if decisions.returned is not None:
        barred += returned(decisions.returned)
    if state.intent is None and not barred:
        wait_while_held(decisions, timings)
        if decisions.linked is not None:
            return await link(desk, decisions.linked, history)
    await slot.hold_also(*orders_of(desk.document))
    barred += _prebooked_by_another(desk) + await _held_elsewhere(desk, history)
    if state.intent is not None:
        return await _again(desk, state, barred=barred)
    return await _first_time(desk, state, barred=barred, before=await _matched_before(desk, history))


async def _step_back(desk: Desk, state: Progress) -> InvoicePosted | InvoiceRefused:
    """End an attempt that a newer one replaced: nothing is sent any more, but what was sent is found out.

    Its own delivery and the newer attempt's both come here, so the pause between two look-ups is kept by the clock.
    """
    reason = (finding("SUPERSEDED"),)
    if state.intent is None:
        return await refuse(desk, reason)
    wait = pause_left(state, pauses=desk.timings.unclear_pauses, now=desk.now())
    if wait:
        sentence = f"An earlier transfer of document {desk.event.invoice_id} is unclear and is looked up again later."
        raise TransientError(sentence, retry_after=wait, counts=False)
    return await _again(desk, state, barred=reason)


def _prebooked_by_another(desk: Desk) -> tuple[Finding, ...]:
    """A prebooked document that we have not entered stands in Epicor already, under who knows what number."""
    unknown = desk.document.prebooked and not desk.prebooked and desk.rules.prebooking == "create"
    return (finding("PREBOOKED", field="prebooked"),) if unknown else ()


async def _held_elsewhere(desk: Desk, history: Sequence[Event]) -> tuple[Finding, ...]:
    """Why the document must not be entered: Epicor holds it already, under what another transfer called it."""
    event, pair = desk.event, desk.pair
    number = (desk.document.invoiceNumber or "").strip()
    mine = Key(pair.epicor if pair else "", desk.document.supplierCode, number)
    found = []
    suffixed = replace(mine, invoice_num=with_suffix(number, desk.rules.credit_notes.suffix))
    may_be = (mine, suffixed) if is_credit(desk.document, desk.rules) else (mine,)
    for place in elsewhere(history, event.attempt, *may_be):
        key = place.key
        held = await desk.ledger.look_up(key.company, place.vendor_num, key.invoice_num)
        if held is None:
            continue
        if place.posted or is_ours(held.header, invoice_id=event.invoice_id, group_id=place.group_id):
            values = {"company": key.company, "number": key.invoice_num, "vendor": key.vendor_id}
            found.append(finding("ALREADY_POSTED", field="invoiceNumber", where=place_of(held.header), **values))
    return tuple(found)


async def _matched_before(desk: Desk, history: Sequence[Event]) -> Before:
    intent = matched_before(history)
    if intent is None or intent.orders is None:
        return Before()
    held = await desk.ledger.look_up(intent.company, intent.vendor_num, intent.invoice_num)
    if held is None or not is_ours(held.header, invoice_id=desk.event.invoice_id, group_id=intent.group_id):
        return Before()
    same = intent.orders.digest == references_digest(as_entered(desk.document, desk.rules))
    return Before(intent.orders if same else None, held)


async def _first_time(
    desk: Desk, state: Progress, *, barred: tuple[Finding, ...], before: Before
) -> InvoicePosted | InvoiceRefused:
    today = desk.rules.day_of(desk.now())
    checked = await check(desk, apply_date=apply_date_of(desk.document, desk.rules, today=today), before=before)
    checked = replace(checked, findings=await gated(desk, checked.findings))
    draft = to_draft(desk.document, desk.pair, desk.rules, today=today, tables=desk.tables, match=checked.match)
    vendor = checked.reference.vendor
    if not isinstance(draft, Draft) or vendor is None:
        faults = () if isinstance(draft, Draft) else draft
        return await refuse(desk, tuple(dict.fromkeys((*barred, *faults, *checked.findings))))
    draft = await numbered(_ahead_of_approval(draft, desk).held_back(checked.holds), vendor, desk)
    near = await alike(draft, desk)
    if desk.rules.near_duplicates is Action.REFUSE:
        return await Posting(desk, state, draft, vendor, findings=(*barred, *checked.findings, *near)).run()
    draft = draft.held_back((*checked.holds, *near))
    return await Posting(desk, state, draft, vendor, findings=(*barred, *checked.findings)).run()


def _ahead_of_approval(draft: Draft, desk: Desk) -> Draft:
    """A prebooked document is entered on hold; its transfer, once it is approved, enters it anew without."""
    return replace(draft, hold=True) if is_prebooking(desk.event) else draft


async def _again(desk: Desk, state: Progress, *, barred: tuple[Finding, ...] = ()) -> InvoicePosted | InvoiceRefused:
    """Go on after an UpdateMaster was intended: Epicor is looked at first, whatever is wrong with the document now."""
    intent = state.intent
    assert intent is not None  # noqa: S101 - the caller's condition, for the type checker
    draft = _draft_again(desk, intent)
    try:
        checked = await check(desk, apply_date=draft.apply_date, before=Before(draft.orders))
        near = await alike(draft, desk) if desk.rules.near_duplicates is Action.HOLD else ()
    except PermanentError as error:
        raise TransientError(f"{error} It is unclear whether Epicor holds the invoice, so this waits.") from error
    vendor, known = Vendor(intent.vendor_num, intent.vendor_id), checked.reference.vendor
    if known is not None and known.num == intent.vendor_num:
        vendor = known
    draft = await credited(draft.held_back((*checked.holds, *near)), vendor, desk)
    groups = [group_id for _, group_id in await _left_open(desk.log, desk.event, state)]
    return await Posting(desk, state, draft, vendor, findings=barred or checked.findings, left_open=groups).run()


def _draft_again(desk: Desk, intent: PostingIntended) -> Draft:
    """What was meant when the intent was recorded, of which only the connection may have changed since.

    Raises:
        TransientError: by the changed connection it cannot be told, or it would be sought in another company.
    """
    day = intent.apply_date or apply_date_in(intent.group_id)
    match = intent.orders or NOT_MATCHED
    draft = to_draft(desk.document, desk.pair, desk.rules, today=day, tables=desk.tables, apply_date=day, match=match)
    if isinstance(draft, Draft) and draft.pair.epicor == intent.company:
        return replace(_ahead_of_approval(draft, desk), invoice_num=intent.invoice_num)
    if isinstance(draft, Draft):
        why = (
            f"company {desk.document.companyCode} was sent to Epicor company {intent.company}, not {draft.pair.epicor}."
        )
    else:
        why = draft[0].sentence
    raise TransientError(
        f"The connection was changed while it is unclear whether Epicor holds document {desk.event.invoice_id}; undo "
        f"the change until that is settled: {why}"
    )


async def _left_open(log: Log, event: DocumentApproved, state: Progress) -> tuple[tuple[str, str], ...]:
    """The groups that earlier tries of the attempt may have left locked, with their companies."""
    if state.intent is None:
        return ()
    if state.number == 1:
        return groups_of([state.intent], event.attempt)
    timeline = await log.timeline(event.connection, event.invoice_id)
    return groups_of((recorded.event for recorded in timeline), event.attempt)
