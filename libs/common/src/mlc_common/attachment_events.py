"""Facts about the attachments of an accounting document; none of them says anything about its invoice. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import document_subject, token


class FactOfAttachment(FactOfDocument):
    """A fact of one attachment: its subject and id hold the attachment's code beside the attempt."""

    external_code: str = Field(description="Basware's code of the attachment")
    filename: str = Field(description="as Basware spells it; never to be used as a path")
    category: str
    confidential: bool

    @property
    def subject(self) -> str:
        return document_subject(self.connection, self.invoice_id, self.fact, f"{self.attempt}/{self.external_code}")

    @property
    def id(self) -> str:
        return f"{super().id}/{token(self.external_code)}"


class AttachmentStored(FactOfAttachment):
    """The attachment is in the object store, under the hash of its content."""

    fact: ClassVar[str] = "attachment_stored"
    once: ClassVar[bool] = True

    type: Literal["attachment_stored"] = "attachment_stored"
    size: int = Field(description="bytes")
    sha256: str


class AttachmentSkipped(FactOfAttachment):
    """The attachment is left in Basware, for good; `why` says more than the reason where there is more to say."""

    fact: ClassVar[str] = "attachment_skipped"
    once: ClassVar[bool] = True

    type: Literal["attachment_skipped"] = "attachment_skipped"
    reason: Literal["confidential", "category", "too large", "gone", "given up"]
    why: str


class AttachmentsAbsent(FactOfDocument):
    """Within our patience after the transfer Basware has shown no attachment of the document."""

    fact: ClassVar[str] = "attachments_absent"
    once: ClassVar[bool] = True

    type: Literal["attachments_absent"] = "attachments_absent"
    why: str


class AttachingIntended(FactOfAttachment):
    """Write-ahead: the next thing that happens is that Epicor is sent this attachment's row."""

    fact: ClassVar[str] = "attaching_intended"

    type: Literal["attaching_intended"] = "attaching_intended"
    number: int = Field(description="1 for the first time, 2 for the next, …")

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class AttachmentLinked(FactOfAttachment):
    """The AP invoice has a row for the attachment, read back; `place` is the file name in it: an address or a path."""

    fact: ClassVar[str] = "attachment_linked"
    once: ClassVar[bool] = True

    type: Literal["attachment_linked"] = "attachment_linked"
    how: Literal["link", "upload"]
    company: str
    vendor_num: int
    invoice_num: str
    place: str
    found: bool = Field(default=False, description="it was there already: an earlier try of ours had succeeded")


class AttachmentRefused(FactOfAttachment):
    """The AP invoice goes without the attachment; the invoice itself is not touched."""

    fact: ClassVar[str] = "attachment_refused"
    once: ClassVar[bool] = True

    type: Literal["attachment_refused"] = "attachment_refused"
    how: Literal["link", "upload"]
    sentence: str


AttachmentFact = (
    AttachmentStored | AttachmentSkipped | AttachmentsAbsent | AttachingIntended | AttachmentLinked | AttachmentRefused
)
"""Facts about attachments; the document's state does not change by them."""
