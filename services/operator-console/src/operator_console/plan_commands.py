"""`ml-connector plan`: what documents would become, offline; and what a changed mapping would change of history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_basware.overrides import overridden
from mlc_common.connection import ConnectionDocument
from mlc_common.ending import surely_ended
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
from operator_console.planned import Asked, Planned
from operator_console.planner import Planner, planner
from operator_console.reach import broker, database
from operator_console.selecting import Selection, selected

AT_ONCE = 50
"""Histories that are read at once, and documents planned in one go."""

THEN, NOW = "then", "now"

Key = tuple[str, str]
"""Connection and id of a document."""

Question = tuple[Asked, dict[str, str]]
"""What is asked about a document, and by which connection documents, by label."""


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
    at = datetime.now(UTC)  # the edge: a person asks now
    asked = [
        Asked(
            connection,
            str(each.get("invoiceId", file.name)),
            each.get("invoiceNumber"),
            dump_json(each).decode(),
            at,
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
    async with planning(settings, mapping=mapping, online=online) as plans, database(settings) as engine:
        only = mapping.name if mapping else None
        batches = _batches(settings, engine, selection, last=last, only=only)
        async for planned in plans.of(batches):
            yield planned


class Planning:
    """Plans recorded documents through one planning process; the next histories are read while it works."""

    def __init__(
        self, log: EventLog, program: Planner, versions: _Versions, mapping: ConnectionDocument | None, *, online: bool
    ) -> None:
        self._log = log
        self._program = program
        self._versions = versions
        self._mapping = mapping
        self._online = online

    async def of(self, batches: AsyncIterator[list[Key]]) -> AsyncIterator[Planned]:
        """What these documents become, in their order; what was never approved is left out.

        Raises:
            TransientError: the broker is away.
            CommandError: the planning program ended.
        """
        ahead = asyncio.create_task(self._next(batches))
        try:
            while (questions := await ahead) is not None:
                ahead = asyncio.create_task(self._next(batches))
                for planned in await _plan(self._program, questions, online=self._online):
                    yield planned
        finally:
            await surely_ended(ahead)

    async def _next(self, batches: AsyncIterator[list[Key]]) -> list[Question] | None:
        batch = await anext(batches, None)
        if batch is None:
            return None
        asked = [each for each in await asyncio.gather(*(_asked(self._log, *key) for key in batch)) if each is not None]
        return [(each, await self._versions.labels(each, self._mapping)) for each in asked]


@asynccontextmanager
async def planning(
    settings: Settings, *, mapping: ConnectionDocument | None = None, online: bool = False
) -> AsyncIterator[Planning]:
    """Broker, database and a planning process while inside.

    Raises:
        CommandError: one of them is not there.
    """
    async with database(settings) as engine, broker(settings) as client, planner(settings) as program:
        log = EventLog(client, timeout=settings.timings.publish)
        yield Planning(log, program, _Versions(engine, program), mapping, online=online)


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
) -> AsyncIterator[list[Key]]:
    """Connection and id of the documents, some at a time."""
    sought = selection.sought if only is None else replace(selection.sought, connection=only)
    if last is not None:
        found = await rows(settings, sought, limit=last)
        keys = [(each.connection, each.invoice_id) for each in found]
        for start in range(0, len(keys), AT_ONCE):
            yield keys[start : start + AT_ONCE]
        return
    batch: list[Key] = []
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
        at=event.at,
        version=_version(mine),
        vendor_num=intents[-1].vendor_num if intents else None,
        orders=intents[-1].model_dump(mode="json").get("orders") if intents else None,
    )


def _version(facts: Sequence[Event]) -> int | None:
    versions = [
        each.connection_version for each in facts if isinstance(each, PostingIntended | InvoicePosted | InvoiceRefused)
    ]
    return versions[-1] if versions else None


async def _plan(program: Planner, questions: Sequence[Question], *, online: bool) -> list[Planned]:
    answers = await program.plans(
        {
            "id": asked.invoice_id,
            "document": asked.document,
            "at": asked.at.isoformat(),
            "vendor_num": asked.vendor_num,
            "orders": asked.orders,
            "by": labels,
            "online": asked.connection if online else None,
        }
        for asked, labels in questions
    )
    return [_planned(asked, labels, answer) for (asked, labels), answer in zip(questions, answers, strict=True)]


def _planned(asked: Asked, labels: Mapping[str, str], answer: Mapping[str, Any]) -> Planned:
    if answer["unreadable"] is not None:
        return Planned(asked, {}, posts=False, unreadable=answer["unreadable"])
    plans = answer["plans"]
    now, then = (_told(plans, label) for label in (NOW, THEN))
    if now is None:
        raise CommandError("The planning program answered another question.", code=Exit.PROBLEM)
    return Planned(
        asked,
        now["lines"],
        posts=now["posts"],
        then=None if then is None else then["lines"],
        posted_then=bool(then and then["posts"]),
        version=_number(labels[NOW]),
    )


def _told(plans: Mapping[str, Any], label: str) -> Mapping[str, Any] | None:
    """The plan of a label, which may be that of another one."""
    told: Mapping[str, Any] | None = plans.get(label)
    return plans[told["same"]] if told is not None and "same" in told else told


def _number(label: str) -> int | None:
    """The version that a label names; a file and a rehearsed mapping have none."""
    number = label.rpartition(" ")[2]
    return int(number) if number.isdigit() else None


def mapping_of(file: Path) -> ConnectionDocument:
    """The connection document of a file.

    Raises:
        CommandError: it is none; every mistake is located.
    """
    return connection_file.parse(read_file(file), name=str(file))
