"""Facts told in words, one line each, for a document's timeline. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from mlc_common.catalogue import Finding
from mlc_common.events import (
    AnswerDelivered,
    AnswerFact,
    AnswerRejected,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    AttachmentFact,
    BankChangeDecided,
    BankChangeHeld,
    BankChangeWithdrawn,
    BatchSent,
    DeadlineNear,
    DocumentAcknowledged,
    DocumentApproved,
    DocumentErased,
    DocumentHeld,
    DocumentNoticed,
    DocumentOverridden,
    DocumentReleased,
    DocumentReturned,
    DocumentWithdrawn,
    Event,
    FlowsPaused,
    FlowsResumed,
    GroupPostingRequested,
    GroupPostingSubmitted,
    InterimAnswered,
    InvoiceLinked,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    MasterDataFact,
    MasterDataRedeliveryRequested,
    NotificationReceived,
    Operation,
    OutcomeAnswered,
    PaymentAnswerDelivered,
    PaymentAnswered,
    PaymentAnswerIntended,
    PaymentAnswerUndelivered,
    PaymentFact,
    PaymentSeen,
    PersonFact,
    PostingIntended,
    PostingUnclear,
    ReconciliationDone,
    RecordAccepted,
    RecordChanged,
    RecordHeld,
    RecordRefused,
    RecordSent,
    Redelivery,
    RedeliveryRequested,
    ReplayRequested,
    ReplayStarted,
    ReplayStopped,
    SyncEnded,
    SyncFinished,
    SyncPlanned,
    SyncRequested,
    WritersFact,
)
from mlc_common.payment_text import payment_text
from operator_console import attachments


def tell(event: Event) -> tuple[str, str]:
    """What happened, and what matters about it."""
    if isinstance(event, PaymentFact):
        return _about_the_payment(event)
    if isinstance(event, AttachmentFact):
        return attachments.tell(event)
    if isinstance(event, MasterDataFact):
        return _about_master_data(event)
    match event:
        case NotificationReceived():
            return "pushed", f"{event.task_type} {event.document_id}, verified as {event.variant}"
        case DocumentApproved() | DocumentAcknowledged() | DocumentNoticed():
            return _seen(event)
        case OutcomeAnswered() | AnswerRejected():
            return _answered(event)
        case (
            DocumentWithdrawn()
            | DeadlineNear()
            | InterimAnswered()
            | AnswerRepeated()
            | AnswerDelivered()
            | AnswerUndelivered()
            | AnswerUnconfirmed()
        ):
            return _about_the_answer(event)
        case (
            DocumentHeld()
            | DocumentReleased()
            | DocumentReturned()
            | DocumentOverridden()
            | InvoiceLinked()
            | ReplayRequested()
            | RedeliveryRequested()
            | DocumentErased()
        ):
            return _decided(event)
        case FlowsPaused() | FlowsResumed() | ReplayStarted() | ReplayStopped() | ReconciliationDone():
            return _operated(event)
        case _:
            return _worked_on(event)


def _answered(event: OutcomeAnswered | AnswerRejected) -> tuple[str, str]:
    if isinstance(event, AnswerRejected):
        return "answer rejected", f"{event.sentence} (status {event.status})"
    told = "success" if event.success else "refusal"
    there = " (it was there already)" if event.found else ""
    return "answered", f"Basware took the {told}: {event.message}{there}"


def actor(event: Event) -> str:
    """Who did it: a person, a far side, or one of our services."""
    if isinstance(event, PersonFact | Operation | Redelivery | SyncRequested | DocumentErased):
        return event.by
    if isinstance(event, NotificationReceived | DocumentWithdrawn):
        return "Basware"
    if isinstance(event, MasterDataFact | PaymentSeen):
        return "masterdata-sync"
    return "epicor-writer" if isinstance(event, WritersFact) else "basware-reader"


def _decided(event: PersonFact | RedeliveryRequested | DocumentErased) -> tuple[str, str]:
    if isinstance(event, RedeliveryRequested):
        return _handed_out_again(event)
    said = f"{event.by}: {event.reason}"
    if isinstance(event, InvoiceLinked):
        said = f"to invoice {event.invoice_num} of {event.vendor_id}, company {event.company}, by {said}"
    if isinstance(event, DocumentOverridden):
        diff = "; ".join(f"{each.place}: {each.old or 'nothing'} -> {each.new}" for each in event.changes)
        said = f"{diff}; {said}"
    return event.fact, said


def _handed_out_again(event: Redelivery) -> tuple[str, str]:
    return "handed out again", f"dead letter {event.letter}, to {event.durable}; {event.by}: {event.reason}"


def _operated(event: Operation) -> tuple[str, str]:
    match event:
        case FlowsPaused() | FlowsResumed():
            what = ", ".join(event.flows)
        case ReplayStarted():
            what = f"{event.replay}: {event.documents} to take up, {event.per_second:g} a second"
        case ReplayStopped():
            what = f"{event.replay}: {event.how} after {event.requested}"
        case ReconciliationDone():
            return "reconciled", f"{event.invoices} invoices, {sum(event.breaks.values())} breaks, by {event.by}"
        case _:
            assert_never(event)
    return event.fact.replace("_", " "), f"{what}; {event.by}: {event.reason}"


def _about_master_data(event: MasterDataFact) -> tuple[str, str]:
    match event:
        case RecordSent() | RecordChanged():
            return event.fact, f"{event.kind} {event.code} of company {event.company}"
        case SyncRequested() | SyncPlanned() | SyncFinished() | SyncEnded():
            return event.type.replace("_", " "), f"of connection {event.connection}"
        case BankChangeDecided():
            return "bank decided", f"{event.verdict} by {event.by}: {event.reason}"
        case BankChangeHeld():
            return "bank held", event.finding.sentence
        case MasterDataRedeliveryRequested():
            return _handed_out_again(event)
        case BankChangeWithdrawn():
            return "bank withdrawn", f"{event.kind} {event.code} of company {event.company}"
        case _:
            return _on_its_way(event)


def _on_its_way(event: RecordAccepted | RecordRefused | RecordHeld | BatchSent) -> tuple[str, str]:
    match event:
        case RecordAccepted():
            return "accepted", "; ".join(event.warnings) or ("unchanged" if event.unchanged else "saved in P2P")
        case BatchSent():
            again = "" if event.number == 1 else f", time {event.number}"
            return "batch", f"{len(event.records)} of {event.kind} in request {event.request_id}{again}"
    return event.fact, event.finding.sentence


def _seen(event: DocumentApproved | DocumentAcknowledged | DocumentNoticed) -> tuple[str, str]:
    match event:
        case DocumentApproved():
            amount = f", {event.gross} {event.currency}" if event.gross is not None else ""
            return "approved", f"seen by {event.seen_by}: {event.invoice_number} of {event.supplier_code}{amount}"
        case DocumentAcknowledged():
            return "acknowledged", "Basware knows that we have it" + (" (already before)" if event.already else "")
        case DocumentNoticed():
            return "noticed", f"{event.reason} (status {event.status})"
        case _:
            assert_never(event)


def _about_the_answer(event: AnswerFact) -> tuple[str, str]:
    match event:
        case DocumentWithdrawn():
            return "withdrawn", f"Basware took it out of its transfer (status {event.status})"
        case DeadlineNear():
            return "deadline near", f"Basware waits for the answer until {event.due.isoformat()}"
        case InterimAnswered():
            return "interim answer", f"Basware was told: {event.message}"
        case AnswerRepeated():
            return "answered again", f"Basware lost the answer on its way into P2P: {event.why}"
        case AnswerDelivered():
            return "delivered", "; ".join(("the answer stands in Basware P2P", *event.warnings))
        case AnswerUndelivered() | AnswerUnconfirmed():
            return event.fact, event.sentence
        case _:
            assert_never(event)


def _about_the_payment(event: PaymentFact) -> tuple[str, str]:
    match event:
        case PaymentSeen():
            return "payment", payment_text(event.picture)
        case PaymentAnswerIntended():
            return "payment told next", f"picture {event.number}"
        case PaymentAnswered():
            there = " (it was there already)" if event.found else ""
            return "payment told", f"Basware took: {event.message}{there}"
        case PaymentAnswerDelivered():
            return "payment delivered", "; ".join(("the payment stands in Basware P2P", *event.warnings))
        case PaymentAnswerUndelivered():
            return "payment undelivered", event.sentence
        case _:
            assert_never(event)


def _worked_on(
    event: WritersFact,
) -> tuple[str, str]:
    match event:
        case PostingIntended():
            return "intended", (
                f"UpdateMaster {event.number}: {event.invoice_num} of vendor {event.vendor_num}, {event.total}, "
                f"company {event.company}, group {event.group_id}"
            )
        case PostingUnclear():
            return "unclear", f"UpdateMaster {event.number}, look-up {event.look_ups}: {event.sentence}"
        case InvoiceRemoved():
            return "removed", f"incomplete invoice {event.invoice_num} of vendor {event.vendor_num}: {event.difference}"
        case GroupPostingRequested():
            return "posting requested", f"request {event.number} to post group {event.group_id} ({event.how})"
        case GroupPostingSubmitted():
            return "posting submitted", f"Epicor took request {event.number}"
        case InvoicePosted():
            found = " (it was there already)" if event.found else ""
            found = f" (linked by {event.linked_by})" if event.linked_by else found
            hold = f"; on hold: {_sentences(event.held_for)}" if event.held_for else ""
            remarks = f"; {_sentences(event.remarks)}" if event.remarks else ""
            group = "; its group is posted" if event.in_payables else ""
            group = f"; not posted: {_sentences(event.not_posted)}" if event.not_posted else group
            return "posted", (
                f"company {event.company}, group {event.group_id}, invoice {event.invoice_num}, "
                f"voucher {event.voucher}, "
                f"{event.total} {event.currency} in {event.lines} lines{found}{hold}{group}{remarks}"
            )
        case InvoiceRefused():
            return "refused", _sentences(event.findings)
        case _:
            assert_never(event)


def _sentences(findings: Iterable[Finding]) -> str:
    return " ".join(f"[{each.code}] {each.sentence}" for each in findings)
