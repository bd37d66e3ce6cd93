"""Fetches the attachments of a transferred document into the object store; its invoice is done, whatever happens here.

Attachments are there only after the transfer, and nothing says when: they are looked for after growing pauses. A look
that finds nothing new, where there was something before, is the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import Literal

import structlog

from basware_reader.attachments import are_due, left_alone, patience_ends, unsettled
from basware_reader.handlers import Reader
from mlc_basware.attachments import Attachment, attachments_in
from mlc_common.attachment_store import AttachmentStore
from mlc_common.catalogue import finding
from mlc_common.downloads import Download, TooLarge
from mlc_common.events import AttachmentsAbsent, AttachmentSkipped, AttachmentStored, OutcomeAnswered
from mlc_common.failures import FailureError, PermanentError, TransientError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings
from mlc_common.telemetry import span

log = structlog.stdlib.get_logger(__name__)

NOT_THERE = "Basware shows the attachment and does not find it (404)."
Reason = Literal["confidential", "category", "too large", "gone", "given up"]


@dataclass(frozen=True)
class Fetching:
    """What it takes to fetch attachments: a reader of documents, and where files go."""

    reader: Reader
    store: AttachmentStore
    timings: Timings


@dataclass(frozen=True)
class _Look:
    """One look at the attachments of one answered transfer.

    `overdue` when it is the last one whatever it finds, since their patience ended at `ends`.
    """

    event: OutcomeAnswered
    ends: datetime
    overdue: bool


async def on_transferred(fetching: Fetching, event: OutcomeAnswered, delivery: Delivery) -> None:
    """Look for a document's attachments and fetch those that are new; done when a look finds no new one.

    Raises:
        TransientError: to be looked for again later, or the event stream or the object store is away.
    """
    reader, rules = fetching.reader, fetching.reader.document.attachments
    if not rules.fetch or not event.success:
        return
    history = [each.event for each in await reader.log.history(reader.connection, event.invoice_id)]
    if not are_due(event, history, rules):
        return
    ends = patience_ends(delivery.begun(event.at), rules)
    look = _Look(event, ends, overdue=reader.now() >= ends)
    if delivery.tries == 1 and not look.overdue:
        raise _later(fetching, look, delivery, "The attachments are looked for later.")
    try:
        listed = await _listed(reader, event.invoice_id)
    except PermanentError as unreadable:
        listed = ()
        log.warning("attachments_unreadable", connection=reader.connection, why=str(unreadable))
    except TransientError:
        if not look.overdue:
            raise
        listed = ()
    fresh = unsettled(listed, history, event)
    failures = await _settle_all(fetching, look, fresh)
    if not listed and look.overdue:
        await _give_up_looking(reader, event, seen_before=any(_is_mine(each, event) for each in history))
    elif not look.overdue and (fresh or not listed):
        why = failures[0] if failures else "Whether there are more attachments is looked at later."
        raise _later(fetching, look, delivery, why)


def _is_mine(fact: object, event: OutcomeAnswered) -> bool:
    return isinstance(fact, AttachmentStored | AttachmentSkipped) and fact.attempt == event.attempt


async def _listed(reader: Reader, invoice_id: str) -> Sequence[Attachment]:
    text = await reader.basware.document(invoice_id)
    return () if text is None else attachments_in(text)


async def _settle_all(fetching: Fetching, look: _Look, fresh: Sequence[Attachment]) -> list[str]:
    """Say of each what became of it; one that fails now hinders no other. Returns why some are still open."""
    failures = []
    for attachment in fresh:
        why = left_alone(attachment, fetching.reader.document.attachments)
        if why is not None:
            await _skip(fetching.reader, look, attachment, reason=why, why=_plain(why))
            continue
        try:
            await _fetch(fetching, look, attachment)
        except (TransientError, PermanentError) as failure:
            failures.append(str(failure))
            if look.overdue:
                await _give_up(fetching.reader, look, attachment, failure)
    return failures


def _plain(why: Literal["confidential", "category"]) -> str:
    return {
        "confidential": "The connection leaves confidential attachments in Basware.",
        "category": "The connection does not fetch this category.",
    }[why]


async def _fetch(fetching: Fetching, look: _Look, attachment: Attachment) -> None:
    """Download to a file without a name, so that it is known whole before the store gets it, and gone when we are."""
    reader, most = fetching.reader, fetching.reader.document.attachments.largest_bytes
    about = {"connection": reader.connection, "invoice": look.event.invoice_id}
    with span("fetch attachment", **about), TemporaryFile() as file:
        found = await reader.basware.attachment(look.event.invoice_id, attachment.code, into=file, most=most)
        match found:
            case Download():
                await fetching.store.keep(file, found.sha256)
                await _stored(reader, look, attachment, found)
            case TooLarge():
                why = f"It has more than the {most} bytes that the connection allows."
                await _skip(reader, look, attachment, reason="too large", why=why)
            case None if look.overdue:
                await _skip(reader, look, attachment, reason="gone", why=NOT_THERE)
            case None:
                raise TransientError(NOT_THERE)


async def _stored(reader: Reader, look: _Look, attachment: Attachment, found: Download) -> None:
    event = look.event
    stored = AttachmentStored(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        cause=event.id,
        external_code=attachment.code,
        filename=attachment.filename,
        category=attachment.category,
        confidential=attachment.confidential,
        size=found.size,
        sha256=found.sha256,
    )
    await reader.log.append(stored)
    log.info("attachment_stored", connection=reader.connection, invoice=event.invoice_id, size=found.size)


async def _skip(reader: Reader, look: _Look, attachment: Attachment, *, reason: Reason, why: str) -> None:
    event = look.event
    skipped = AttachmentSkipped(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        cause=event.id,
        external_code=attachment.code,
        filename=attachment.filename,
        category=attachment.category,
        confidential=attachment.confidential,
        reason=reason,
        why=why,
    )
    await reader.log.append(skipped)
    level = log.warning if reason in ("gone", "given up") else log.info
    level("attachment_skipped", connection=reader.connection, invoice=event.invoice_id, reason=reason, why=why)


async def _give_up(reader: Reader, look: _Look, attachment: Attachment, failure: FailureError) -> None:
    hours = f"{reader.document.attachments.patience_hours:g}"
    sentence = finding("ATTACHMENT_GIVEN_UP", hours=hours, why=str(failure)).sentence
    await _skip(reader, look, attachment, reason="given up", why=sentence)


async def _give_up_looking(reader: Reader, event: OutcomeAnswered, *, seen_before: bool) -> None:
    """Say that there are none; where there were some before, they have been told of one by one."""
    if seen_before:
        return
    sentence = finding("ATTACHMENTS_ABSENT", hours=f"{reader.document.attachments.patience_hours:g}").sentence
    absent = AttachmentsAbsent(
        connection=reader.connection,
        at=reader.now(),
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        cause=event.id,
        why=sentence,
    )
    await reader.log.append(absent)
    log.info("attachments_absent", connection=reader.connection, invoice=event.invoice_id)


def _later(fetching: Fetching, look: _Look, delivery: Delivery, why: str) -> TransientError:
    """The next look, after a growing pause; the last one when the patience ends."""
    pauses, reader = fetching.timings.attachment_pauses, fetching.reader
    rest = (look.ends - reader.now()).total_seconds()
    wait = min(pauses[min(delivery.tries, len(pauses)) - 1], max(rest, 0.1))
    return TransientError(why, retry_after=wait, counts=False)
