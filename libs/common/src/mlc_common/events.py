"""The facts. Names and fields are the storage format: add optional fields only; never rename, retype or reuse. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

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
from mlc_common.catalogue import Finding
from mlc_common.failures import PermanentError
from mlc_common.group_events import GroupPostingRequested as GroupPostingRequested
from mlc_common.group_events import GroupPostingSubmitted as GroupPostingSubmitted
from mlc_common.order_lines import OrderMatch
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
from mlc_common.reconciliation_events import ReconciliationDone as ReconciliationDone
from mlc_common.stored_event import FactOfDocument, StoredEvent
from mlc_common.streams import masterdata_subject, notification_subject, token


class NotificationReceived(StoredEvent):
    """Basware pushed a notification and it was verified (Basware API reference, push notifications).

    `body` is the raw text as it came; `variant` says which signature form matched, or "unverified" in observe mode.
    """

    once: ClassVar[bool] = True

    type: Literal["notification_received"] = "notification_received"
    task_id: str
    task_type: str
    task_sub_type: str | None = None
    task_status: str | None = None
    document_id: str
    expires_at: AwareDatetime | None = None
    variant: str
    digest: str
    body: str

    @property
    def subject(self) -> str:
        return notification_subject(self.connection, self.task_id, self.digest)

    @property
    def id(self) -> str:
        return f"notification/{self.connection}/{token(self.task_id)}/{self.digest}"


class DocumentApproved(FactOfDocument):
    """Basware offers an approved accounting document for transfer; `document` is its JSON text as read."""

    fact: ClassVar[str] = "approved"
    once: ClassVar[bool] = True

    type: Literal["document_approved"] = "document_approved"
    seen_by: Literal["push", "sweep"]
    status: str
    company_code: str
    supplier_code: str
    supplier_name: str | None = None
    invoice_number: str | None = None
    invoice_date: date | None = None
    currency: str
    gross: Decimal | None = None
    document: str
    batch: str | None = Field(default=None, description="Basware's InvoiceBatchId")
    orders: tuple[str, ...] | None = Field(default=None, description="numbers of purchase orders that it names")


class DocumentAcknowledged(FactOfDocument):
    """Basware knows that we have it; `already` when it answered that it was acknowledged before."""

    fact: ClassVar[str] = "acknowledged"
    once: ClassVar[bool] = True

    type: Literal["document_acknowledged"] = "document_acknowledged"
    already: bool = False


class DocumentNoticed(FactOfDocument):
    """Basware pointed at a document that is not ours to act on; recorded, never dropped.

    `attempt` holds a digest of status and time, so that the same sight is recorded once.
    """

    fact: ClassVar[str] = "noticed"

    type: Literal["document_noticed"] = "document_noticed"
    status: str
    reason: str
    for_a_person: bool | None = Field(default=None, description="true: somebody has to settle it by hand")


class PostingIntended(FactOfDocument):
    """Write-ahead: the next thing that happens is an UpdateMaster with exactly this content."""

    fact: ClassVar[str] = "intended"

    type: Literal["posting_intended"] = "posting_intended"
    number: int = Field(description="1 for the first UpdateMaster of this attempt, 2 for the next, …")
    connection_version: int
    company: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    group_id: str
    total: Decimal
    digest: str = Field(description="SHA-256 of the dataset")
    orders: OrderMatch | None = Field(default=None, description="the purchase-order lines it is entered against")
    apply_date: date | None = Field(default=None, description="None in facts of old: the group's name tells")

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class PostingUnclear(FactOfDocument):
    """The answer to an UpdateMaster is unknown; it is being looked up, never resent blindly."""

    fact: ClassVar[str] = "unclear"

    type: Literal["posting_unclear"] = "posting_unclear"
    number: int = Field(description="the intent that is unclear")
    look_ups: int = Field(description="how many look-ups in a row found nothing")
    total: int = Field(default=0, description="how many look-ups this intent has had; tells equal sights apart")
    failures: int = Field(default=0, description="how many intents so far were answered with a server error")
    sentence: str

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}/{self.total}/{self.look_ups}"


class InvoiceRemoved(FactOfDocument):
    """Our own incomplete, unposted AP invoice was deleted in Epicor, to be made anew or refused."""

    fact: ClassVar[str] = "removed"

    type: Literal["invoice_removed"] = "invoice_removed"
    number: int
    times: int = Field(
        default=1, description="how often this attempt had to remove an incomplete invoice, this one included"
    )
    company: str
    vendor_num: int
    invoice_num: str
    difference: str
    connection_version: int | None = Field(default=None, description="of what was meant; None in facts of old")
    kept_otherwise: int | None = Field(
        default=None, description="how many of them Epicor had not kept as sent; the others were interrupted half-way"
    )

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class InvoicePosted(FactOfDocument):
    """The AP invoice stands in Epicor, read back and equal to what was meant."""

    fact: ClassVar[str] = "posted"
    once: ClassVar[bool] = True

    type: Literal["invoice_posted"] = "invoice_posted"
    connection_version: int
    company: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    group_id: str
    voucher: str
    voucher_2: str | None = None
    total: Decimal
    currency: str
    lines: int
    payment_block: bool = False
    found: bool = Field(default=False, description="it was there already: an earlier try of ours had succeeded")
    prebook: bool | None = Field(default=None, description="true: entered on hold ahead of its approval")
    held_for: tuple[Finding, ...] | None = Field(
        default=None, description="why it stands on hold, for a person to release"
    )
    remarks: tuple[Finding, ...] | None = Field(
        default=None, description="what a bookkeeper should know of it beside; nobody has to do anything"
    )
    in_payables: bool | None = Field(
        default=None, description="whether its group is posted; None where success does not ask for that"
    )
    not_posted: tuple[Finding, ...] | None = Field(
        default=None, description="why its group is not posted although success asks for it; Basware is told a failure"
    )
    linked_by: str | None = Field(
        default=None, description="who said that this AP invoice, which did not come from here, is the document"
    )


class InvoiceRefused(FactOfDocument):
    """The business said no; all findings at once."""

    fact: ClassVar[str] = "refused"
    once: ClassVar[bool] = True

    type: Literal["invoice_refused"] = "invoice_refused"
    connection_version: int
    findings: tuple[Finding, ...] = Field(min_length=1)


class RecordSent(StoredEvent):
    """A master record was sent to Basware's API layer and accepted there."""

    fact: ClassVar[str] = "sent"

    type: Literal["record_sent"] = "record_sent"
    kind: str
    company: str
    code: str
    digest: str
    request_id: str | None = None

    @property
    def subject(self) -> str:
        return masterdata_subject(self.connection, self.kind, self.company, self.code, self.fact)

    @property
    def id(self) -> str:
        return f"masterdata/{self.connection}/{self.kind}/{token(self.company)}/{token(self.code)}/{self.digest}"


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
    | AttachmentFact
    | DocumentHeld
    | DocumentReleased
    | DocumentReturned
    | DocumentOverridden
    | InvoiceLinked
    | ReplayRequested
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

Event = NotificationReceived | DocumentFact | RecordSent | Operation
Outcome = InvoicePosted | InvoiceRefused

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])

UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(type, old schema version) -> a function from the stored form to the next version's form."""


def parse_event(payload: bytes) -> Event:
    """The event of a stored payload, old versions lifted to today's form.

    Raises:
        PermanentError: the payload is no event that this version knows.
    """
    try:
        if not UPCASTERS:
            return _EVENT.validate_json(payload)
        stored = json.loads(payload)
        while upcast := UPCASTERS.get((stored["type"], stored["schema_version"])):
            stored = upcast(stored)
        return _EVENT.validate_python(stored)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        fields = (
            ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
            if isinstance(error, ValidationError)
            else ""
        )
        raise PermanentError(
            f"This is no event this version knows; look at: {fields or type(error).__name__}."
        ) from error
