"""Tells Basware of payments: in order, once for every change, and never over an older telling still on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from basware_reader.answering import CALMLY, CONFLICT, PATIENCE_WITH_REFUSALS
from basware_reader.approvals import ABSENT, OFFERED, PREBOOK_OFFERED
from basware_reader.handlers import Reader
from basware_reader.locks import Alone, alone
from basware_reader.payment_answers import content_of, is_told, last_told, to_payment_response
from mlc_basware.client import Accepted, Refused
from mlc_basware.documents import AccountingDocument
from mlc_basware.payments import PaymentResponse, payment_codes
from mlc_common.catalogue import finding
from mlc_common.events import (
    DocumentApproved,
    Event,
    PaymentAnswered,
    PaymentAnswerIntended,
    PaymentAnswerUndelivered,
    PaymentSeen,
)
from mlc_common.failures import TransientError, UnknownOutcomeError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings
from mlc_common.telemetry import span

log = structlog.stdlib.get_logger(__name__)

TAKES = frozenset({"Transferred", "Paid"})
"""The statuses in which Basware takes a payment (Basware API reference, §6.2)."""

NOT_YET = frozenset((*OFFERED, *PREBOOK_OFFERED, "Prebooked"))
"""Those that come before: the answer to the transfer has still to arrive."""


@dataclass(frozen=True)
class Telling:
    """One telling on its way: of which picture, the how often repeated, and what is known of the document.

    `begun` is since when there is patience with it.
    """

    seen: PaymentSeen
    response: PaymentResponse
    again: int
    history: Sequence[Event]
    ours: Alone
    begun: datetime


async def on_payment_seen(reader: Reader, timings: Timings, event: PaymentSeen, delivery: Delivery) -> None:
    """Tell Basware of a picture, unless a newer one is there or it says nothing new.

    Raises:
        TransientError: Basware or the event stream is away, its answer is unclear, it does not take payments of this
            document yet, an older telling may still arrive, or somebody else is at this document.
    """
    async with alone(reader.locks, reader.connection, event.invoice_id) as ours:
        history = [each.event for each in await reader.log.history(reader.connection, event.invoice_id)]
        if not _is_due(event, history):
            return
        response = to_payment_response(event, document=reader.document, approved=approved_of(event, history))
        arrived = await _older_has_arrived(reader, timings, event, history, code=response.externalCode)
        told = last_told(history)
        if not is_told(event.picture, before=arrived or told is not None):
            return
        same = told and told.attempt == event.attempt and told.content == content_of(response)
        if same and not arrived and not _went_astray(told, history):
            return
        with span("tell payment", connection=reader.connection, invoice=event.invoice_id, number=event.number):
            await tell(reader, timings, Telling(event, response, 0, history, ours, delivery.begun(event.at)))


async def _older_has_arrived(
    reader: Reader, timings: Timings, event: PaymentSeen, history: Sequence[Event], *, code: str
) -> bool:
    """Whether a telling that was begun for an older picture, and is in no answer, stands in the document.

    Raises:
        TransientError: it is nowhere, and may still arrive; it would then stand over the newer one.
    """
    begun = _on_its_way(history)
    if begun is None or begun.external_code == code:
        return False
    codes, _ = await _look(reader, event.invoice_id)
    if begun.external_code in codes:
        return True
    quiet = begun.at + timedelta(seconds=timings.basware_connect + 2 * timings.basware_read)
    left = (quiet - reader.now()).total_seconds()
    if left > 0:
        sentence = "An older payment may still be on its way to Basware; the newer one waits for that."
        raise TransientError(sentence, retry_after=left, counts=False)
    return False


def _went_astray(told: PaymentAnswered | None, history: Sequence[Event]) -> bool:
    """Whether it is known, or feared, that a telling does not stand in P2P, though Basware took it."""
    codes = {each.external_code for each in history if isinstance(each, PaymentAnswerUndelivered)}
    return told is not None and told.external_code in codes


def _is_due(event: PaymentSeen, history: Sequence[Event]) -> bool:
    """Whether this is the newest picture of the document, and nothing has been said to it yet."""
    newest = [each for each in history if isinstance(each, PaymentSeen)][-1:]
    done = (
        each.number >= event.number
        for each in history
        if isinstance(each, PaymentAnswered | PaymentAnswerUndelivered) and each.attempt == event.attempt
    )
    return all(each.id == event.id for each in newest) and not any(done)


def approved_of(event: PaymentSeen, history: Sequence[Event]) -> DocumentApproved | None:
    """The transfer that was posted."""
    approved = (each for each in history if isinstance(each, DocumentApproved))
    return next((each for each in approved if each.attempt == event.attempt), None)


async def tell(reader: Reader, timings: Timings, telling: Telling) -> PaymentAnswered | None:
    """Send one telling; what Basware took, or None when it never will, which is recorded.

    Raises:
        TransientError: as `on_payment_seen`.
    """
    begun, code = _on_its_way(telling.history), telling.response.externalCode
    if begun is not None and begun.external_code == code:
        codes, _ = await _look(reader, telling.seen.invoice_id)
        if code in codes:
            return await _record(reader, telling, found=True)
    await _intend(reader, telling)
    telling.ours.confirm()
    try:
        result = await reader.basware.payment_response(telling.seen.invoice_id, telling.response)
    except UnknownOutcomeError as unclear:
        codes, _ = await _look(reader, telling.seen.invoice_id)
        if telling.response.externalCode in codes:
            return await _record(reader, telling, found=True)
        raise TransientError(f"{unclear} The document is read before the same payment is told again.") from unclear
    match result:
        case Accepted(request_id):
            return await _record(reader, telling, request_id=request_id)
        case Refused():
            return await _refused(reader, timings, telling, result)


def _on_its_way(history: Sequence[Event]) -> PaymentAnswerIntended | None:
    """The last telling that was begun, when nobody knows whether it arrived."""
    begun = [each for each in history if isinstance(each, PaymentAnswerIntended)]
    ended = {each.external_code for each in history if isinstance(each, PaymentAnswered | PaymentAnswerUndelivered)}
    return begun[-1] if begun and begun[-1].external_code not in ended else None


async def _intend(reader: Reader, telling: Telling) -> None:
    intended = PaymentAnswerIntended.model_validate(_common(reader, telling))
    if not any(isinstance(each, PaymentAnswerIntended) and each.id == intended.id for each in telling.history):
        await reader.log.append(intended)


async def _look(reader: Reader, invoice_id: str) -> tuple[frozenset[str], str]:
    """The codes of the payments that the document holds, and its status."""
    text = await reader.basware.document(invoice_id)
    if text is None:
        return frozenset(), ABSENT
    document = AccountingDocument.parse(text)
    return payment_codes(document), document.processingStatus


async def _refused(reader: Reader, timings: Timings, telling: Telling, result: Refused) -> PaymentAnswered | None:
    """What a 4xx means: it was there already, it comes too early, another call is under way, or Basware never will.

    Raises:
        TransientError: it is to be told again later.
    """
    codes, status = await _look(reader, telling.seen.invoice_id)
    if telling.response.externalCode in codes:
        return await _record(reader, telling, found=True)
    sentence = f"Basware refuses the payment of {telling.seen.invoice_id} ({result.status}): {result.sentence}"
    late = reader.now() - telling.begun > timedelta(seconds=timings.delivery_patience)
    if status in NOT_YET:
        raise TransientError(sentence, retry_after=CALMLY if not late else None, counts=late)
    if status in TAKES and not late and (result.status == CONFLICT or _patient(reader, telling)):
        raise TransientError(sentence)
    why = finding("PAYMENT_REFUSED", status=status, why=result.sentence).sentence
    told = _common(reader, telling) | {"reason": "refused", "sentence": why}
    await reader.log.append(PaymentAnswerUndelivered.model_validate(told))
    reader.metrics.payments_followed.labels(reader.connection, PaymentAnswerUndelivered.fact).inc()
    log.warning("payment_refused", connection=reader.connection, invoice=telling.seen.invoice_id, why=why)
    return None


def _patient(reader: Reader, telling: Telling) -> bool:
    return reader.refusals.counted(telling.response.externalCode) < PATIENCE_WITH_REFUSALS


async def _record(
    reader: Reader, telling: Telling, *, request_id: str | None = None, found: bool = False
) -> PaymentAnswered:
    said = {"message": telling.response.responseMessage or "", "content": content_of(telling.response)}
    common = _common(reader, telling) | {"request_id": request_id, "found": found}
    answered = PaymentAnswered.model_validate(common | said)
    await reader.log.append(answered)
    log.info(
        "payment_told",
        connection=reader.connection,
        invoice=telling.seen.invoice_id,
        standing=telling.seen.picture.standing,
        number=telling.seen.number,
        found=found,
        request=request_id,
    )
    return answered


def _common(reader: Reader, telling: Telling) -> dict[str, object]:
    return {
        "connection": reader.connection,
        "at": reader.now(),
        "invoice_id": telling.seen.invoice_id,
        "attempt": telling.seen.attempt,
        "cause": telling.seen.id,
        "number": telling.seen.number,
        "again": telling.again,
        "external_code": telling.response.externalCode,
    }
