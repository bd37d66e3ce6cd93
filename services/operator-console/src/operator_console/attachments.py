"""The attachments of a document: what became of each, folded from its facts, and told in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from mlc_common.attachment_events import FactOfAttachment
from mlc_common.events import (
    AttachingIntended,
    AttachmentFact,
    AttachmentLinked,
    AttachmentRefused,
    AttachmentsAbsent,
    AttachmentSkipped,
    AttachmentStored,
    Event,
)


@dataclass(frozen=True)
class AttachmentStatus:
    """One attachment; `stored` and `epicor` say in words what became of it here and there."""

    code: str
    filename: str
    category: str
    confidential: bool
    size: int | None = None
    sha256: str | None = None
    stored: str | None = None
    epicor: str | None = None


def attachments(facts: Iterable[Event]) -> tuple[AttachmentStatus, ...]:
    """What became of every attachment, in the order in which they were first told of; the last word counts."""
    found: dict[str, AttachmentStatus] = {}
    for event in facts:
        if isinstance(event, FactOfAttachment):
            code = event.external_code
            about = AttachmentStatus(code, event.filename, event.category, event.confidential)
            found[code] = _after(found.get(code, about), event)
    return tuple(found.values())


def _after(state: AttachmentStatus, event: FactOfAttachment) -> AttachmentStatus:
    match event:
        case AttachmentStored():
            return replace(state, size=event.size, sha256=event.sha256, stored="stored")
        case AttachmentSkipped():
            return replace(state, stored=state.stored or f"{event.reason}: {event.why}")
        case AttachmentLinked():
            return replace(state, epicor=f"{event.how}: {event.place}")
        case AttachmentRefused():
            return replace(state, epicor=state.epicor or event.sentence)
    return state


def tell(event: AttachmentFact) -> tuple[str, str]:
    """What happened to an attachment, for the timeline of its document."""
    match event:
        case AttachmentStored():
            secret = ", confidential" if event.confidential else ""
            return "attachment stored", f"{_named(event)}, {event.category}, {event.size} bytes{secret}"
        case AttachmentSkipped():
            return "attachment skipped", f"{_named(event)}, {event.reason}: {event.why}"
        case AttachmentsAbsent():
            return "attachments absent", event.why
        case AttachingIntended():
            return "attaching intended", f"{_named(event)}, row {event.number}"
        case AttachmentLinked():
            found = " (it was there already)" if event.found else ""
            return "attachment linked", (
                f"{_named(event)} to invoice {event.invoice_num}, company {event.company}, by {event.how}: "
                f"{event.place}{found}"
            )
        case AttachmentRefused():
            return "attachment refused", f"{_named(event)}: {event.sentence}"
        case _:
            assert_never(event)


def _named(event: FactOfAttachment) -> str:
    return f"{event.filename or 'a file without a name'} ({event.external_code})"
