"""Follows a payment response until it stands in Basware P2P, and says so when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog

from basware_reader.deliveries import SCOPE
from basware_reader.handlers import Reader
from basware_reader.locks import alone
from basware_reader.payment_answers import to_payment_response
from basware_reader.payment_telling import Telling, approved_of, on_payment_seen, tell
from basware_reader.repeats import MOST_REPEATS
from mlc_basware.request_status import Fate, fate_of, parents
from mlc_common.catalogue import finding
from mlc_common.events import (
    Event,
    PaymentAnswerDelivered,
    PaymentAnswered,
    PaymentAnswerUndelivered,
    PaymentSeen,
)
from mlc_common.failures import PermanentError, TransientError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings

log = structlog.stdlib.get_logger(__name__)


async def on_payment(
    reader: Reader, timings: Timings, event: PaymentSeen | PaymentAnswered, delivery: Delivery
) -> None:
    """Tell a picture, or follow what was told."""
    match event:
        case PaymentSeen():
            await on_payment_seen(reader, timings, event, delivery)
        case PaymentAnswered():
            await on_payment_answered(reader, timings, event, delivery)


async def on_payment_answered(reader: Reader, timings: Timings, event: PaymentAnswered, delivery: Delivery) -> None:
    """Look after growing pauses whether it has arrived, and record what became of it.

    Raises:
        TransientError: it has not arrived yet, or Basware or the event stream is away.
    """
    overdue = reader.now() >= delivery.begun(event.at) + timedelta(seconds=timings.delivery_patience)
    if SCOPE not in reader.document.basware.scopes:
        return
    history = [each.event for each in await reader.log.history(reader.connection, event.invoice_id)]
    if not is_open(event, history):
        return
    if delivery.tries == 1 and event.request_id is not None and not overdue:
        raise _later(timings, delivery)
    if not await settle(reader, timings, event, overdue=overdue):
        raise _later(timings, delivery)


async def payment_ended(reader: Reader, timings: Timings, request_id: str) -> bool:
    """Look at the payments that were a request, since a push is about it; False when there is none of ours.

    Raises:
        TransientError: Basware or the event stream is away.
    """
    ours = False
    for invoice_id in parents(await reader.basware.request_status(request_id)):
        history = [each.event for each in await reader.log.history(reader.connection, invoice_id)]
        for event in history:
            if isinstance(event, PaymentAnswered) and event.request_id == request_id:
                ours = True
                if is_open(event, history):
                    await settle(reader, timings, event, overdue=False)
    return ours


def is_open(event: PaymentAnswered, history: Iterable[Event]) -> bool:
    """Whether nobody has said what became of it, and nothing newer was told, which says all of it again."""
    mine = (event.number, event.again)
    later = (
        each
        for each in history
        if isinstance(each, PaymentAnswered | PaymentAnswerDelivered | PaymentAnswerUndelivered)
        and each.attempt == event.attempt
    )
    return all((each.number, each.again) < mine or each.id == event.id for each in later)


async def settle(reader: Reader, timings: Timings, event: PaymentAnswered, *, overdue: bool) -> bool:
    """Record what became of a telling, or tell it again; False while that is open."""
    if event.request_id is None:
        return await _undelivered(reader, event, "unconfirmed", finding("ANSWER_WITHOUT_REQUEST").sentence)
    fate = await _fate(reader, event, event.request_id, overdue=overdue)
    why = "; ".join(fate.messages)
    match fate.word:
        case "saved":
            return await _delivered(reader, event, event.request_id, fate.messages)
        case "not saved" if fate.technical and event.again < MOST_REPEATS:
            if await _told_again(reader, timings, event):
                return True
            return await _undelivered(reader, event, "not saved", finding("PAYMENT_NOT_DELIVERED", why=why).sentence)
        case "not saved":
            return await _undelivered(reader, event, "not saved", finding("PAYMENT_NOT_DELIVERED", why=why).sentence)
        case "pending" if overdue:
            sentence = finding("PAYMENT_NOT_CONFIRMED", request=event.request_id).sentence
            return await _undelivered(reader, event, "unconfirmed", sentence)
    return False


async def _fate(reader: Reader, event: PaymentAnswered, request_id: str, *, overdue: bool) -> Fate:
    try:
        return fate_of(event.external_code, await reader.basware.request_status(request_id))
    except TransientError:
        if not overdue:
            raise
    except PermanentError as unreadable:
        log.warning("request_status_unreadable", connection=reader.connection, why=str(unreadable))
    return fate_of(event.external_code, None)


async def _told_again(reader: Reader, timings: Timings, event: PaymentAnswered) -> bool:
    """Tell the same picture under a new code, unless there is a newer one, which tells it all.

    Raises:
        TransientError: as telling it the first time.
    """
    async with alone(reader.locks, reader.connection, event.invoice_id) as ours:
        history = [each.event for each in await reader.log.history(reader.connection, event.invoice_id)]
        newest = [each for each in history if isinstance(each, PaymentSeen)][-1:]
        if not newest or (newest[0].attempt, newest[0].number) != (event.attempt, event.number):
            return False
        (seen,), again = newest, event.again + 1
        approved = approved_of(seen, history)
        response = to_payment_response(seen, document=reader.document, approved=approved, again=again)
        return await tell(reader, timings, Telling(seen, response, again, history, ours, seen.at)) is not None


async def _delivered(reader: Reader, event: PaymentAnswered, request_id: str, warnings: tuple[str, ...]) -> bool:
    told = _common(reader, event) | {"request_id": request_id, "warnings": warnings}
    delivered = PaymentAnswerDelivered.model_validate(told)
    await reader.log.append(delivered)
    reader.metrics.payments_followed.labels(reader.connection, delivered.fact).inc()
    log.info("payment_delivered", connection=reader.connection, invoice=event.invoice_id, request=request_id)
    return True


async def _undelivered(reader: Reader, event: PaymentAnswered, reason: str, sentence: str) -> bool:
    told = {"reason": reason, "sentence": sentence, "request_id": event.request_id}
    await reader.log.append(PaymentAnswerUndelivered.model_validate(_common(reader, event) | told))
    reader.metrics.payments_followed.labels(reader.connection, PaymentAnswerUndelivered.fact).inc()
    log.warning("payment_undelivered", connection=reader.connection, invoice=event.invoice_id, why=sentence)
    return True


def _common(reader: Reader, event: PaymentAnswered) -> dict[str, object]:
    return {
        "connection": reader.connection,
        "at": reader.now(),
        "invoice_id": event.invoice_id,
        "attempt": event.attempt,
        "cause": event.id,
        "number": event.number,
        "again": event.again,
        "external_code": event.external_code,
    }


def _later(timings: Timings, delivery: Delivery) -> TransientError:
    pauses = timings.delivery_pauses
    wait = pauses[min(delivery.tries, len(pauses)) - 1]
    return TransientError("Whether the payment has arrived is looked at later.", retry_after=wait, counts=False)
