"""Tells Basware the outcome of a transfer, once, and finds out what became of an unclear answer."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from basware_reader.answers import Awaited, Found, Lost, Verdict, to_response, verdict
from basware_reader.approvals import Attempt, Sight, attempts
from basware_reader.handlers import Reader
from basware_reader.locks import Alone, alone
from mlc_basware.client import Accepted, Refused
from mlc_basware.documents import AccountingDocument, TransferResponse
from mlc_common.connection import ConnectionDocument
from mlc_common.events import AnswerRejected, Outcome, OutcomeAnswered
from mlc_common.failures import PermanentError, TransientError, UnknownOutcomeError
from mlc_common.retries import Delivery
from mlc_common.telemetry import span

log = structlog.stdlib.get_logger(__name__)

CONFLICT = 409
PATIENCE_WITH_REFUSALS = 5
"""Refused answers, each a 4xx although Basware's own status still awaits one, until the outcome is a dead letter."""

PATIENCE_WITH_ACKNOWLEDGE = 30
"""Seconds, about, until an acknowledge that is not on record is looked for at Basware, and waited for more calmly."""

CALMLY = 15
"""Seconds between two looks then."""


@dataclass(frozen=True)
class _Answer:
    """One answer on its way: to which outcome, in which state of the log."""

    outcome: Outcome
    response: TransferResponse
    known: tuple[Attempt, ...]
    mine: Attempt
    ours: Alone


async def on_outcome(reader: Reader, document: ConnectionDocument, event: Outcome, delivery: Delivery) -> None:
    """Answer the transfer of an outcome; a redelivery, and the outcome of an older attempt, look at the document first.

    Raises:
        TransientError: Basware is away, its answer is unclear, the acknowledge is not on record yet, or somebody else
            is at this document: an acknowledge and an answer are never under way at once.
        PermanentError: Basware refuses the answer although it awaits one.
    """
    async with alone(reader.locks, reader.connection, event.invoice_id) as ours:
        await _tell(reader, document, event, delivery, ours=ours)


async def _tell(
    reader: Reader, document: ConnectionDocument, event: Outcome, delivery: Delivery, *, ours: Alone
) -> None:
    history = await reader.log.history(reader.connection, event.invoice_id)
    known = attempts(recorded.event for recorded in history)
    mine = next((attempt for attempt in known if attempt.name == event.attempt), None)
    if mine is None:
        raise PermanentError(f"Outcome {event.id} belongs to no approved attempt.")
    if mine.settled is not None:
        return
    response = to_response(event, document=document, company_code=mine.company_code)
    answer = _Answer(event, response, known, mine, ours)
    with span("answer transfer", connection=reader.connection, invoice=event.invoice_id, success=response.success):
        if not mine.acknowledged:
            await _wait_for_acknowledge(reader, answer, delivery)
        elif (delivery.tries == 1 and mine is known[-1]) or not await _settled_by_look(reader, answer):
            await _send(reader, answer)


async def _wait_for_acknowledge(reader: Reader, answer: _Answer, delivery: Delivery) -> None:
    late = delivery.tries > PATIENCE_WITH_ACKNOWLEDGE
    if late and await _settled_by_look(reader, answer):
        return
    sentence = "The document's acknowledge is not on record yet."
    raise TransientError(sentence, retry_after=CALMLY if late else 1, counts=late)


async def _send(reader: Reader, answer: _Answer) -> None:
    answer.ours.confirm()
    send = reader.basware.prebook_response if answer.mine.seen.prebook else reader.basware.transfer_response
    try:
        result = await send(answer.outcome.invoice_id, answer.response)
    except UnknownOutcomeError as unclear:
        if await _settled_by_look(reader, answer):
            return
        raise TransientError(f"{unclear} The document is read before the same answer is sent again.") from unclear
    match result:
        case Accepted(request_id):
            await _record(reader, answer, request_id=request_id)
        case Refused():
            if not await _settled_by_look(reader, answer):
                raise _refused(reader, answer, result)


def _refused(reader: Reader, answer: _Answer, result: Refused) -> TransientError | PermanentError:
    """Basware awaits our answer and still refuses it: another call on the document may be under way, for a while."""
    sentence = f"Basware refuses the answer to {answer.outcome.invoice_id} ({result.status}): {result.sentence}"
    if result.status == CONFLICT or reader.refusals.counted(answer.outcome.id) < PATIENCE_WITH_REFUSALS:
        return TransientError(sentence)
    return PermanentError(sentence)


async def _settled_by_look(reader: Reader, answer: _Answer) -> bool:
    """Read the document; when it says what became of our answer, record that."""
    found = await _look(reader, answer)
    match found:
        case Found():
            await _record(reader, answer, found=True)
        case Lost():
            await _reject(reader, answer, found)
        case Awaited():
            return False
    return True


async def _look(reader: Reader, answer: _Answer) -> Verdict:
    outcome = answer.outcome
    text = await reader.basware.document(outcome.invoice_id)
    seen = None if text is None else Sight.of(text, AccountingDocument.parse(text))
    return verdict(seen, answer.known, outcome=outcome, code=answer.response.externalCode)


async def _record(reader: Reader, answer: _Answer, *, request_id: str | None = None, found: bool = False) -> None:
    outcome, response = answer.outcome, answer.response
    await reader.log.append(
        OutcomeAnswered(
            connection=reader.connection,
            at=reader.now(),
            invoice_id=outcome.invoice_id,
            attempt=outcome.attempt,
            cause=outcome.id,
            external_code=response.externalCode,
            success=response.success,
            message=response.responseMessage or "",
            request_id=request_id,
            found=found,
        )
    )
    log.info(
        "transfer_answered",
        connection=reader.connection,
        invoice=outcome.invoice_id,
        success=response.success,
        found=found,
        request=request_id,
    )


async def _reject(reader: Reader, answer: _Answer, lost: Lost) -> None:
    outcome, response = answer.outcome, answer.response
    await reader.log.append(
        AnswerRejected(
            connection=reader.connection,
            at=reader.now(),
            invoice_id=outcome.invoice_id,
            attempt=outcome.attempt,
            cause=outcome.id,
            external_code=response.externalCode,
            success=response.success,
            status=lost.status,
            sentence=lost.sentence,
        )
    )
    log.warning("answer_rejected", connection=reader.connection, invoice=outcome.invoice_id, why=lost.sentence)
