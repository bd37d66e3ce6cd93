"""`ml-connector plan`: what documents would become, offline; and what a changed mapping would change of history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_basware.overrides import overridden
from mlc_common.connection import ConnectionDocument
from mlc_common.eventlog import EventLog
from mlc_common.events import (
    DocumentApproved,
    DocumentOverridden,
    Event,
    InvoicePosted,
    InvoiceRefused,
    PostingIntended,
)
from mlc_common.http import dump_json, load_json
from mlc_common.settings import Settings
from operator_console import connection_file
from operator_console.connection_commands import existing, read_file
from operator_console.document_commands import rows
from operator_console.exits import CommandError, Exit
from operator_console.planner import Planner, planner
from operator_console.reach import broker, database
from operator_console.replay_commands import Selection, selected

AT_ONCE = 50
"""Histories that are read at once, and documents planned in one go."""

THEN, NOW = "then", "now"


@dataclass(frozen=True)
class Asked:
    """A recorded document that is to be planned; `version` is the mapping version that it was last handled with."""

    connection: str
    invoice_id: str
    number: str | None
    document: str
    today: date
    version: int | None = None
    vendor_num: int | None = None
    orders: Any = None


@dataclass(frozen=True)
class Planned:
    """What a document becomes, then and now; without `then` there is nothing to compare with.

    `unreadable` says why it cannot be planned at all.
    """

    asked: Asked
    now: Mapping[str, str]
    posts: bool
    then: Mapping[str, str] | None = None
    posted_then: bool = False
    unreadable: str | None = None

    @property
    def change(self) -> str:
        """In one word: unchanged, changed, newly refused, newly posted, unreadable; planned without a comparison."""
        if self.unreadable is not None:
            return "unreadable"
        if self.then is None:
            return "planned"
        if self.posts != self.posted_then:
            return "newly posted" if self.posts else "newly refused"
        return "unchanged" if self.now == self.then else "changed"

    @property
    def difference(self) -> tuple[str, ...]:
        """Each line that differs, as `line: then -> now`."""
        then, now = self.then or {}, self.now
        keys = [*then, *(key for key in now if key not in then)]
        return tuple(
            f"{key}: {then.get(key, '(nothing)')} -> {now.get(key, '(nothing)')}"
            for key in keys
            if then.get(key) != now.get(key)
        )


async def of_file(settings: Settings, file: Path, *, connection: str, online: bool = False) -> AsyncIterator[Planned]:
    """Plan the document of a file: as Basware gives it, alone or in its wrapper.

    Raises:
        CommandError: the file cannot be read or holds no document, or there is no such connection.
    """
    try:
        value = load_json(read_file(file))
    except ValueError:
        raise CommandError(f"{file} holds no JSON.", code=Exit.USAGE) from None
    documents = value.get("accountingDocuments", [value]) if isinstance(value, dict) else value
    if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents):
        raise CommandError(f"{file} holds no accounting document.", code=Exit.USAGE)
    today = datetime.now(UTC).date()  # the edge: a person asks now
    asked = [
        Asked(
            connection,
            str(each.get("invoiceId", file.name)),
            each.get("invoiceNumber"),
            dump_json(each).decode(),
            today,
        )
        for each in documents
    ]
    async with database(settings) as engine, planner(settings) as program:
        stored = await existing(engine, connection)
        program.learn(NOW, stored.document)
        for planned in await _plan(program, [(each, {NOW: NOW}) for each in asked], online=online):
            yield planned


async def of_recorded(
    settings: Settings,
    selection: Selection,
    *,
    last: int | None = None,
    mapping: ConnectionDocument | None = None,
    online: bool = False,
) -> AsyncIterator[Planned]:
    """Plan recorded documents anew: by the version they were handled with, and by the current one.

    Args:
        last: only so many, the last changed first.
        mapping: a connection document that is rehearsed instead: what history becomes by the current one, and by it.
        online: ask Epicor too, reading only; a rehearsal cannot.
    """
    if online and mapping is not None:
        raise CommandError("A mapping is rehearsed offline: leave out --online.", code=Exit.USAGE)
    async with database(settings) as engine, broker(settings) as client, planner(settings) as program:
        log = EventLog(client, timeout=settings.timings.publish)
        versions = _Versions(engine, program)
        async for batch in _batches(settings, engine, selection, last=last, only=mapping.name if mapping else None):
            asked = [each for each in await asyncio.gather(*(_asked(log, *each) for each in batch)) if each is not None]
            questions = [(each, await versions.labels(each, mapping)) for each in asked]
            for planned in await _plan(program, questions, online=online):
                yield planned


async def cells_then(
    log: EventLog, engine: AsyncEngine, program: Planner, connection: str, ids: Sequence[str]
) -> dict[str, Mapping[str, str]]:
    """What these documents became by the mapping that they were posted with, as cells, where that can be told."""
    versions, found = _Versions(engine, program), dict[str, Mapping[str, str]]()
    for start in range(0, len(ids), AT_ONCE):
        some = await asyncio.gather(*(_asked(log, connection, each) for each in ids[start : start + AT_ONCE]))
        asked = [each for each in some if each is not None and each.version is not None]
        for planned in await _plan(
            program, [(each, await versions.labels(each, None)) for each in asked], online=False
        ):
            if planned.then is not None and planned.posted_then:
                found[planned.asked.invoice_id] = planned.then
    return found


class _Versions:
    """Tells the planning program the connection documents that it plans by, each once."""

    def __init__(self, engine: AsyncEngine, program: Planner) -> None:
        self._engine = engine
        self._program = program
        self._current: dict[str, int] = {}

    async def labels(self, asked: Asked, mapping: ConnectionDocument | None) -> dict[str, str]:
        """By which connection documents it is planned."""
        current = await self._learn(asked.connection, None)
        if mapping is not None:
            if not self._program.knows("mapping"):
                self._program.learn("mapping", mapping)
            return {THEN: current, NOW: "mapping"}
        if asked.version is None:
            return {NOW: current}
        return {THEN: await self._learn(asked.connection, asked.version), NOW: current}

    async def _learn(self, connection: str, version: int | None) -> str:
        number = self._current.get(connection) if version is None else version
        name = f"{connection} {number}"
        if number is None or not self._program.knows(name):
            stored = await existing(self._engine, connection, number)
            name = f"{connection} {stored.version}"
            if version is None:
                self._current[connection] = stored.version
            if not self._program.knows(name):
                self._program.learn(name, stored.document)
        return name


async def _batches(
    settings: Settings, engine: AsyncEngine, selection: Selection, *, last: int | None, only: str | None
) -> AsyncIterator[list[tuple[str, str]]]:
    """Connection and id of the documents, some at a time."""
    sought = selection.sought if only is None else replace(selection.sought, connection=only)
    if last is not None:
        found = await rows(settings, sought, limit=last)
        keys = [(each.connection, each.invoice_id) for each in found]
        for start in range(0, len(keys), AT_ONCE):
            yield keys[start : start + AT_ONCE]
        return
    batch: list[tuple[str, str]] = []
    async for status in selected(engine, replace(selection, sought=sought)):
        batch.append((status.connection, status.invoice_id))
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


async def _asked(log: EventLog, connection: str, invoice_id: str) -> Asked | None:
    history = [recorded.event for recorded in await log.history(connection, invoice_id)]
    approved = [each for each in history if isinstance(each, DocumentApproved)]
    if not approved:
        return None
    event = approved[-1]
    mine = [each for each in history if getattr(each, "attempt", None) == event.attempt]
    overrides = [each for each in mine if isinstance(each, DocumentOverridden)]
    intents = [each for each in mine if isinstance(each, PostingIntended)]
    return Asked(
        connection=connection,
        invoice_id=invoice_id,
        number=event.invoice_number,
        document=overridden(event.document, overrides[-1].changes) if overrides else event.document,
        today=event.at.date(),
        version=_version(mine),
        vendor_num=intents[-1].vendor_num if intents else None,
        orders=intents[-1].model_dump(mode="json").get("orders") if intents else None,
    )


def _version(facts: Sequence[Event]) -> int | None:
    versions = [
        each.connection_version for each in facts if isinstance(each, PostingIntended | InvoicePosted | InvoiceRefused)
    ]
    return versions[-1] if versions else None


async def _plan(program: Planner, questions: Sequence[tuple[Asked, dict[str, str]]], *, online: bool) -> list[Planned]:
    answers = await program.plans(
        {
            "id": asked.invoice_id,
            "document": asked.document,
            "today": asked.today.isoformat(),
            "vendor_num": asked.vendor_num,
            "orders": asked.orders,
            "by": labels,
            "online": asked.connection if online else None,
        }
        for asked, labels in questions
    )
    return [_planned(asked, answer) for (asked, _), answer in zip(questions, answers, strict=True)]


def _planned(asked: Asked, answer: Mapping[str, Any]) -> Planned:
    if answer["unreadable"] is not None:
        return Planned(asked, {}, posts=False, unreadable=answer["unreadable"])
    now, then = answer["plans"][NOW], answer["plans"].get(THEN)
    return Planned(
        asked,
        now["lines"],
        posts=now["posts"],
        then=None if then is None else then["lines"],
        posted_then=bool(then and then["posts"]),
    )


def mapping_of(file: Path) -> ConnectionDocument:
    """The connection document of a file.

    Raises:
        CommandError: it is none; every mistake is located.
    """
    return connection_file.parse(read_file(file), name=str(file))
