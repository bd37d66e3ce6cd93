"""`ml-connector documents`: list where they stand; show one with everything that happened to it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from rich.table import Table
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.catalogue import CATALOGUE
from mlc_common.connections import listing
from mlc_common.eventlog import EventLog, Recorded
from mlc_common.events import DocumentFact
from mlc_common.settings import Settings
from mlc_common.streams import NOTIFICATIONS, token
from mlc_common.tables import document_status
from mlc_common.telemetry import Redactor
from operator_console import output, telling
from operator_console.attachments import AttachmentStatus, attachments
from operator_console.connection_commands import existing
from operator_console.dead_letters import DeadLetter, buried, dead_letter, marked
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database
from operator_console.searching import Sought, question
from operator_console.stream_reader import Read, StreamReader
from operator_console.view import DocumentStatus, fold

PAYLOADS = ("document", "body")
"""Members of events that hold what came from outside."""


@dataclass(frozen=True)
class Shown:
    """A document: its state, folded from the facts just read; pushes and facts, oldest first; and its dead letters."""

    status: DocumentStatus
    timeline: tuple[Recorded, ...]
    dead_letters: tuple[DeadLetter, ...] = ()


async def rows(settings: Settings, sought: Sought, *, limit: int) -> list[DocumentStatus]:
    """Documents, the last changed first.

    Raises:
        CommandError: there are none, not even the connection or the code.
    """
    async with database(settings) as engine:
        async with engine.connect() as db:
            found = (await db.execute(question(sought, limit=limit))).mappings().all()
        if not found:
            await must_exist(engine, sought)
    return [DocumentStatus.of(row) for row in found]


async def must_exist(engine: AsyncEngine, sought: Sought) -> None:
    """Where nothing was found: make sure that there is what it was sought by.

    Raises:
        CommandError: there is no such connection, or no message of that code.
    """
    if sought.connection is not None:
        await existing(engine, sought.connection)
    if sought.reason is not None and sought.reason not in CATALOGUE:
        raise CommandError(f"There is no message {sought.reason}; docs/messages.md has them all.", code=Exit.USAGE)


async def shown(settings: Settings, identifier: str, *, connection: str | None, at: datetime | None = None) -> Shown:
    """One document by its Basware invoice id, or by invoice number when only one document has it.

    Args:
        at: show it as it was at this moment; what was stored later is left out.

    Raises:
        CommandError: there is none, or several, or it was not known yet.
    """
    invoice_id, connections = await candidates(settings, identifier, connection)
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        timelines = [await log.timeline(each, invoice_id) for each in connections]
        reader = StreamReader(client, log, timeout=settings.timings.publish)
        pushes = await _pushes(reader, [fact for timeline in timelines for fact in timeline])
        letters = [(each, dead_letter(each)) for each in await buried(reader)]
    known = [until(timeline, at) for timeline in timelines if timeline]
    if known and not known[0]:
        raise CommandError(f"Nothing was known of {identifier} at that time.", code=Exit.USAGE)
    if not known:
        raise CommandError(f"No accounting document {identifier} is known.", code=Exit.USAGE)
    if len(known) > 1:
        raise CommandError(
            f"{identifier} is known in several connections; name one with --connection.", code=Exit.USAGE
        )
    connections_of_it = {each.event.connection for each in known[0]}
    its = [
        (read, each)
        for read, each in letters
        if each.connection in connections_of_it and each.document == invoice_id and (at is None or read.stored_at <= at)
    ]
    found = status(known[0], [read for read, _ in its])
    everything = sorted([*until(pushes, at), *known[0]], key=lambda recorded: recorded.stored_at)
    return Shown(status=found, timeline=tuple(everything), dead_letters=tuple(each for _, each in its))


def until(facts: Sequence[Recorded], at: datetime | None) -> list[Recorded]:
    """The facts that were stored by then; all of them without a moment."""
    return [each for each in facts if at is None or each.stored_at <= at]


async def _pushes(reader: StreamReader, facts: list[Recorded]) -> list[Recorded]:
    """The pushes that these facts name as their cause."""
    causes = {each.event.cause for each in facts if isinstance(each.event, DocumentFact)}
    subjects = {notification_of(cause) for cause in causes if cause is not None} - {None}
    read = [
        await reader.after(NOTIFICATIONS, 0, most=1, subject=str(subject)) for subject in sorted(map(str, subjects))
    ]
    return [
        Recorded(push.event, push.sequence, datetime.fromisoformat(push.headers["Nats-Time-Stamp"]))
        for pushes in read
        for push in pushes
        if push.event is not None
    ]


def notification_of(cause: str) -> str | None:
    """The subject of a push from its id, notification/connection/task/digest; None for the id of anything else."""
    kind, *rest = cause.split("/")
    if kind != "notification" or len(rest) != 3:
        return None
    connection, task, digest = rest
    return f"notifications.{token(connection)}.{task}.{token(digest)}"


def status(timeline: list[Recorded], letters: Sequence[Read] = ()) -> DocumentStatus:
    """The state that these facts, at least one, and these dead letters add up to, in the order they were stored."""
    folded: DocumentStatus | None = None
    both: Iterator[Recorded | Read] = heapq.merge(timeline, letters, key=attrgetter("stored_at"))
    for each in both:
        if isinstance(each, Read):
            folded = folded and marked(folded, each)
        elif isinstance(each.event, DocumentFact):
            folded = fold(folded, each.event, sequence=each.sequence)
    if folded is None:
        raise CommandError("The stream holds nothing about this document.", code=Exit.USAGE)
    return folded


async def candidates(settings: Settings, identifier: str, connection: str | None) -> tuple[str, list[str]]:
    """The Basware invoice id that is meant, and the connections that may know it.

    Raises:
        CommandError: several documents have the number.
    """
    columns = document_status.c
    is_it = or_(columns.invoice_id == identifier, columns.invoice_number == identifier)
    async with database(settings) as engine:
        async with engine.connect() as db:
            found = (await db.execute(select(columns.invoice_id, columns.connection).where(is_it))).all()
        names = [row.name for row in await listing(engine)]
    ids = {row.invoice_id for row in found if connection in (None, row.connection)}
    if len(ids) > 1:
        listed = ", ".join(sorted(ids))
        raise CommandError(
            f"Several documents have the number {identifier}; name one by its id: {listed}", code=Exit.USAGE
        )
    return (ids.pop() if ids else identifier), [connection] if connection else names


def table(rows: list[DocumentStatus]) -> Table:
    """The list of documents as a person reads it."""
    columns = (
        "connection",
        "id",
        "supplier",
        "invoice",
        "gross",
        "",
        "phase",
        "answered",
        "voucher",
        "changed",
        "reason",
    )
    cells = [
        (
            row.connection,
            row.invoice_id,
            row.supplier_name or row.supplier_code,
            row.invoice_number,
            row.gross,
            row.currency,
            row.phase,
            row.answered,
            row.voucher,
            row.last_change,
            row.reason,
        )
        for row in rows
    ]
    return output.table("", columns, cells)


def summary(status: DocumentStatus) -> Table:
    """One document's state, a line per fact that is known."""
    known = [(name.replace("_", " "), value) for name, value in asdict(status).items() if value is not None]
    return output.table("", ("state", ""), known)


def as_json(shown: Shown, *, payloads: bool = False) -> dict[str, Any]:
    """State and timeline for programs; the payloads as they came only when they are asked for, they can be large."""
    hidden = set() if payloads else set(PAYLOADS)
    clean = Redactor().clean
    timeline = [
        {
            "sequence": recorded.sequence,
            "stored_at": recorded.stored_at,
            "actor": telling.actor(recorded.event),
            **clean(recorded.event.model_dump(mode="json", exclude=hidden, exclude_none=True)),
        }
        for recorded in shown.timeline
    ]
    return {
        "status": shown.status,
        "attachments": attachments_of(shown),
        "timeline": timeline,
        "dead_letters": shown.dead_letters,
    }


def attachments_of(shown: Shown) -> tuple[AttachmentStatus, ...]:
    """What became of the document's attachments."""
    return attachments(each.event for each in shown.timeline)


def attachments_table(shown: Shown) -> Table | None:
    """The same as a person reads it; None when the document has none that anybody knows of."""
    rows = [
        (each.code, each.filename, each.category, each.confidential, each.size, each.stored, each.epicor)
        for each in attachments_of(shown)
    ]
    columns = ("attachment", "file", "category", "confidential", "bytes", "in the store", "in Epicor")
    return output.table("", columns, rows) if rows else None


def payloads(shown: Shown) -> list[dict[str, Any]]:
    """What came from outside, as it came, secrets removed."""
    clean = Redactor().clean
    found = [
        {"sequence": each.sequence, "payload": clean(payload)}
        for each in shown.timeline
        for name in PAYLOADS
        if (payload := getattr(each.event, name, None)) is not None
    ]
    return found


def timeline(shown: Shown) -> Table:
    """Everything that happened, as a person reads it: pushes, facts and dead letters by time."""
    told = [(each.stored_at, telling.actor(each.event), *telling.tell(each.event)) for each in shown.timeline]
    told += [
        (
            each.buried_at,
            each.durable.partition("_")[0],
            "dead letter",
            f"{each.durable} gave up after {each.tries} tries: {each.failure}",
        )
        for each in shown.dead_letters
    ]
    return output.table("", ("when", "who", "what", "details"), sorted(told))
