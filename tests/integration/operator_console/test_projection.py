"""The read model of documents on a real stream and database: complete, in step with its position, rebuildable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, InvoicePosted, OutcomeAnswered
from mlc_common.failures import TransientError
from mlc_common.projections import advance, position
from mlc_common.streams import DOCUMENTS, document_subject
from mlc_common.tables import document_status
from operator_console.projector import NAME, catch_up, project
from operator_console.rebuilding import rebuild
from operator_console.stream_reader import StreamReader
from operator_console.view import DocumentStatus

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


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


def approved(number: int, *, text: str = "{}") -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=NOW,
        invoice_id=f"i{number}",
        attempt="a1",
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        invoice_number=f"INV-{number}",
        currency="USD",
        gross=Decimal("10.10"),
        document=text,
    )


def posted(number: int) -> InvoicePosted:
    return InvoicePosted(
        connection="demo",
        at=NOW,
        invoice_id=f"i{number}",
        attempt="a1",
        connection_version=1,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num=f"INV-{number}",
        group_id="B1",
        voucher=f"V{number}",
        total=Decimal("10.10"),
        currency="USD",
        lines=1,
    )


def answered(number: int) -> OutcomeAnswered:
    return OutcomeAnswered(
        connection="demo", at=NOW, invoice_id=f"i{number}", attempt="a1", external_code="x", success=True, message="ok"
    )


async def rows(engine: AsyncEngine) -> list[DocumentStatus]:
    async with engine.connect() as db:
        found = (await db.execute(select(document_status).order_by(document_status.c.invoice_id))).mappings().all()
    return [DocumentStatus.of(row) for row in found]


async def caught_up(engine: AsyncEngine, reader: StreamReader) -> None:
    while await catch_up(engine, reader, now=lambda: NOW):
        pass


async def test_many_documents_are_folded_in_batches_to_their_last_state(
    engine: AsyncEngine, log: EventLog, reader: StreamReader
) -> None:
    for number in range(150):
        await asyncio.gather(*(log.append(event) for event in (approved(number),)))
    await asyncio.gather(*(log.append(posted(number)) for number in range(150)))
    await asyncio.gather(*(log.append(answered(number)) for number in range(0, 150, 2)))

    await caught_up(engine, reader)

    found = await rows(engine)
    assert len(found) == 150
    assert {status.phase for status in found} == {"posted"}
    assert sum(status.answered for status in found) == 75
    assert {status.gross for status in found} == {Decimal("10.10")}
    async with engine.connect() as db:
        assert await position(db, NAME) == 375


async def test_dropped_and_rebuilt_it_comes_out_the_same(
    engine: AsyncEngine, log: EventLog, reader: StreamReader
) -> None:
    for event in (approved(1), approved(2), posted(1), answered(1)):
        await log.append(event)
    await caught_up(engine, reader)
    before = await rows(engine)

    async with engine.begin() as db:
        await db.execute(delete(document_status))
    await rebuild(engine, reader, now=lambda: NOW)

    assert await rows(engine) == before


async def test_a_document_under_claim_check_is_seen_too(
    engine: AsyncEngine, log: EventLog, reader: StreamReader
) -> None:
    await log.append(approved(1, text="x" * 700_000))

    await caught_up(engine, reader)

    assert [status.invoice_number for status in await rows(engine)] == ["INV-1"]


async def test_a_message_this_version_does_not_know_does_not_stop_the_rest(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    await client.jetstream().publish(document_subject("demo", "i9", "invented", "a1"), b'{"type": "from_the_future"}')
    await log.append(approved(1))

    await caught_up(engine, reader)

    assert [status.invoice_id for status in await rows(engine)] == ["i1"]


async def test_rows_and_position_are_kept_together_or_not_at_all(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await advance(db, NAME, stream=DOCUMENTS, since=0, to=10, now=NOW)
    with pytest.raises(TransientError):
        async with engine.begin() as db:
            await advance(db, NAME, stream=DOCUMENTS, since=5, to=11, now=NOW)
    with pytest.raises(TransientError):
        async with engine.begin() as db:
            await advance(db, NAME, stream=DOCUMENTS, since=0, to=11, now=NOW)
    async with engine.connect() as db:
        assert await position(db, NAME) == 10


async def test_two_projectors_take_turns_and_lose_nothing(
    engine: AsyncEngine, log: EventLog, reader: StreamReader
) -> None:
    loops = [asyncio.create_task(project(engine, reader, now=lambda: NOW)) for _ in range(2)]
    try:
        for number in range(20):
            await log.append(approved(number))
        async with asyncio.timeout(15):
            while len(await rows(engine)) < 20:
                await asyncio.sleep(0.05)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    assert len(await rows(engine)) == 20
