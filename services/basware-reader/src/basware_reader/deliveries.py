"""Follows an answer until it stands in Basware P2P, and says so when it does not. 200 was the first half only."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from basware_reader.handlers import Reader
from mlc_basware.request_status import fate_of
from mlc_common.catalogue import finding
from mlc_common.events import AnswerDelivered, AnswerUnconfirmed, AnswerUndelivered, OutcomeAnswered
from mlc_common.failures import PermanentError, TransientError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings

log = structlog.stdlib.get_logger(__name__)

SCOPE = "requestStatus.read"
"""Without this scope in the connection nothing is followed: Basware would refuse to say."""

Followed = AnswerDelivered | AnswerUndelivered | AnswerUnconfirmed


async def on_answered(
    reader: Reader, timings: Timings, followed: Counter, event: OutcomeAnswered, delivery: Delivery
) -> None:
    """Look after growing pauses whether the answer has arrived, and record what became of it.

    The pauses are those of the stream, so they outlive this process.

    Raises:
        TransientError: it has not arrived yet, or Basware or the event stream is away.
    """
    overdue = reader.now() >= _patience_ends(event, timings)
    if SCOPE not in reader.document.basware.scopes or (overdue and delivery.tries == 1):
        return  # an answer that was never followed and is old by now, from before this was done: nobody can tell any more
    history = await reader.log.history(reader.connection, event.invoice_id)
    if any(isinstance(each.event, Followed) and each.event.attempt == event.attempt for each in history):
        return
    if delivery.tries == 1 and event.request_id is not None:
        raise _later(timings, delivery)
    found = await _followed(reader, event, overdue=overdue)
    if found is None:
        raise _later(timings, delivery)
    await reader.log.append(found)
    followed.labels(reader.connection, found.fact).inc()
    level = log.info if isinstance(found, AnswerDelivered) else log.warning
    level(f"answer_{found.fact}", connection=reader.connection, invoice=event.invoice_id, request=event.request_id)


async def _followed(reader: Reader, event: OutcomeAnswered, *, overdue: bool) -> Followed | None:
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
            sentence = finding("ANSWER_NOT_DELIVERED", why="; ".join(fate.messages)).sentence
            return AnswerUndelivered.model_validate(common | {"sentence": sentence})
        case "pending" if overdue:
            sentence = finding("ANSWER_NOT_CONFIRMED", request=event.request_id).sentence
            return AnswerUnconfirmed.model_validate(common | {"sentence": sentence})
    return None


def _patience_ends(event: OutcomeAnswered, timings: Timings) -> datetime:
    return event.at + timedelta(seconds=timings.delivery_patience)


def _later(timings: Timings, delivery: Delivery) -> TransientError:
    pauses = timings.delivery_pauses
    wait = pauses[min(delivery.tries, len(pauses)) - 1]
    return TransientError("Whether the answer has arrived is looked at later.", retry_after=wait, counts=False)
