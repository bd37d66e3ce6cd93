"""What became of a dead letter since, and what taking it up anew would do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlc_common.attachment_events import FactOfAttachment
from mlc_common.eventlog import Recorded
from mlc_common.events import (
    AnswerDelivered,
    AnswerRejected,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    AttachingIntended,
    AttachmentLinked,
    AttachmentRefused,
    AttachmentsAbsent,
    AttachmentSkipped,
    AttachmentStored,
    BatchSent,
    DocumentAcknowledged,
    DocumentApproved,
    DocumentNoticed,
    DocumentWithdrawn,
    Event,
    GroupPostingRequested,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    NotificationReceived,
    OutcomeAnswered,
    PaymentAnswerDelivered,
    PaymentAnswered,
    PaymentAnswerIntended,
    PaymentAnswerUndelivered,
    PaymentFact,
    PaymentSeen,
    PostingIntended,
    PostingUnclear,
    RecordAccepted,
    RecordFact,
    RecordHeld,
    RecordRefused,
    RecordSent,
    Redelivery,
    SyncEnded,
    SyncFinished,
    SyncPlanned,
)
from mlc_common.stored_event import FactOfDocument
from operator_console.dead_letters import DeadLetter
from operator_console.replaying import Buried, Verdict, planned
from operator_console.view import DocumentStatus

ABOUT_A_REQUEST = "requeststatus"
"""A push's task type, in small letters, that points at a request of ours and at no document."""


@dataclass(frozen=True)
class Job:
    """What a durable does with a message, and which facts say that it got further.

    `again`: a replay hands it the buried message as it is; otherwise it takes the document up anew.
    """

    task: str
    further: tuple[type[Event], ...]
    again: bool = False


JOBS: Mapping[str, Job] = {
    "basware-reader": Job(
        "reads the document that a push points at",
        (DocumentApproved, DocumentNoticed, DocumentAcknowledged, DocumentWithdrawn),
    ),
    "epicor-writer": Job(
        "enters the document in Epicor",
        (
            PostingIntended,
            PostingUnclear,
            InvoiceRemoved,
            GroupPostingRequested,
            InvoicePosted,
            InvoiceRefused,
            OutcomeAnswered,
        ),
    ),
    "basware-answers": Job(
        "tells Basware the outcome",
        (OutcomeAnswered, AnswerRejected, DocumentWithdrawn),
    ),
    "basware-deliveries": Job(
        "follows the answer until it stands in Basware P2P",
        (AnswerDelivered, AnswerUndelivered, AnswerUnconfirmed, AnswerRepeated),
        again=True,
    ),
    "basware-payments": Job(
        "tells Basware the payment",
        (PaymentAnswerIntended, PaymentAnswered, PaymentAnswerDelivered, PaymentAnswerUndelivered),
        again=True,
    ),
    "basware-attachments": Job(
        "fetches the document's attachments",
        (AttachmentStored, AttachmentSkipped, AttachmentsAbsent),
        again=True,
    ),
    "epicor-attachments": Job(
        "attaches a stored file to the AP invoice",
        (AttachingIntended, AttachmentLinked, AttachmentRefused),
        again=True,
    ),
    "masterdata-sync": Job(
        "brings master data up to date on request",
        (SyncPlanned, SyncFinished, SyncEnded),
        again=True,
    ),
    "masterdata-following": Job(
        "follows master records until they stand in Basware P2P",
        (RecordAccepted, RecordRefused, RecordHeld, RecordSent),
        again=True,
    ),
}
UNHEARD_OF = Job("is unknown to this version", ())


@dataclass(frozen=True)
class Standing:
    """What became of a dead letter: the fact that got it further, None while unresolved; what a replay comes to."""

    task: str
    further: Recorded | None
    verdict: Verdict
    why: str


def standing(
    letter: DeadLetter,
    event: Event | None,
    history: Sequence[Recorded],
    status: DocumentStatus | None,
    *,
    gone: bool = False,
) -> Standing:
    """Where a dead letter stands.

    Args:
        event: what was buried; None when this version does not understand it.
        history: the last facts about the same document, records or request, oldest first.
        status: where the document stands, if it is known.
        gone: the stream holds the message no longer.
    """
    job = JOBS.get(letter.service_durable, UNHEARD_OF)
    further = _further(job, letter, event, history)
    if further is not None:
        return Standing(job.task, further, Verdict.NOTHING, _what_further(further))
    if event is None:
        return Standing(job.task, None, Verdict.PERSON, "this version does not understand it")
    if job is UNHEARD_OF:
        why = "run the version that wrote it, or tell the maintainers"
        return Standing(job.task, None, Verdict.PERSON, why)
    if job.again:
        return Standing(job.task, None, *_again(job, letter, event, history, gone=gone))
    if isinstance(event, NotificationReceived):
        return Standing(job.task, None, *_of_push(event))
    if status is None:
        return Standing(job.task, None, Verdict.PERSON, "the read model does not know its document yet")
    plan = planned(status)
    return Standing(job.task, None, plan.verdict, plan.why)


def buried(letter: DeadLetter, event: Event | None) -> Buried | None:
    """The message of a letter whose durable takes it again; None of the others, whose documents are taken up anew."""
    if not JOBS.get(letter.service_durable, UNHEARD_OF).again:
        return None
    attempt = event.attempt if isinstance(event, FactOfDocument) else None
    return Buried(
        letter.sequence, letter.service_durable, letter.stream_sequence, attempt, letter.failure, letter.version
    )


def _again(
    job: Job, letter: DeadLetter, event: Event, history: Sequence[Recorded], *, gone: bool
) -> tuple[Verdict, str]:
    if gone:
        return Verdict.PERSON, f"the stream {letter.stream} holds the message no longer"
    rest = ""
    if isinstance(event, BatchSent):
        rest = f"; {len(_open_records(event, letter, history))} of {len(event.records)} records are open"
    return Verdict.AGAIN, f"{letter.service_durable} {job.task}{rest}"


def _what_further(further: Recorded) -> str:
    if isinstance(further.event, Redelivery):
        return f"it was handed out again in the replay {further.event.replay}"
    return f"it got further since ({further.event.type})"


def _of_push(push: NotificationReceived) -> tuple[Verdict, str]:
    if push.task_type.lower() == ABOUT_A_REQUEST:
        return Verdict.NOTHING, "answers are followed on a timer too"
    return Verdict.READ, "its document is read from Basware again"


def _further(job: Job, letter: DeadLetter, event: Event | None, history: Sequence[Recorded]) -> Recorded | None:
    """The fact that got it further; that it was handed out again counts: should that fail, there is a new letter."""
    again = (each for each in history if _handed_out_again(letter, each.event))
    if (found := next(again, None)) is not None:
        return found
    if isinstance(event, BatchSent):
        return history[-1] if history and not _open_records(event, letter, history) else None
    return next((each for each in history if _gets_further(job, letter, event, each)), None)


def _handed_out_again(letter: DeadLetter, event: Event) -> bool:
    return (
        isinstance(event, Redelivery)
        and (event.durable, event.sequence) == (letter.service_durable, letter.stream_sequence)
        and event.letter >= letter.sequence
    )


def _gets_further(job: Job, letter: DeadLetter, buried: Event | None, fact: Recorded) -> bool:
    """Whether a fact shows that what was buried is no longer waiting: the job's result, or something newer."""
    if isinstance(buried, PaymentSeen) and isinstance(fact.event, PaymentSeen):
        return fact.sequence > letter.stream_sequence  # the newer picture says all of it
    if letter.stored_at is None or fact.stored_at <= letter.stored_at:
        return False
    if isinstance(buried, FactOfDocument) and isinstance(fact.event, FactOfDocument):
        if fact.event.attempt != buried.attempt:
            return isinstance(fact.event, DocumentApproved)
        if _is_of_another(buried, fact.event):
            return False
    return isinstance(fact.event, job.further)


def _is_of_another(buried: Event, fact: Event) -> bool:
    """Whether a fact is of another attachment of the document, or of an older picture of its payment."""
    if isinstance(buried, FactOfAttachment):
        return not isinstance(fact, FactOfAttachment) or fact.external_code != buried.external_code
    if isinstance(buried, PaymentFact) and isinstance(fact, PaymentFact):
        return fact.number < buried.number
    return False


def _open_records(batch: BatchSent, letter: DeadLetter, history: Sequence[Recorded]) -> set[tuple[str, str]]:
    """The records of a batch of which nobody has said what became of them, and that were not sent anew since."""
    settled = {
        (each.event.company, each.event.code)
        for each in history
        if isinstance(each.event, RecordAccepted | RecordRefused | RecordHeld | RecordSent)
        and _settles(each.event, batch, since=each.sequence > letter.stream_sequence)
    }
    return {(each.company, each.code) for each in batch.records} - settled


def _settles(fact: RecordFact, batch: BatchSent, *, since: bool) -> bool:
    """Whether a fact about a record of the batch ends the wait for it; `since`: it was recorded after the batch."""
    mine = fact.request_id == batch.request_id
    return (since and not mine) if isinstance(fact, RecordSent) else mine
