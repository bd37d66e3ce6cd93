"""Which attachments of a transferred document are still to be fetched, and when enough was waited for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from basware_reader.approvals import PREBOOK_OFFERED
from mlc_basware.attachments import Attachment
from mlc_common.attachment_rules import Attachments
from mlc_common.events import (
    AttachmentsAbsent,
    AttachmentSkipped,
    AttachmentStored,
    DocumentApproved,
    Event,
    OutcomeAnswered,
)

Settled = AttachmentStored | AttachmentSkipped


def left_alone(attachment: Attachment, rules: Attachments) -> Literal["confidential", "category"] | None:
    """Why an attachment is not fetched at all; None when it is."""
    if not rules.stores(confidential=attachment.confidential):
        return "confidential"
    return None if attachment.category in rules.categories else "category"


def unsettled(listed: Iterable[Attachment], history: Iterable[Event], event: OutcomeAnswered) -> Sequence[Attachment]:
    """The attachments of which nobody has said yet, for this transfer, what became of them."""
    known = {each.external_code for each in history if isinstance(each, Settled) and each.attempt == event.attempt}
    return [each for each in listed if each.code not in known]


def are_due(event: OutcomeAnswered, history: Sequence[Event], rules: Attachments) -> bool:
    """Whether an answer is one after which attachments become available, and they are wanted and not given up.

    That is the successful answer to a transfer; a prebooked document is transferred later.
    """
    if not rules.fetch or not event.success:
        return False
    mine = [each for each in history if getattr(each, "attempt", None) == event.attempt]
    prebooked = any(isinstance(each, DocumentApproved) and each.status in PREBOOK_OFFERED for each in mine)
    return not prebooked and not any(isinstance(each, AttachmentsAbsent) for each in mine)


def patience_ends(begun: datetime, rules: Attachments) -> datetime:
    """Until when attachments are waited for, since the answer or since a person asked for them anew."""
    return begun + timedelta(hours=rules.patience_hours)
