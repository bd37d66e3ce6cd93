"""Gives an answer again that Basware lost on its way into P2P, under a new code and a few times at most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from basware_reader.answers import Awaited, Found, repeated_code, to_response, verdict
from basware_reader.approvals import Attempt, Sight, attempts
from basware_reader.handlers import Reader
from basware_reader.locks import Alone, alone
from mlc_basware.client import Accepted
from mlc_basware.documents import AccountingDocument
from mlc_common.events import AnswerRepeated, Event, Outcome, OutcomeAnswered
from mlc_common.failures import TransientError, UnknownOutcomeError

MOST_REPEATS = 2
"""After that somebody has to look: a changed record is a remedy for passing faults only (Basware reference, §9.1)."""


async def give_again(reader: Reader, lost: OutcomeAnswered | AnswerRepeated, *, why: str) -> AnswerRepeated | None:
    """The same answer under a new code, as long as its document awaits one; None when nothing more can be done.

    Raises:
        InHandError: somebody else is at this document.
        TransientError: Basware is away, or its answer is unclear; the document is read before it is sent again.
    """
    number = lost.number + 1 if isinstance(lost, AnswerRepeated) else 1
    if number > MOST_REPEATS:
        return None
    async with alone(reader.locks, reader.connection, lost.invoice_id) as ours:
        history = [recorded.event for recorded in await reader.log.history(reader.connection, lost.invoice_id)]
        outcome = _outcome(history, lost.attempt)
        if outcome is None:
            return None
        code = repeated_code(outcome, number)
        given = await _given(reader, outcome, code, attempts(history), ours=ours)
        if given is None:
            return None
        return AnswerRepeated(
            connection=reader.connection,
            at=reader.now(),
            invoice_id=lost.invoice_id,
            attempt=lost.attempt,
            cause=lost.id,
            number=number,
            external_code=code,
            request_id=given.request_id,
            why=why,
        )


def _outcome(history: Iterable[Event], attempt: str) -> Outcome | None:
    found = [each for each in history if isinstance(each, Outcome) and each.attempt == attempt]
    return found[-1] if found else None


async def _given(
    reader: Reader, outcome: Outcome, code: str, known: Sequence[Attempt], *, ours: Alone
) -> Accepted | None:
    """Basware has the answer under this code, from now or from an earlier try; None when it takes none."""
    text = await reader.basware.document(outcome.invoice_id)
    seen = None if text is None else Sight.of(text, AccountingDocument.parse(text))
    found = verdict(seen, known, outcome=outcome, code=code)
    mine = next((attempt for attempt in known if attempt.name == outcome.attempt), None)
    if isinstance(found, Found):
        return Accepted(None)
    if not isinstance(found, Awaited) or mine is None:
        return None
    response = to_response(outcome, document=reader.document, company_code=mine.company_code)
    send = reader.basware.prebook_response if mine.seen.prebook else reader.basware.transfer_response
    ours.confirm()
    try:
        result = await send(outcome.invoice_id, response.model_copy(update={"externalCode": code}))
    except UnknownOutcomeError as unclear:
        raise TransientError(f"{unclear} The document is read before it is sent again.") from unclear
    return result if isinstance(result, Accepted) else None
