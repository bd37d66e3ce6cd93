"""Follows an answer until it stands in Basware P2P, and says so when it does not. 200 was the first half only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import structlog
from prometheus_client import Counter

from basware_reader.handlers import Reader, on_notification
from basware_reader.repeats import give_again
from mlc_basware.request_status import fate_of, parents
from mlc_common.catalogue import finding
from mlc_common.events import (
    AnswerDelivered,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    Event,
    NotificationReceived,
    OutcomeAnswered,
)
from mlc_common.failures import PermanentError, TransientError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings

log = structlog.stdlib.get_logger(__name__)

SCOPE = "requestStatus.read"
"""Without this scope in the connection nothing is followed: Basware would refuse to say."""

REQUEST_STATUS = "requeststatus"
"""The task type of pushes about requests (Basware API reference, §9.1)."""

Followed = AnswerDelivered | AnswerUndelivered | AnswerUnconfirmed
Answer = OutcomeAnswered | AnswerRepeated


async def on_answered(reader: Reader, timings: Timings, followed: Counter, event: Answer, delivery: Delivery) -> None:
    """Look after growing pauses whether the answer has arrived, and record what became of it.

    The pauses are those of the stream, so they outlive this process.

    Raises:
        TransientError: it has not arrived yet, or Basware or the event stream is away.
    """
    overdue = reader.now() >= delivery.begun(event.at) + timedelta(seconds=timings.delivery_patience)
    if SCOPE not in reader.document.basware.scopes:
        return
    history = await reader.log.history(reader.connection, event.invoice_id)
    if not _open(event, [each.event for each in history]):
        return
    if delivery.tries == 1 and event.request_id is not None and not overdue:
        raise _later(timings, delivery)
    found = await _followed(reader, event, overdue=overdue)
    if found is None:
        raise _later(timings, delivery)
    await _record(reader, followed, event, found)


async def on_push(
    reader: Reader,
    followed: Counter,
    event: NotificationReceived,
    delivery: Delivery,
    *,
    also: Callable[[str], Awaitable[bool]] | None = None,
) -> None:
    """Follow a push: one about an answer of ours ends the wait for it, any other one points at a document.

    `also` is somebody else who knows requests: whether this one was theirs.

    Raises:
        TransientError: Basware or the event stream is away.
        PermanentError: the document cannot be read.
    """
    about_a_request = event.task_type.lower() == REQUEST_STATUS and SCOPE in reader.document.basware.scopes
    if about_a_request and await _ended(reader, followed, event.document_id):
        return
    if about_a_request and also is not None and await also(event.document_id):
        return
    await on_notification(reader, event, delivery)


async def _ended(reader: Reader, followed: Counter, request_id: str) -> bool:
    """Look at the answers that were a request; False when there is none of ours."""
    ours = False
    for invoice_id in parents(await reader.basware.request_status(request_id)):
        history = [each.event for each in await reader.log.history(reader.connection, invoice_id)]
        for event in history:
            if not isinstance(event, Answer) or event.request_id != request_id:
                continue
            ours = True
            found = await _followed(reader, event, overdue=False) if _open(event, history) else None
            if found is not None:
                await _record(reader, followed, event, found)
    return ours


def _open(event: Answer, history: Iterable[Event]) -> bool:
    """Whether nobody has said yet what became of an answer, and it was not given again since."""
    given = event.number if isinstance(event, AnswerRepeated) else 0
    told = (each for each in history if isinstance(each, Followed | AnswerRepeated) and each.attempt == event.attempt)
    return all(isinstance(each, AnswerRepeated) and each.number <= given for each in told)


async def _record(reader: Reader, followed: Counter, event: Answer, found: Followed | AnswerRepeated) -> None:
    await reader.log.append(found)
    followed.labels(reader.connection, found.fact).inc()
    level = log.info if isinstance(found, AnswerDelivered) else log.warning
    level(f"answer_{found.fact}", connection=reader.connection, invoice=event.invoice_id, request=event.request_id)


async def _followed(reader: Reader, event: Answer, *, overdue: bool) -> Followed | AnswerRepeated | None:
    """The fact that settles the matter, or None while it is open."""
    common = {
        "connection": reader.connection,
        "at": reader.now(),
        "invoice_id": event.invoice_id,
        "attempt": event.attempt,
        "cause": event.id,
        "external_code": event.external_code,
        "request_id": event.request_id,
    }
    if event.request_id is None:
        sentence = finding("ANSWER_WITHOUT_REQUEST").sentence
        return AnswerUnconfirmed.model_validate(common | {"sentence": sentence})
    try:
        fate = fate_of(event.external_code, await reader.basware.request_status(event.request_id))
    except TransientError:
        if not overdue:
            raise
        fate = fate_of(event.external_code, None)
    except PermanentError as unreadable:
        log.warning("request_status_unreadable", connection=reader.connection, why=str(unreadable))
        fate = fate_of(event.external_code, None)
    match fate.word:
        case "saved":
            return AnswerDelivered.model_validate(common | {"warnings": fate.messages})
        case "not saved":
            why = "; ".join(fate.messages)
            again = await give_again(reader, event, why=why) if fate.technical else None
            if again is not None:
                return again
            sentence = finding("ANSWER_NOT_DELIVERED", why=why).sentence
            return AnswerUndelivered.model_validate(common | {"sentence": sentence})
        case "pending" if overdue:
            sentence = finding("ANSWER_NOT_CONFIRMED", request=event.request_id).sentence
            return AnswerUnconfirmed.model_validate(common | {"sentence": sentence})
    return None


def _later(timings: Timings, delivery: Delivery) -> TransientError:
    pauses = timings.delivery_pauses
    wait = pauses[min(delivery.tries, len(pauses)) - 1]
    return TransientError("Whether the answer has arrived is looked at later.", retry_after=wait, counts=False)
