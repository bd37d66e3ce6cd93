"""What the streams hold of a buried message: itself, and what was recorded since of what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlc_common.eventlog import EventLog, Recorded
from mlc_common.events import (
    BatchSent,
    Event,
    NotificationReceived,
    RecordAccepted,
    RecordHeld,
    RecordRefused,
    RecordSent,
    Redelivery,
    SyncRequested,
)
from mlc_common.failures import PermanentError
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import (
    MASTERDATA,
    Durable,
    durables,
    masterdata_redelivery_subject,
    masterdata_subject,
    sync_subject,
)
from operator_console.dead_letters import DeadLetter

RECORDS_AT_ONCE = 250
"""Records whose last facts are asked for together, four each; the server names 1024 subjects at most."""

_FACTS = (RecordSent.fact, RecordAccepted.fact, RecordRefused.fact, RecordHeld.fact)


@dataclass(frozen=True)
class Found:
    """What was buried, None when this version does not understand it; whether the stream lost it; the last facts."""

    event: Event | None
    gone: bool
    history: Sequence[Recorded]


async def found(log: EventLog, letter: DeadLetter, event: Event | None) -> Found:
    """What the streams hold of a letter; `event` is what the letter itself holds.

    Raises:
        TransientError: the broker is away.
    """
    durable, gone = durable_of(letter), False
    if durable is not None and durable.work != durable.subjects:
        message = await log.message(durable.stream, letter.stream_sequence, *durable.work)
        gone = message is None
        if message is not None and isinstance(event, Redelivery):
            try:
                event = await log.resolve(message)
            except PermanentError:
                event = None
    return Found(event, gone, await _history(log, letter, event))


def durable_of(letter: DeadLetter) -> Durable | None:
    """The durable that gave up; None when this version knows no such durable."""
    known = durables(letter.connection) if letter.connection is not None else ()
    return next((each for each in known if each.name == letter.durable), None)


async def _history(log: EventLog, letter: DeadLetter, event: Event | None) -> Sequence[Recorded]:
    """The last facts about what a buried message is about, oldest first."""
    match event:
        case NotificationReceived():
            return await log.history(event.connection, event.document_id)
        case FactOfDocument():
            return await log.history(event.connection, event.invoice_id)
        case SyncRequested():
            again = masterdata_redelivery_subject(event.connection, letter.service_durable, letter.stream_sequence)
            return await log.last(MASTERDATA, sync_subject(event.connection, event.request, "*"), again)
        case BatchSent():
            return await _of_batch(log, letter, event)
        case _:
            return ()


async def _of_batch(log: EventLog, letter: DeadLetter, batch: BatchSent) -> Sequence[Recorded]:
    again = masterdata_redelivery_subject(batch.connection, letter.service_durable, letter.stream_sequence)
    facts = list(await log.last(MASTERDATA, again))
    for start in range(0, len(batch.records), RECORDS_AT_ONCE):
        subjects = [
            masterdata_subject(batch.connection, batch.kind, each.company, each.code, fact)
            for each in batch.records[start : start + RECORDS_AT_ONCE]
            for fact in _FACTS
        ]
        facts += await log.last(MASTERDATA, *subjects)
    return sorted(facts, key=lambda each: each.sequence)
