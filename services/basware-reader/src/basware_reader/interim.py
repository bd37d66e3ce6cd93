"""Keeps a transfer from failing without a word: people are warned, then Basware is told `still working`, in time."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from basware_reader.answers import interim_code, interim_response
from basware_reader.approvals import Attempt
from basware_reader.deadlines import AnswerNow, Wait, Warn, called_for
from basware_reader.handlers import Reader
from basware_reader.locks import alone
from mlc_basware.client import Refused
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import finding
from mlc_common.connection_flows import Flow
from mlc_common.eventlog import Recorded
from mlc_common.events import DeadlineNear, InterimAnswered
from mlc_common.failures import TransientError, UnknownOutcomeError

log = structlog.stdlib.get_logger(__name__)


async def keep_deadline(reader: Reader, invoice_id: str, attempt: Attempt, history: Sequence[Recorded]) -> None:
    """Do what the time that an attempt has waited calls for.

    Raises:
        InHandError: somebody else is at this document; the next sweep looks again.
        TransientError: Basware or the event stream is away.
    """
    window = reader.document.basware.deadline
    events = [recorded.event for recorded in history]
    match called_for(events, attempt.name, window, now=reader.now()):
        case Wait():
            return
        case Warn(due):
            near = DeadlineNear(
                connection=reader.connection, at=reader.now(), invoice_id=invoice_id, attempt=attempt.name, due=due
            )
            await reader.log.append(near)
            reader.metrics.deadlines.labels(reader.connection, "near").inc()
            log.warning("deadline_near", connection=reader.connection, invoice=invoice_id, due=due.isoformat())
        case AnswerNow() if Flow.ANSWERS in reader.paused:
            log.warning("deadline_passes_while_paused", connection=reader.connection, invoice=invoice_id)
        case AnswerNow():
            async with alone(reader.locks, reader.connection, invoice_id) as ours:
                current = await reader.log.history(reader.connection, invoice_id)
                still = called_for([recorded.event for recorded in current], attempt.name, window, now=reader.now())
                if isinstance(still, AnswerNow):
                    ours.confirm()
                    await _tell(reader, invoice_id, attempt)


async def _tell(reader: Reader, invoice_id: str, attempt: Attempt) -> None:
    code = interim_code(reader.connection, invoice_id, attempt.name)
    company = attempt.company_code
    response = interim_response(code, document=reader.document, company_code=company, at=reader.now())
    request_id = None
    try:
        result = await reader.basware.transfer_response(invoice_id, response)
    except UnknownOutcomeError as unclear:
        if not await _is_there(reader, invoice_id, code):
            raise TransientError(f"{unclear} The next sweep looks again.") from unclear
    else:
        if isinstance(result, Refused):
            if not await _is_there(reader, invoice_id, code):
                raise TransientError(f"Basware refuses the interim answer to {invoice_id}: {result.sentence}")
        else:
            request_id = result.request_id
    told = InterimAnswered(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=invoice_id,
        attempt=attempt.name,
        external_code=code,
        message=finding("STILL_WORKING").sentence,
        request_id=request_id,
    )
    await reader.log.append(told)
    reader.metrics.deadlines.labels(reader.connection, "interim").inc()
    log.warning("interim_answered", connection=reader.connection, invoice=invoice_id, request=request_id)


async def _is_there(reader: Reader, invoice_id: str, code: str) -> bool:
    text = await reader.basware.document(invoice_id)
    if text is None:
        return False
    return any(answer.externalCode == code for answer in AccountingDocument.parse(text).transferResponses)
