"""Facts about what Basware pushed and what was read there. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from mlc_common.stored_event import FactOfDocument, StoredEvent
from mlc_common.streams import notification_subject, token


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
    personal: tuple[str, ...] | None = Field(
        default=None,
        description="members of `document` that hold personal data; stored sealed, so that it can be erased",
    )


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
