"""Attaches a stored attachment to its AP invoice, or links it there: once, and without ever touching the invoice.

It is looked for first, by our mark in its row. A row whose answer got lost is looked for after growing pauses, and sent
again only when the last of these looks has found nothing either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import Any, Literal, TypeVar

from epicor_writer.attachment_rows import (
    address,
    description,
    file_name,
    last_intent,
    ours_in,
    settled,
    wait_left,
)
from epicor_writer.groups import speaks_of_a_lock
from epicor_writer.ports import Ledger, Log, Slot
from mlc_common.attachment_rules import Attachments
from mlc_common.attachment_store import AttachmentStore
from mlc_common.catalogue import finding
from mlc_common.events import (
    AttachingIntended,
    AttachmentLinked,
    AttachmentRefused,
    AttachmentStored,
    Event,
    InvoicePosted,
)
from mlc_common.failures import PermanentError, TransientError, UnknownOutcomeError
from mlc_common.settings import Timings
from mlc_epicor.attachments import EpicorAttachments, HeldInvoice
from mlc_epicor.errors import Refusal

MOST_NAMES = 5
"""Names that are tried for one file; a lost answer to an upload leaves a file that nobody names."""

MOST_ROWS = 5
"""Times that one row is sent."""

Row = dict[str, Any]
Value = TypeVar("Value")
Settled = AttachmentLinked | AttachmentRefused


class _RefusedError(Exception):
    """Epicor will not have the attachment; the text says why."""


@dataclass(frozen=True)
class AttachmentDesk:
    """What it takes to attach files of one connection."""

    rules: Attachments
    epicor: EpicorAttachments
    ledger: Ledger
    store: AttachmentStore
    log: Log
    timings: Timings
    now: Callable[[], datetime]


@dataclass(frozen=True)
class _Job:
    """One attachment on its way to one AP invoice."""

    desk: AttachmentDesk
    slot: Slot
    event: AttachmentStored
    how: Literal["link", "upload"]
    posted: InvoicePosted
    history: Sequence[Event]


async def attach(
    event: AttachmentStored, *, desk: AttachmentDesk, slot: Slot, begun: datetime | None = None
) -> Settled | None:
    """Bring one attachment to its end, from wherever an earlier try left it; None when there is nothing to do.

    Args:
        begun: since when there is patience with it, unless since it was stored.

    Raises:
        TransientError: it must be tried again, while the connection's patience lasts.
    """
    how = desk.rules.to_epicor
    if how == "nothing" or not desk.rules.gives_away(confidential=event.confidential):
        return None
    history = [each.event for each in await desk.log.history(event.connection, event.invoice_id)]
    if settled(history, event):
        return None
    posted = [each for each in history if isinstance(each, InvoicePosted) and each.attempt == event.attempt]
    if not posted:
        return await _refuse(desk, event, how, "its transfer has no AP invoice on record.")
    job = _Job(desk, slot, event, how, posted[0], history)
    try:
        return await _attached(job)
    except (_RefusedError, PermanentError) as refusal:
        return await _refuse(desk, event, how, str(refusal))
    except TransientError as failure:
        # A row that may have been written is looked for to the end, however late it is.
        if not failure.counts or desk.now() < (begun or event.at) + timedelta(hours=desk.rules.patience_hours):
            raise
        return await _refuse(desk, event, how, str(failure))


async def _attached(job: _Job) -> AttachmentLinked:
    held = await _held(job)
    ours = ours_in(held.rows, job.event)
    if ours is not None:
        return await _linked(job, ours, found=True)
    intent = last_intent(job.history, job.event)
    wait = wait_left(intent, job.desk.timings.unclear_pauses, now=job.desk.now())
    if wait:
        raise TransientError("The attachment's row was sent and is looked for later.", retry_after=wait, counts=False)
    if intent is not None and intent.number >= MOST_ROWS:
        raise _RefusedError(f"Epicor's answers got lost {MOST_ROWS} times, and it shows no such row.")
    place = await _place(job)
    row = await _row(job, held, place)
    await job.slot.still_ours()
    await job.desk.log.append(_intended(job, (intent.number if intent else 0) + 1))
    try:
        await _save(job, held, row)
        ours = ours_in((await _held(job)).rows, job.event)
    finally:
        if held.group_id and not held.posted:
            await job.desk.ledger.close_group(job.posted.company, held.group_id, surely_ours=False)
    if ours is None:
        raise _looked_up_later(job, "Epicor took the attachment's row and does not show it.")
    return await _linked(job, ours, found=False)


async def _held(job: _Job) -> HeldInvoice:
    posted = job.posted
    held = await job.desk.epicor.invoice(posted.company, posted.vendor_num, posted.invoice_num)
    if held is None:
        raise _RefusedError(f"invoice {posted.invoice_num} is not in Epicor any more.")
    return held


async def _place(job: _Job) -> str:
    """What the row's FileName is to say: where the file can be found."""
    if job.how == "link":
        return address(job.event, job.desk.rules.link_base or "")
    try:
        with TemporaryFile() as file:
            await job.desk.store.fetch(job.event.sha256, file)
            name = await _free_name(job)
            kind = job.desk.rules.document_type
            path = await job.desk.epicor.upload(job.posted.company, kind, name, file, size=job.event.size)
    except UnknownOutcomeError as unclear:
        raise TransientError(f"{unclear} The file is sent again under another name.") from unclear
    return _not_refused(path)


async def _free_name(job: _Job) -> str:
    for number in range(1, MOST_NAMES + 1):
        name = file_name(job.event, number=number)
        there = await job.desk.epicor.has_file(job.posted.company, job.desk.rules.document_type, name)
        if not _not_refused(there):
            return name
    raise _RefusedError(f"Epicor keeps {MOST_NAMES} files of it already, and no row that names one.")


async def _row(job: _Job, held: HeldInvoice, place: str) -> Row:
    try:
        new = _not_refused(await job.desk.epicor.new_row(job.posted.company, job.posted.vendor_num, held))
    except UnknownOutcomeError as unclear:
        raise TransientError(str(unclear)) from unclear
    kind = {"DocTypeID": job.desk.rules.document_type} if job.desk.rules.document_type else {}
    return new | kind | {"FileName": place, "DrawDesc": description(job.event), "RowMod": "A"}


async def _save(job: _Job, held: HeldInvoice, row: Row) -> None:
    try:
        refusal = await job.desk.epicor.save_row(job.posted.company, held, row)
    except UnknownOutcomeError as unclear:
        raise _looked_up_later(job, str(unclear)) from unclear
    if refusal is None:
        return
    if speaks_of_a_lock(refusal.message, held.group_id):
        raise TransientError(f"The AP invoice's group is in use: {refusal.message}")
    raise _RefusedError(f"Epicor says: {refusal.message}")


def _looked_up_later(job: _Job, sentence: str) -> TransientError:
    return TransientError(sentence, retry_after=job.desk.timings.unclear_pauses[0], counts=False)


def _not_refused(value: Value | Refusal) -> Value:
    if isinstance(value, Refusal):
        raise _RefusedError(f"Epicor says: {value.message}")
    return value


def _common(event: AttachmentStored, at: datetime) -> dict[str, Any]:
    names = ("connection", "invoice_id", "attempt", "external_code", "filename", "category", "confidential")
    return {name: getattr(event, name) for name in names} | {"at": at, "cause": event.id}


def _intended(job: _Job, number: int) -> AttachingIntended:
    return AttachingIntended(**_common(job.event, job.desk.now()), number=number)


async def _linked(job: _Job, row: Row, *, found: bool) -> AttachmentLinked:
    linked = AttachmentLinked(
        **_common(job.event, job.desk.now()),
        how=job.how,
        company=job.posted.company,
        vendor_num=job.posted.vendor_num,
        invoice_num=job.posted.invoice_num,
        place=str(row.get("FileName") or ""),
        found=found,
    )
    await job.desk.log.append(linked)
    return linked


async def _refuse(
    desk: AttachmentDesk, event: AttachmentStored, how: Literal["link", "upload"], why: str
) -> AttachmentRefused:
    sentence = finding("ATTACHMENT_NOT_IN_EPICOR", why=why).sentence
    refused = AttachmentRefused(**_common(event, desk.now()), how=how, sentence=sentence)
    await desk.log.append(refused)
    return refused
