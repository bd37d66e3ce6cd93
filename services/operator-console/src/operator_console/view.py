"""The status of an accounting document, folded from its facts. Pure; drop it and rebuild it, it comes out the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_never

from mlc_common.catalogue import answer_text, finding
from mlc_common.events import (
    AnswerDelivered,
    AnswerRejected,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    AttachmentFact,
    DeadlineNear,
    DocumentAcknowledged,
    DocumentApproved,
    DocumentErased,
    DocumentFact,
    DocumentHeld,
    DocumentNoticed,
    DocumentOverridden,
    DocumentReleased,
    DocumentReturned,
    DocumentWithdrawn,
    GroupPostingRequested,
    GroupPostingSubmitted,
    InterimAnswered,
    InvoiceLinked,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
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
    RedeliveryRequested,
    ReplayRequested,
    WritersFact,
)
from mlc_common.payment_text import payment_text


class Phase(StrEnum):
    """Where a document stands; `answered` beside it says whether Basware knows the outcome."""

    NOTICED = "noticed"
    APPROVED = "approved"
    POSTING = "posting"
    UNCLEAR = "unclear"
    POSTED = "posted"
    REFUSED = "refused"
    ANSWER_REJECTED = "answer_rejected"
    UNDELIVERED = "undelivered"
    FOR_A_PERSON = "for_a_person"
    HELD = "held"
    STUCK = "stuck"


@dataclass(frozen=True)
class DocumentStatus:
    """One accounting document at its latest attempt; the columns of the table `document_status`."""

    connection: str
    invoice_id: str
    attempt: str
    phase: str
    first_seen: datetime
    last_change: datetime
    last_sequence: int
    answered: bool = False
    company: str | None = None
    supplier_code: str | None = None
    supplier_name: str | None = None
    invoice_number: str | None = None
    currency: str | None = None
    gross: Decimal | None = None
    invoice_date: date | None = None
    epicor_company: str | None = None
    vendor_num: int | None = None
    epicor_invoice: str | None = None
    group_id: str | None = None
    voucher: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    batch: str | None = None
    orders: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> DocumentStatus:
        """The status of a row of the table."""
        return cls(**{**row, "orders": tuple(row["orders"])})


def replace(state: DocumentStatus, **changes: Any) -> DocumentStatus:
    """The same as `dataclasses.replace`, which asks after every field: folds of whole streams take half the time."""
    changed = object.__new__(DocumentStatus)
    changed.__dict__.update(state.__dict__, **changes)
    return changed


def fold(state: DocumentStatus | None, event: DocumentFact, *, sequence: int) -> DocumentStatus:
    """The status after one more fact; one that was folded before, or is of an older attempt, changes nothing."""
    if state is None:
        state = _first(event, sequence)
    elif sequence <= state.last_sequence:
        return state
    if not isinstance(event, DocumentApproved | DocumentNoticed) and event.attempt != state.attempt:
        return replace(state, last_sequence=sequence)
    return replace(_applied(state, event), last_change=max(event.at, state.last_change), last_sequence=sequence)


def stuck(state: DocumentStatus, *, attempt: str, outcome: bool, reason: str, at: datetime) -> DocumentStatus:
    """The status after a message of this attempt was buried; what got further meanwhile is not stuck.

    Args:
        outcome: the buried message was an outcome on its way to Basware, not an approval on its way to Epicor.
    """
    done = state.answered if outcome else state.phase in (Phase.POSTED, Phase.REFUSED) or state.answered
    if attempt != state.attempt or done or state.phase == Phase.ANSWER_REJECTED:
        return state
    return replace(state, phase=Phase.STUCK, reason=reason, last_change=max(at, state.last_change))


def _answered(state: DocumentStatus, event: OutcomeAnswered) -> DocumentStatus:
    if state.phase != Phase.STUCK:
        return replace(state, answered=True)
    return replace(state, answered=True, phase=Phase.POSTED if event.success else Phase.REFUSED, reason=event.message)


def _waiting(state: DocumentStatus, event: DeadlineNear | InterimAnswered | DocumentWithdrawn) -> DocumentStatus:
    """A document without an outcome shows what it waits for; one with an outcome shows that."""
    if state.phase not in (Phase.APPROVED, Phase.POSTING, Phase.UNCLEAR):
        return state
    match event:
        case DeadlineNear():
            return replace(state, reason=f"Basware waits for the answer until {event.due.isoformat()}.")
        case InterimAnswered():
            return replace(state, reason=event.message)
        case DocumentWithdrawn():
            return replace(state, reason=f"Basware took it out of its transfer (status {event.status}).")
        case _:
            assert_never(event)


def _first(event: DocumentFact, sequence: int) -> DocumentStatus:
    return DocumentStatus(
        connection=event.connection,
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        phase=Phase.NOTICED,
        first_seen=event.at,
        last_change=event.at,
        last_sequence=sequence,
    )


def _applied(state: DocumentStatus, event: DocumentFact) -> DocumentStatus:
    if isinstance(event, PaymentFact):
        return _paid(state, event)
    if isinstance(event, AttachmentFact):  # its document is done, whatever happens to it
        return state
    match event:
        case DocumentApproved():
            return _approved(state, event)
        case DocumentNoticed():
            return _noticed(state, event)
        case DocumentAcknowledged() | AnswerDelivered() | AnswerRepeated() | RedeliveryRequested() | DocumentErased():
            return state
        case OutcomeAnswered() | AnswerRejected() | AnswerUndelivered() | AnswerUnconfirmed():
            return _told(state, event)
        case DeadlineNear() | InterimAnswered() | DocumentWithdrawn():
            return _waiting(state, event)
        case (
            DocumentHeld()
            | DocumentReleased()
            | DocumentReturned()
            | DocumentOverridden()
            | InvoiceLinked()
            | ReplayRequested()
        ):
            return _decided(state, event)
        case _:
            return _worked_on(state, event)


def _told(
    state: DocumentStatus, event: OutcomeAnswered | AnswerRejected | AnswerUndelivered | AnswerUnconfirmed
) -> DocumentStatus:
    match event:
        case OutcomeAnswered():
            return _answered(state, event)
        case AnswerRejected():
            return replace(state, phase=Phase.ANSWER_REJECTED, reason=event.sentence)
        case AnswerUndelivered():
            return replace(state, phase=Phase.UNDELIVERED, reason=event.sentence)
        case AnswerUnconfirmed():
            return replace(state, reason=event.sentence)
        case _:
            assert_never(event)


def _decided(state: DocumentStatus, event: PersonFact) -> DocumentStatus:
    """A decision shows until it has led to an outcome."""
    if state.phase in (Phase.POSTED, Phase.REFUSED):
        return state
    match event:
        case DocumentHeld():
            sentence = finding("HELD_BY_A_PERSON", by=event.by, reason=event.reason).sentence
            return replace(state, phase=Phase.HELD, reason=sentence)
        case DocumentReleased():
            phase = Phase.APPROVED if state.phase == Phase.HELD else state.phase
            return replace(state, phase=phase, reason=f"{event.by} released it: {event.reason}")
        case DocumentOverridden():
            return state
        case DocumentReturned():
            return replace(state, reason=f"{event.by} returns it: {event.reason}")
        case InvoiceLinked():
            return replace(state, reason=f"{event.by} links it to invoice {event.invoice_num} of {event.vendor_id}.")
        case ReplayRequested():
            return replace(state, reason=f"{event.by} has it taken up anew: {event.reason}")
        case _:
            assert_never(event)


def _paid(state: DocumentStatus, event: PaymentFact) -> DocumentStatus:
    """How an invoice that stands in Epicor is paid; what hides an outcome that somebody has to see is left out."""
    if state.phase not in (Phase.POSTED, Phase.NOTICED):
        return state
    match event:
        case PaymentSeen():
            return replace(state, reason=payment_text(event.picture))
        case PaymentAnswerUndelivered():
            return replace(state, reason=event.sentence)
        case PaymentAnswerIntended() | PaymentAnswered() | PaymentAnswerDelivered():
            return state
        case _:
            assert_never(event)


def _worked_on(state: DocumentStatus, event: WritersFact) -> DocumentStatus:
    match event:
        case PostingIntended():
            return _intended(state, event)
        case PostingUnclear():
            return replace(state, phase=Phase.UNCLEAR, reason=event.sentence)
        case InvoiceRemoved():
            return replace(state, phase=Phase.POSTING, reason=f"An incomplete invoice was removed: {event.difference}")
        case GroupPostingRequested():
            return replace(state, phase=Phase.POSTING, reason=f"Epicor is asked to post group {event.group_id}.")
        case GroupPostingSubmitted():
            return state
        case InvoicePosted():
            return _posted(state, event)
        case InvoiceRefused():
            code = event.findings[0].code if event.findings else None
            return replace(state, phase=Phase.REFUSED, reason_code=code, reason=answer_text(event.findings))
        case _:
            assert_never(event)


def _approved(state: DocumentStatus, event: DocumentApproved) -> DocumentStatus:
    return DocumentStatus(
        connection=state.connection,
        invoice_id=state.invoice_id,
        attempt=event.attempt,
        phase=Phase.APPROVED,
        first_seen=state.first_seen,
        last_change=state.last_change,
        last_sequence=state.last_sequence,
        company=event.company_code,
        supplier_code=event.supplier_code,
        supplier_name=event.supplier_name,
        invoice_number=event.invoice_number,
        currency=event.currency,
        gross=event.gross,
        invoice_date=event.invoice_date,
        batch=event.batch,
        orders=event.orders or (),
    )


def _noticed(state: DocumentStatus, event: DocumentNoticed) -> DocumentStatus:
    # Only a document that is nobody's work shows why; on others a passing notice must not hide their outcome.
    nobodys = state.company is None
    if event.for_a_person:
        return replace(
            state,
            attempt=event.attempt if nobodys else state.attempt,
            phase=Phase.FOR_A_PERSON,
            reason=event.reason,
        )
    if not nobodys:
        return state
    return replace(state, attempt=event.attempt, phase=Phase.NOTICED, reason=event.reason)


def _intended(state: DocumentStatus, event: PostingIntended) -> DocumentStatus:
    return replace(
        state,
        phase=Phase.POSTING,
        epicor_company=event.company,
        vendor_num=event.vendor_num,
        epicor_invoice=event.invoice_num,
        group_id=event.group_id,
        reason=None,
    )


def _posted(state: DocumentStatus, event: InvoicePosted) -> DocumentStatus:
    stays = event.not_posted or event.held_for
    why = "Not posted" if event.not_posted else "On hold"
    return replace(
        state,
        phase=Phase.REFUSED if event.not_posted else Phase.POSTED,
        epicor_company=event.company,
        vendor_num=event.vendor_num,
        epicor_invoice=event.invoice_num,
        group_id=event.group_id,
        voucher=event.voucher,
        reason_code=stays[0].code if stays else None,
        reason=f"{why}: {answer_text(stays)}" if stays else None,
    )
