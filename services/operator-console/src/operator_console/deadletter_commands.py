"""`ml-connector deadletters`: browse what nobody could handle, see one with all that is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.aio.client import Client
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.direct_get import following
from mlc_common.eventlog import EventLog
from mlc_common.events import Event
from mlc_common.http import load_json
from mlc_common.settings import Settings
from mlc_common.streams import DEADLETTERS
from mlc_common.tables import document_status
from mlc_common.telemetry import Redactor
from operator_console.connection_commands import existing
from operator_console.dead_letters import BATCH, DeadLetter, dead_letter
from operator_console.exits import CommandError, Exit
from operator_console.letter_history import Found, found
from operator_console.letter_standing import Standing, standing
from operator_console.reach import broker, database
from operator_console.stream_reader import Read, StreamReader
from operator_console.view import DocumentStatus

AT_ONCE = 50
"""Histories that are read at once."""

FROM_OUTSIDE = ("document", "body", "record")
"""Members of events that hold JSON text as it came."""

Key = tuple[str | None, str | None]


LARGEST = 2**63 - 1
"""Of what a sequence may be."""


@dataclass(frozen=True)
class Filter:
    """Which dead letters; all of these must hold. `durable` is one with or without its connection."""

    durable: str | None = None
    connection: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unresolved: bool = False

    def takes(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant, whatever became of it."""
        return (
            self.durable in (None, letter.durable, letter.service_durable)
            and self.connection in (None, letter.connection)
            and (self.since is None or letter.buried_at >= self.since)
            and (self.until is None or letter.buried_at < self.until)
        )


@dataclass(frozen=True)
class Browsed:
    """A dead letter, what it holds, where it stands, and where its document does."""

    letter: DeadLetter
    event: Event | None
    standing: Standing
    status: DocumentStatus | None

    @property
    def resolved(self) -> bool:
        """Whether its document, record or request got further since."""
        return self.standing.further is not None


@dataclass(frozen=True)
class Shown:
    """One dead letter with its payload, secrets removed."""

    browsed: Browsed
    payload: Any


async def listing(settings: Settings, wanted: Filter) -> list[Browsed]:
    """The dead letters that are wanted, oldest first.

    Raises:
        CommandError: there are none, not even the connection.
    """
    listed: list[Browsed] = []
    async with database(settings) as engine, broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        reader = StreamReader(client, log, timeout=settings.timings.publish)
        after = 0
        while batch := await reader.after(DEADLETTERS, after, most=BATCH):
            after = batch[-1].sequence
            meant = [each for each in batch if wanted.takes(dead_letter(each))]
            browsed = await _browsed(engine, log, meant)
            listed += [each for each in browsed if not (wanted.unresolved and each.resolved)]
        if not listed and wanted.connection is not None:
            await existing(engine, wanted.connection)
    return listed


async def numbered(settings: Settings, numbers: Sequence[int]) -> list[Browsed]:
    """The dead letters of these numbers, in their order.

    Raises:
        CommandError: there is none of a number.
    """
    async with database(settings) as engine, broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        reader = StreamReader(client, log, timeout=settings.timings.publish)
        return await _browsed(engine, log, [await _read(reader, each) for each in numbers])


async def shown(settings: Settings, number: int) -> Shown:
    """One dead letter with everything that is known of it.

    Raises:
        CommandError: there is none of that number.
    """
    (browsed,) = await numbered(settings, (number,))
    if browsed.event is not None:
        payload: Any = _opened(browsed.event.model_dump(mode="json", exclude_none=True))
    else:
        async with broker(settings) as client:
            payload = await _raw(client, number, timeout=settings.timings.publish)
    return Shown(browsed, Redactor().clean(payload))


def _opened(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with what came from outside as values, so that secrets are found by their names."""
    return {name: _value(each) if name in FROM_OUTSIDE else each for name, each in payload.items()}


def _value(text: str) -> Any:
    """JSON where it is some, else the text itself."""
    try:
        return load_json(text)
    except ValueError:
        return text


async def _read(reader: StreamReader, number: int) -> Read:
    batch = await reader.after(DEADLETTERS, number - 1, most=1) if 0 < number <= LARGEST else []
    if not batch or batch[0].sequence != number:
        raise CommandError(f"There is no dead letter {number}.", code=Exit.USAGE)
    return batch[0]


async def _raw(client: Client, number: int, *, timeout: float) -> Any:
    """What no version understands, as it came: JSON where it is some."""
    (message,) = await following(client, DEADLETTERS, number - 1, subject=">", most=1, timeout=timeout)
    return _value(message.data.decode(errors="replace"))


async def _browsed(engine: AsyncEngine, log: EventLog, reads: Sequence[Read]) -> list[Browsed]:
    letters = [(dead_letter(each), each.event) for each in reads]
    statuses = await _statuses(engine, {(letter.connection, letter.document) for letter, _ in letters})
    holds: list[Found] = []
    for start in range(0, len(letters), AT_ONCE):
        some = letters[start : start + AT_ONCE]
        holds += await asyncio.gather(*(found(log, letter, event) for letter, event in some))
    return [
        Browsed(letter, held.event, standing(letter, held.event, held.history, status, gone=held.gone), status)
        for (letter, _), held in zip(letters, holds, strict=True)
        for status in (statuses.get((letter.connection, letter.document)),)
    ]


async def _statuses(engine: AsyncEngine, keys: set[Key]) -> Mapping[Key, DocumentStatus]:
    columns = document_status.c
    known = [(connection, document) for connection, document in keys if connection and document]
    query = select(document_status).where(tuple_(columns.connection, columns.invoice_id).in_(known))
    async with engine.connect() as db:
        rows = (await db.execute(query)).mappings().all() if known else []
    return {(row["connection"], row["invoice_id"]): DocumentStatus.of(row) for row in rows}
