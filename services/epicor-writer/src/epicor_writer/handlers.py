"""The one use case: post an approved accounting document to the ledger, with a certain outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from epicor_writer.checks import in_epicor
from epicor_writer.decision import Progress, progress
from epicor_writer.draft import Draft, apply_date_of, to_draft, wanted
from epicor_writer.groups import apply_date_in
from epicor_writer.ports import Ledger, Log, Slot
from epicor_writer.posting import Desk, Posting, refuse
from epicor_writer.reference import Reference, Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding
from mlc_common.connections import Connection
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused
from mlc_common.failures import TransientError
from mlc_common.settings import Timings


def identities(event: DocumentApproved) -> tuple[str, ...]:
    """What one worker at a time may work on: the document, and the invoice it would become."""
    number = (event.invoice_number or "").strip().casefold()
    invoice = f"invoice/{event.company_code}/{event.supplier_code.strip().casefold()}/{number}"
    return (f"document/{event.invoice_id}", invoice)


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
    history = await log.history(event.connection, event.invoice_id)
    state = progress((recorded.event for recorded in history), event.attempt)
    if state.phase == "settled":
        return None
    document = AccountingDocument.parse(event.document)
    desk = Desk(event, document, connection=connection, ledger=ledger, log=log, slot=slot, timings=timings, now=now)
    return await (_first_time(desk, state) if state.intent is None else _again(desk, state))


async def _first_time(desk: Desk, state: Progress) -> InvoicePosted | InvoiceRefused:
    today = desk.now().astimezone(UTC).date()
    draft = to_draft(desk.document, desk.pair, desk.rules, today=today)
    reference, findings = await check(desk)
    if not isinstance(draft, Draft) or reference.vendor is None:
        faults = () if isinstance(draft, Draft) else draft
        return await refuse(desk, (*faults, *findings))
    return await Posting(desk, state, draft, reference.vendor, findings=findings).run()


async def _again(desk: Desk, state: Progress) -> InvoicePosted | InvoiceRefused:
    """Go on after an UpdateMaster was intended: Epicor is looked at first, whatever is wrong with the document now."""
    intent = state.intent
    assert intent is not None  # noqa: S101 - the caller's condition, for the type checker
    draft = to_draft(desk.document, desk.pair, desk.rules, today=apply_date_in(intent.group_id))
    if not isinstance(draft, Draft):
        raise TransientError(
            f"The connection was changed so that document {desk.event.invoice_id} can no longer be mapped while it is "
            f"unclear whether Epicor holds it; undo the change: {draft[0].sentence}"
        )
    reference, findings = await check(desk)
    vendor = Vendor(intent.vendor_num, intent.vendor_id)
    if reference.vendor is not None and reference.vendor.num == intent.vendor_num:
        vendor = reference.vendor
    return await Posting(desk, state, draft, vendor, findings=findings).run()


async def check(desk: Desk) -> tuple[Reference, tuple[Finding, ...]]:
    """What Epicor knows of the document's codes, and what is wrong with them; bad news is never old news."""
    if desk.pair is None:
        return Reference(), ()
    codes = wanted(desk.document, desk.pair, desk.rules)
    day = apply_date_of(desk.document, desk.rules, today=desk.now().astimezone(UTC).date())
    for fresh in (False, True):
        reference = await desk.ledger.reference(codes, fresh=fresh)
        findings = in_epicor(desk.document, desk.pair, desk.rules, reference, apply_date=day)
        if not findings:
            break
    return reference, findings
