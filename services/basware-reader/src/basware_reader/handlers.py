"""A notification is a hint: read the document, record what it is, and only then acknowledge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from basware_reader.approvals import (
    ABSENT,
    FOR_A_PERSON,
    IN_PROGRESS,
    PREBOOK_OFFERED,
    WAITING,
    WITHDRAWN,
    Acknowledge,
    Approve,
    Decision,
    Nothing,
    SeenBy,
    Sight,
    attempts,
    changed_in_hand,
    decide,
    offered,
    standing,
    standing_sentence,
    to_approved,
)
from basware_reader.locks import Alone, Locks, alone
from basware_reader.refusals import Refusals, Remembered
from mlc_basware.client import BaswareClient
from mlc_basware.documents import AccountingDocument
from mlc_basware.drift import unknown_in
from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.connection_flows import Flow
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentAcknowledged, DocumentNoticed, DocumentWithdrawn, Event, NotificationReceived
from mlc_common.failures import TransientError
from mlc_common.retries import Delivery
from mlc_common.telemetry import Metrics, span

log = structlog.stdlib.get_logger(__name__)

ACCOUNTING_DOCUMENTS = frozenset({"accountingdocuments", "accoutingdocuments"})
"""The task type of accounting documents, also as the vendor's own example misspells it."""

LONGEST_ID = 100
"""Characters; an invoice id has at most 36, so a longer text is none."""


@dataclass(frozen=True)
class Reader:
    """What it takes to read and answer one connection's documents; `now` is the clock."""

    connection: str
    basware: BaswareClient
    log: EventLog
    now: Callable[[], datetime]
    locks: Locks
    document: ConnectionDocument
    metrics: Metrics = field(default_factory=Metrics)
    paused: frozenset[Flow] = frozenset()
    refusals: Refusals = field(default_factory=Refusals)
    looked_at: Remembered = field(default_factory=Remembered)
    drift: Remembered = field(default_factory=Remembered)


@dataclass(frozen=True)
class _Sighted:
    """Why a document that was seen is not ours to act on; `when` tells one sight from the next."""

    status: str
    when: str
    reason: str
    for_a_person: bool = False


async def on_notification(reader: Reader, event: NotificationReceived, _delivery: Delivery) -> None:
    """Read the document a push points at; what is not acted on is recorded with the reason.

    Raises:
        TransientError: Basware or the event stream is away.
        PermanentError: the document cannot be read.
    """
    status = event.task_sub_type or "unknown"
    if event.task_type.lower() not in ACCOUNTING_DOCUMENTS:
        reason = finding("PUSH_OF_ANOTHER_KIND", kind=event.task_type).sentence
        await _notice(reader, event.document_id, _Sighted(status, event.task_id, reason), cause=event.id)
    elif event.expires_at is not None and event.expires_at < reader.now():
        reason = finding("PUSH_EXPIRED", expired=event.expires_at.isoformat()).sentence
        await _notice(reader, event.document_id, _Sighted(status, event.task_id, reason), cause=event.id)
    elif not 0 < len(event.document_id) <= LONGEST_ID:
        reason = finding("ABSENT_IN_BASWARE").sentence
        await _notice(reader, event.document_id, _Sighted(ABSENT, event.task_id, reason), cause=event.id)
    else:
        await read_document(reader, event.document_id, seen_by="push", cause=event.id)


async def read_document(reader: Reader, invoice_id: str, *, seen_by: SeenBy, cause: str | None = None) -> Decision:
    """Look at a document as it is now and do what is due, alone; safe to repeat.

    Raises:
        InHandError: somebody else is at this document.
        TransientError: Basware, the event stream or the database is away.
        PermanentError: the document cannot be read.
    """
    with span("read document", connection=reader.connection, invoice=invoice_id, seen_by=seen_by):
        async with alone(reader.locks, reader.connection, invoice_id) as ours:
            text = await reader.basware.document(invoice_id)
            if text is None:
                return await _gone(reader, invoice_id, cause=cause)
            document = AccountingDocument.parse(text)
            _tell_drift(reader, document)
            if document.processingStatus not in offered(reader.document):
                return await _not_offered(reader, document, cause=cause)
            history = await reader.log.history(reader.connection, invoice_id)
            seen, known = Sight.of(text, document), attempts(recorded.event for recorded in history)
            decision = decide(seen, known)
            ours.confirm()
            match decision:
                case Approve(attempt):
                    await _approve(reader, text, document, attempt=attempt, seen_by=seen_by, cause=cause)
                    await _acknowledge(reader, document, attempt, ours=ours)
                case Acknowledge(attempt):
                    await _acknowledge(reader, document, attempt, ours=ours)
                case Nothing():
                    pass
            if changed_in_hand(seen, known):
                sentence = finding("CHANGED_IN_TRANSFER").sentence
                sight = _Sighted(seen.status, seen.content, sentence, for_a_person=True)
                await _notice(reader, invoice_id, sight, cause=cause)
            return decision


async def _gone(reader: Reader, invoice_id: str, *, cause: str | None) -> Decision:
    """Record a document that Basware does not know, or knows no more."""
    history = [recorded.event for recorded in await reader.log.history(reader.connection, invoice_id)]
    await _withdraw(reader, invoice_id, ABSENT, history, cause=cause)
    posted = standing(history)
    reason = finding("ABSENT_IN_BASWARE").sentence if posted is None else standing_sentence(posted, ABSENT)
    sight = _Sighted(ABSENT, "", reason, for_a_person=posted is not None)
    await _notice(reader, invoice_id, sight, cause=cause)
    return Nothing(ABSENT)


def _tell_drift(reader: Reader, document: AccountingDocument) -> None:
    """Accept what the reference does not know, and say so once."""
    for name in sorted(unknown_in(document)):
        if name in reader.drift:
            continue
        reader.drift.add(name)
        log.warning("drift", connection=reader.connection, unknown=name, invoice=document.invoiceId)
        reader.metrics.drift.labels(reader.connection).inc()


async def _not_offered(reader: Reader, document: AccountingDocument, *, cause: str | None) -> Decision:
    """Record a document that is not ours to post; one that is taken out of its transfer is not entered any more."""
    invoice_id, status = document.invoiceId, document.processingStatus
    history = [recorded.event for recorded in await reader.log.history(reader.connection, invoice_id)]
    if status in WITHDRAWN:
        await _withdraw(reader, invoice_id, status, history, cause=cause)
    posted = standing(history) if status in WITHDRAWN | FOR_A_PERSON else None
    code = "FOR_A_PERSON" if status in FOR_A_PERSON else "NOT_FOR_TRANSFER"
    reason = finding(code, status=status).sentence if posted is None else standing_sentence(posted, status)
    for_a_person = status in FOR_A_PERSON or posted is not None
    sight = _Sighted(status, document.lastUpdated or "", reason, for_a_person=for_a_person)
    await _notice(reader, invoice_id, sight, cause=cause)
    return Nothing(status)


async def _withdraw(
    reader: Reader, invoice_id: str, status: str, history: Sequence[Event], *, cause: str | None
) -> None:
    """Record that the latest attempt, if it is open, is not to be entered any more."""
    known = attempts(history)
    if not known or not known[-1].open:
        return
    withdrawn = DocumentWithdrawn(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=invoice_id,
        attempt=known[-1].name,
        cause=cause,
        status=status,
    )
    await reader.log.append(withdrawn)
    log.warning("document_withdrawn", connection=reader.connection, invoice=invoice_id, status=status)
    reader.metrics.waiting_for_a_person.labels(reader.connection, "withdrawn").inc()


async def _approve(
    reader: Reader, text: str, document: AccountingDocument, *, attempt: str, seen_by: SeenBy, cause: str | None
) -> None:
    approved = to_approved(
        text,
        document,
        attempt=attempt,
        connection=reader.connection,
        seen_by=seen_by,
        at=reader.now(),
        cause=cause,
    )
    appended = await reader.log.append(approved)
    log.info(
        "document_approved",
        connection=reader.connection,
        invoice=document.invoiceId,
        attempt=attempt,
        seen_by=seen_by,
        already=appended.already,
    )


async def _acknowledge(reader: Reader, document: AccountingDocument, attempt: str, *, ours: Alone) -> None:
    """Tell Basware, unless its status says that it knows; then record that it knows.

    405 says that there is nothing to acknowledge any more, or that an acknowledge we gave up on is still under way at
    Basware: only the document itself tells which, and our answer may not go out before that one has ended.
    """
    first = False
    if document.processingStatus in (WAITING, PREBOOK_OFFERED[0]):
        ours.confirm()
        first = await reader.basware.acknowledge(document.invoiceId)
        if not first and not await _in_progress(reader, document.invoiceId):
            raise TransientError(f"Basware says that {document.invoiceId} is acknowledged, but does not show it yet.")
    acknowledged = DocumentAcknowledged(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=document.invoiceId,
        attempt=attempt,
        already=not first,
    )
    await reader.log.append(acknowledged)


async def _in_progress(reader: Reader, invoice_id: str) -> bool:
    text = await reader.basware.document(invoice_id)
    return text is not None and AccountingDocument.parse(text).processingStatus in (IN_PROGRESS, PREBOOK_OFFERED[1])


async def _notice(reader: Reader, invoice_id: str, sight: _Sighted, *, cause: str | None) -> None:
    """Record that a document is not ours to act on, once for each status and time."""
    digest = hashlib.sha256(f"{sight.status}\n{sight.when}\n{sight.reason}".encode()).hexdigest()
    noticed = DocumentNoticed(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=invoice_id,
        attempt=digest[:32],
        cause=cause,
        status=sight.status,
        reason=sight.reason,
        for_a_person=sight.for_a_person or None,
    )
    history = await reader.log.history(reader.connection, invoice_id)
    if any(recorded.event.id == noticed.id for recorded in history):
        return
    await reader.log.append(noticed)
    if sight.for_a_person:
        reader.metrics.waiting_for_a_person.labels(reader.connection, sight.status).inc()
    level = log.warning if sight.for_a_person else log.info
    level("document_noticed", connection=reader.connection, invoice=invoice_id, status=sight.status, why=sight.reason)
