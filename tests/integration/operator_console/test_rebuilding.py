"""The read model of documents made anew is the same to the byte, while facts come in and readers read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.catalogue import finding
from mlc_common.database import make_engine
from mlc_common.ending import surely_ended
from mlc_common.eventlog import EventLog, headers_of
from mlc_common.events import (
    DocumentApproved,
    DocumentHeld,
    DocumentReleased,
    Event,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
)
from mlc_common.migrations import migrate
from mlc_common.projections import position
from mlc_common.settings import Settings
from mlc_common.tables import document_status, projection_positions
from operator_console import projection_commands, rebuilding
from operator_console.exits import CommandError, Exit
from operator_console.projector import NAME, STUCK, catch_up, project
from operator_console.rebuilding import Rebuilt, rebuild
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
DOCUMENTS = 40


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest.fixture
def log(client: Client) -> EventLog:
    return EventLog(client, timeout=5)


@pytest.fixture
def reader(client: Client, log: EventLog) -> StreamReader:
    return StreamReader(client, log, timeout=5)


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    return Settings(nats_url=topology, database_url=SecretStr(database_url))


@pytest_asyncio.fixture
async def empty(empty_database_url: str) -> AsyncIterator[AsyncEngine]:
    """Another database, with tables and nothing in them."""
    made = make_engine(empty_database_url)
    await migrate(made)
    yield made
    await made.dispose()


def facts_of(number: int, chance: random.Random) -> list[Event]:
    """The life of a document, as it may go."""
    common: dict[str, Any] = {"connection": "demo", "at": NOW, "invoice_id": f"i{number}", "attempt": "a1"}
    life: list[Event] = [
        DocumentApproved(
            **common, seen_by="push", status="WaitingForTransfer", company_code="US01", supplier_code="10432",
            invoice_number=f"INV-{number}", currency="USD", document="{}", orders=("4711",),
        )
    ]  # fmt: skip
    if chance.random() < 0.5:
        life += [DocumentHeld(**common, by="mia", reason="why"), DocumentReleased(**common, by="mia", reason="so")]
    refusal = InvoiceRefused(**common, connection_version=1, findings=(finding("SUPERSEDED"),))
    posting = InvoicePosted(
        **common, connection_version=1, company="NWM", vendor_num=101, vendor_id="10432", invoice_num=f"INV-{number}",
        group_id="B1", voucher=f"V{number}", total="10.10", currency="USD", lines=1,
    )  # fmt: skip
    life.append(posting if chance.random() < 0.6 else refusal)
    if chance.random() < 0.6:
        life.append(OutcomeAnswered(**common, external_code="x", success=True, message="told"))
    return life[: chance.randint(1, len(life))]


async def bury(client: Client, event: Event, number: int) -> None:
    headers = headers_of(event) | {
        "Nats-Msg-Id": f"dead/{number}", "Durable": "epicor-writer_demo", "Failure": "A bug.", "Stream": "DOCUMENTS",
        "Buried-At": datetime.now(UTC).isoformat(), "Sequence": "1", "Tries": "1",
    }  # fmt: skip
    headers.pop("Nats-Expected-Last-Subject-Sequence", None)
    await client.jetstream().publish("deadletters.epicor-writer_demo", event.to_json(), headers=headers)


async def live(client: Client, log: EventLog, *, seed: int) -> AsyncIterator[None]:
    """Lives of many documents, one step after another, mixed; now and then a message is buried."""
    chance = random.Random(seed)
    lives = [facts_of(number, chance) for number in range(DOCUMENTS)]
    number = 0
    while lives := [each for each in lives if each]:
        life = chance.choice(lives)
        event = life.pop(0)
        await log.append(event)
        if chance.random() < 0.3:
            await bury(client, event, number := number + 1)
        yield


async def dump(engine: AsyncEngine) -> list[str]:
    """Every row as PostgreSQL writes it, and the positions."""
    async with engine.connect() as db:
        rows = await db.scalars(text("SELECT d::text FROM document_status AS d ORDER BY connection, invoice_id"))
        places = [f"{name} {await position(db, name)}" for name in (NAME, STUCK)]
        return [*rows.all(), *places]


async def test_from_an_empty_database_it_gives_the_same_rows_to_the_byte(
    engine: AsyncEngine, empty: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    async for _ in live(client, log, seed=7):
        await catch_up(engine, reader, now=lambda: NOW)
    while await catch_up(engine, reader, now=lambda: NOW):
        pass

    done = await rebuild(empty, reader, now=lambda: NOW)

    rows = await dump(engine)
    assert await dump(empty) == rows
    assert (len(rows), done.removed, done.changed) == (DOCUMENTS + 2, 0, DOCUMENTS)
    assert sum(",stuck," in row for row in rows) > 3
    async with engine.connect() as db:
        assert await db.scalar(select(func.count()).select_from(projection_positions)) == 2
    messages = done.messages
    assert await rebuild(engine, reader, now=lambda: NOW) == Rebuilt(messages, removed=0, changed=0)


async def test_what_is_wrong_is_put_right_and_nothing_else_is_touched(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    async for _ in live(client, log, seed=8):
        pass
    await rebuild(engine, reader, now=lambda: NOW)
    right = await dump(engine)
    async with engine.begin() as db:
        await db.execute(text("UPDATE document_status SET phase = 'noticed' WHERE invoice_id IN ('i1', 'i2')"))
        await db.execute(text("DELETE FROM document_status WHERE invoice_id = 'i3'"))
        await db.execute(text("UPDATE document_status SET invoice_id = 'of nobody' WHERE invoice_id = 'i4'"))

    done = await rebuild(engine, reader, now=lambda: NOW)

    assert (done.removed, done.changed) == (1, 4)
    assert await dump(engine) == right


async def test_readers_see_every_row_all_the_time_and_nothing_that_comes_in_is_lost(
    engine: AsyncEngine, empty: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    async for _ in live(client, log, seed=9):
        pass
    await rebuild(engine, reader, now=lambda: NOW)
    async with engine.begin() as db:
        await db.execute(text("UPDATE document_status SET phase = 'noticed'"))
    seen = set[int]()

    async def look() -> None:
        while True:
            async with engine.connect() as db:
                seen.add(int(await db.scalar(select(func.count()).select_from(document_status)) or 0))
            await asyncio.sleep(0)

    async def ingest() -> None:
        for number in range(DOCUMENTS, 2 * DOCUMENTS):
            for event in facts_of(number, random.Random(number)):
                await log.append(event)

    tasks = [asyncio.create_task(each) for each in (look(), project(engine, reader, now=lambda: NOW))]
    try:
        coming = asyncio.create_task(ingest())
        while not coming.done():
            await rebuild(engine, reader, now=lambda: NOW)
        await coming
        await rebuild(empty, reader, now=lambda: NOW)
        async with asyncio.timeout(20):
            while await dump(engine) != await dump(empty):
                await asyncio.sleep(0.1)
    finally:
        await surely_ended(*tasks)

    assert min(seen) >= DOCUMENTS


async def test_a_rebuild_that_is_cut_off_changes_nothing_and_the_next_one_is_not_in_its_way(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    async for _ in live(client, log, seed=10):
        await catch_up(engine, reader, now=lambda: NOW)
    while await catch_up(engine, reader, now=lambda: NOW):
        pass
    before = await dump(engine)
    begun = asyncio.Event()
    cut = asyncio.create_task(
        rebuilding.rebuild(engine, reader, now=lambda: NOW, progress=lambda _messages: begun.set())
    )
    await begun.wait()
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut

    assert await dump(engine) == before
    assert (await rebuild(engine, reader, now=lambda: NOW)).changed == 0


async def test_the_command_names_what_there_is_and_has_the_watch_lists_folded_again(
    settings: Settings, engine: AsyncEngine, log: EventLog
) -> None:
    for event in facts_of(1, random.Random(1)):
        await log.append(event)
    async with engine.begin() as db:
        place = {"name": "invoice-payments demo", "stream": "DOCUMENTS", "position": 1, "updated_at": NOW}
        await db.execute(projection_positions.insert(), place)
    told = list[int]()

    async def made(name: str | None) -> dict[str, projection_commands.Done]:
        anew = projection_commands.made_anew(settings, name, patience=1, progress=told.append)
        return {each.name: each async for each in anew}

    before = {each.name: each for each in await projection_commands.listing(settings)}
    done = await made(None)
    after = {each.name: each for each in await projection_commands.listing(settings)}

    assert before[NAME].behind == told[0]
    assert set(before) == {NAME, STUCK, "record-uses", "invoice-payments demo", "masterdata-records"}
    assert list(done) == [NAME, "record-uses", "invoice-payments", "masterdata-records"]
    assert done[NAME].figures is not None
    assert done["invoice-payments"].sentence.startswith("masterdata-sync makes 1 watch lists anew")
    assert done["masterdata-records"].figures == Rebuilt(0, 0, 0), "no connection, no records"
    assert (after[NAME].rows, after[NAME].behind) == (1, 0)
    assert set(after) == {NAME, STUCK, "record-uses", "masterdata-records"}
    with pytest.raises(CommandError, match="There is no projection nope; there are document-status, ") as caught:
        await made("nope")
    assert caught.value.code == Exit.USAGE
