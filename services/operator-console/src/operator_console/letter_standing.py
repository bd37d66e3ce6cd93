"""What became of a dead letter since, and what taking it up anew would do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    PostingIntended,
    PostingUnclear,
    RecordAccepted,
    RecordHeld,
    RecordRefused,
    RecordSent,
    SyncEnded,
    SyncFinished,
    SyncPlanned,
)
from mlc_common.stored_event import FactOfDocument
from operator_console.dead_letters import DeadLetter
from operator_console.replaying import Verdict, planned
from operator_console.view import DocumentStatus

ABOUT_A_REQUEST = "requeststatus"
"""A push's task type, in small letters, that points at a request of ours and at no document."""


@dataclass(frozen=True)
class Job:
    """What a durable does with a message, which facts say that it got further, and what helps when no replay does."""

    task: str
    further: tuple[type[Event], ...]
    otherwise: str | None = None


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
        "The answer was given; look in Basware P2P whether it stands there.",
    ),
    "basware-payments": Job(
        "tells Basware the payment",
        (PaymentAnswerIntended, PaymentAnswered, PaymentAnswerDelivered, PaymentAnswerUndelivered),
        "The next change of the payment is told complete; until then settle it in Basware by hand.",
    ),
    "basware-attachments": Job(
        "fetches the document's attachments",
        (AttachmentStored, AttachmentSkipped, AttachmentsAbsent),
        "The invoice is entered; its attachments stay in Basware.",
    ),
    "epicor-attachments": Job(
        "attaches a stored file to the AP invoice",
        (AttachingIntended, AttachmentLinked, AttachmentRefused),
        "Attach the file by hand: ml-connector documents attachment ID CODE -o FILE",
    ),
    "masterdata-sync": Job(
        "brings master data up to date on request",
        (SyncPlanned, SyncFinished, SyncEnded),
        "Ask again: ml-connector sync NAME",
    ),
    "masterdata-following": Job(
        "follows master records until they stand in Basware P2P",
        (RecordAccepted, RecordRefused, RecordHeld, RecordSent),
        "Send them again: ml-connector sync NAME --full",
    ),
}
UNHEARD_OF = Job("is unknown to this version", (), "Run the version that wrote it, or tell the maintainers.")


@dataclass(frozen=True)
class Standing:
    """What became of a dead letter: the fact that got it further, None while unresolved; what a replay comes to."""

    task: str
    further: Recorded | None
    verdict: Verdict
    why: str


def standing(
    letter: DeadLetter, event: Event | None, history: Iterable[Recorded], status: DocumentStatus | None
) -> Standing:
    """Where a dead letter stands.

    Args:
        event: what was buried; None when this version does not understand it.
        history: the last facts about the same document, record or request.
        status: where the document stands, if it is known.
    """
    job = JOBS.get(letter.service_durable, UNHEARD_OF)
    further = next((each for each in history if _gets_further(job, letter, event, each)), None)
    if further is not None:
        return Standing(job.task, further, Verdict.NOTHING, f"it got further since ({further.event.type})")
    if event is None:
        return Standing(job.task, None, Verdict.PERSON, "this version does not understand it")
    if job.otherwise is not None:
        return Standing(job.task, None, Verdict.PERSON, job.otherwise)
    if isinstance(event, NotificationReceived):
        return Standing(job.task, None, *_of_push(event))
    if status is None:
        return Standing(job.task, None, Verdict.PERSON, "the read model does not know its document yet")
    plan = planned(status)
    return Standing(job.task, None, plan.verdict, plan.why)


def _of_push(push: NotificationReceived) -> tuple[Verdict, str]:
    if push.task_type.lower() == ABOUT_A_REQUEST:
        return Verdict.NOTHING, "answers are followed on a timer too"
    return Verdict.READ, "its document is read from Basware again"


def _gets_further(job: Job, letter: DeadLetter, buried: Event | None, fact: Recorded) -> bool:
    """Whether a fact shows that what was buried is no longer waiting: the job's result, or a newer transfer."""
    if letter.stored_at is None or fact.stored_at <= letter.stored_at:
        return False
    if isinstance(buried, FactOfDocument) and isinstance(fact.event, FactOfDocument):
        if fact.event.attempt != buried.attempt:
            return isinstance(fact.event, DocumentApproved)
        if _code(buried) not in (None, _code(fact.event)):
            return False
    return isinstance(fact.event, job.further)


def _code(event: Event) -> str | None:
    """Basware's code of an attachment, where the fact is of one."""
    return event.external_code if isinstance(event, FactOfAttachment) else None
