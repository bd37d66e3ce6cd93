"""The facts. Names and fields are the storage format: add optional fields only; never rename, retype or reuse. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

from mlc_common.answer_events import AnswerDelivered as AnswerDelivered
from mlc_common.answer_events import AnswerRejected as AnswerRejected
from mlc_common.answer_events import AnswerRepeated as AnswerRepeated
from mlc_common.answer_events import AnswerUnconfirmed as AnswerUnconfirmed
from mlc_common.answer_events import AnswerUndelivered as AnswerUndelivered
from mlc_common.answer_events import DeadlineNear as DeadlineNear
from mlc_common.answer_events import DocumentWithdrawn as DocumentWithdrawn
from mlc_common.answer_events import InterimAnswered as InterimAnswered
from mlc_common.answer_events import OutcomeAnswered as OutcomeAnswered
from mlc_common.attachment_events import AttachingIntended as AttachingIntended
from mlc_common.attachment_events import AttachmentFact as AttachmentFact
from mlc_common.attachment_events import AttachmentLinked as AttachmentLinked
from mlc_common.attachment_events import AttachmentRefused as AttachmentRefused
from mlc_common.attachment_events import AttachmentsAbsent as AttachmentsAbsent
from mlc_common.attachment_events import AttachmentSkipped as AttachmentSkipped
from mlc_common.attachment_events import AttachmentStored as AttachmentStored
from mlc_common.bank_events import BankChangeDecided as BankChangeDecided
from mlc_common.bank_events import BankChangeHeld as BankChangeHeld
from mlc_common.bank_events import BankChangeWithdrawn as BankChangeWithdrawn
from mlc_common.bank_events import BankFact as BankFact
from mlc_common.erasure_events import DocumentErased as DocumentErased
from mlc_common.failures import PermanentError, TransientError
from mlc_common.group_events import GroupPostingRequested as GroupPostingRequested
from mlc_common.group_events import GroupPostingSubmitted as GroupPostingSubmitted
from mlc_common.masterdata_events import RecordChanged as RecordChanged
from mlc_common.masterdata_events import SyncEnded as SyncEnded
from mlc_common.masterdata_events import SyncFinished as SyncFinished
from mlc_common.masterdata_events import SyncPlanned as SyncPlanned
from mlc_common.masterdata_events import SyncRequested as SyncRequested
from mlc_common.payment_events import PaymentAnswerDelivered as PaymentAnswerDelivered
from mlc_common.payment_events import PaymentAnswered as PaymentAnswered
from mlc_common.payment_events import PaymentAnswerIntended as PaymentAnswerIntended
from mlc_common.payment_events import PaymentAnswerUndelivered as PaymentAnswerUndelivered
from mlc_common.payment_events import PaymentFact as PaymentFact
from mlc_common.payment_events import PaymentSeen as PaymentSeen
from mlc_common.people_events import DocumentHeld as DocumentHeld
from mlc_common.people_events import DocumentOverridden as DocumentOverridden
from mlc_common.people_events import DocumentReleased as DocumentReleased
from mlc_common.people_events import DocumentReturned as DocumentReturned
from mlc_common.people_events import FlowsPaused as FlowsPaused
from mlc_common.people_events import FlowsResumed as FlowsResumed
from mlc_common.people_events import InvoiceLinked as InvoiceLinked
from mlc_common.people_events import ReplayRequested as ReplayRequested
from mlc_common.people_events import ReplayStarted as ReplayStarted
from mlc_common.people_events import ReplayStopped as ReplayStopped
from mlc_common.posting_events import InvoicePosted as InvoicePosted
from mlc_common.posting_events import InvoiceRefused as InvoiceRefused
from mlc_common.posting_events import InvoiceRemoved as InvoiceRemoved
from mlc_common.posting_events import PostingIntended as PostingIntended
from mlc_common.posting_events import PostingUnclear as PostingUnclear
from mlc_common.reading_events import DocumentAcknowledged as DocumentAcknowledged
from mlc_common.reading_events import DocumentApproved as DocumentApproved
from mlc_common.reading_events import DocumentNoticed as DocumentNoticed
from mlc_common.reading_events import NotificationReceived as NotificationReceived
from mlc_common.reconciliation_events import ReconciliationDone as ReconciliationDone
from mlc_common.record_events import BatchSent as BatchSent
from mlc_common.record_events import RecordAccepted as RecordAccepted
from mlc_common.record_events import RecordHeld as RecordHeld
from mlc_common.record_events import RecordRefused as RecordRefused
from mlc_common.stored_event import StoredEvent
from mlc_common.streams import masterdata_subject, token


class RecordSent(StoredEvent):
    """A master record was sent to Basware's API layer and accepted there."""

    fact: ClassVar[str] = "sent"

    type: Literal["record_sent"] = "record_sent"
    kind: str
    company: str
    code: str
    digest: str
    request_id: str | None = None
    external_code: str | None = None
    record: str | None = Field(default=None, description="what was sent, as JSON text")
    number: int | None = Field(default=None, description="2 and more: sent once more with a change of its own")

    @property
    def subject(self) -> str:
        return masterdata_subject(self.connection, self.kind, self.company, self.code, self.fact)

    @property
    def id(self) -> str:
        place = f"{self.connection}/{self.kind}/{token(self.company)}/{token(self.code)}"
        # A record may go back to what it was within the stream's window for repeated messages.
        return f"masterdata/{place}/{self.digest}/{self.request_id or ''}"


DocumentFact = (
    DocumentApproved
    | DocumentAcknowledged
    | DocumentNoticed
    | PostingIntended
    | PostingUnclear
    | InvoiceRemoved
    | GroupPostingRequested
    | GroupPostingSubmitted
    | InvoicePosted
    | InvoiceRefused
    | OutcomeAnswered
    | AnswerRejected
    | DocumentWithdrawn
    | DeadlineNear
    | InterimAnswered
    | AnswerRepeated
    | AnswerDelivered
    | AnswerUndelivered
    | AnswerUnconfirmed
    | PaymentFact
    | AttachmentFact
    | DocumentHeld
    | DocumentReleased
    | DocumentReturned
    | DocumentOverridden
    | InvoiceLinked
    | ReplayRequested
    | DocumentErased
)
AnswerFact = (
    DocumentWithdrawn
    | DeadlineNear
    | InterimAnswered
    | AnswerRepeated
    | AnswerDelivered
    | AnswerUndelivered
    | AnswerUnconfirmed
)
"""Facts about a transfer and its answer that are no outcome."""
WritersFact = (
    PostingIntended
    | PostingUnclear
    | InvoiceRemoved
    | GroupPostingRequested
    | GroupPostingSubmitted
    | InvoicePosted
    | InvoiceRefused
)
"""Facts about an invoice on its way into Epicor."""
PersonFact = DocumentHeld | DocumentReleased | DocumentReturned | DocumentOverridden | InvoiceLinked | ReplayRequested
"""What people decided about a document."""
Operation = FlowsPaused | FlowsResumed | ReplayStarted | ReplayStopped | ReconciliationDone
"""What people did to a connection as a whole."""

RecordFact = RecordChanged | RecordSent | RecordAccepted | RecordRefused | RecordHeld
"""Facts of one master record."""

MasterDataFact = RecordFact | BankFact | BatchSent | SyncRequested | SyncPlanned | SyncFinished | SyncEnded
"""Facts of the stream MASTERDATA."""
Event = NotificationReceived | DocumentFact | MasterDataFact | Operation
Outcome = InvoicePosted | InvoiceRefused

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])

UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(type, old schema version) -> a function from the stored form to the next version's form."""


class UnheardOfError(TransientError):
    """A fact of a type that this version does not know: while an upgrade rolls, a newer one knows it."""


def parse_event(payload: bytes) -> Event:
    """The event of a stored payload, old versions lifted to today's form.

    Raises:
        UnheardOfError: it is a fact of another type than this version knows.
        PermanentError: the payload is no event.
    """
    try:
        if not UPCASTERS:
            return _EVENT.validate_json(payload)
        stored = json.loads(payload)
        while upcast := UPCASTERS.get((stored["type"], stored["schema_version"])):
            stored = upcast(stored)
        return _EVENT.validate_python(stored)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        if kind := _unheard_of(error):
            raise UnheardOfError(f"This version knows no fact of the type {kind}.") from error
        fields = (
            ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
            if isinstance(error, ValidationError)
            else ""
        )
        raise PermanentError(
            f"This is no event this version knows; look at: {fields or type(error).__name__}."
        ) from error


def _unheard_of(error: Exception) -> str | None:
    """The type that no event has, when that is what is wrong."""
    if not isinstance(error, ValidationError):
        return None
    first = error.errors()[0]
    return str(first["ctx"]["tag"])[:50] if first["type"] == "union_tag_invalid" and not first["loc"] else None
