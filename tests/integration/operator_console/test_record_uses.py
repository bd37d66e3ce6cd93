"""Which invoices use a master record: folded from the stream once each, shown, and the same when it is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply
from mlc_common.ending import surely_ended
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, DocumentOverridden, InvoicePosted
from mlc_common.http import dump_json
from mlc_common.people_events import Change
from mlc_common.projections import position
from mlc_common.tables import record_uses
from mlc_sandbox.samples import approved_invoices
from operator_console.masterdata_command import used
from operator_console.projector import project
from operator_console.rebuilding import Rebuilt
from operator_console.rebuilding_uses import rebuild
from operator_console.record_uses import NAME, Use, catch_up, uses_of
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DOCUMENT = {
    "name": "demo",
    "epicor": {"base_url": "https://erp.example/live"},
    "companies": [
        {
            "basware": "US01",
            "epicor": "NWM",
            "currency": "USD",
            "segments": [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}],
        }
    ],
    "kinds": {"accounts": {}},
}


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


def common(number: int, connection: str = "demo") -> dict[str, Any]:
    return {"connection": connection, "at": NOW + timedelta(days=number), "invoice_id": f"i{number}", "attempt": "a1"}


async def post(log: EventLog, number: int, *, account: str = "6100", connection: str = "demo", text: str = "") -> None:
    """A document with two rows of this account that was entered in Epicor."""
    body = approved_invoices()[0]
    rows = [{**body["codingRows"][0], "accountCode": account, "rowIndex": place} for place in (1, 2)]
    body |= {"invoiceId": f"i{number}", "supplierCode": "10432", "codingRows": rows}
    same = {"company_code": "US01", "supplier_code": "10432", "currency": "USD", "gross": Decimal(10)}
    await log.append(
        DocumentApproved.model_validate(
            {
                **common(number, connection),
                **same,
                "seen_by": "push",
                "status": "WaitingForTransfer",
                "invoice_number": f"INV-{number}",
                "document": text or dump_json(body).decode(),
            }
        )
    )
    await log.append(
        InvoicePosted(
            **common(number, connection),
            connection_version=1,
            company="NWM",
            vendor_num=101,
            vendor_id="10432",
            invoice_num=f"INV-{number}",
            group_id="B1",
            voucher=f"V{number}",
            total=Decimal(10),
            currency="USD",
            lines=2,
        )
    )


async def fold(engine: AsyncEngine, reader: StreamReader) -> None:
    while await catch_up(engine, reader, now=lambda: NOW):
        pass


async def uses(engine: AsyncEngine, kind: str, code: str) -> Use | None:
    async with engine.connect() as db:
        return (await uses_of(db, "demo", kind, code)).get("US01")


async def test_every_posted_invoice_counts_once_for_each_record_that_it_uses(
    engine: AsyncEngine, log: EventLog, reader: StreamReader
) -> None:
    await apply(engine, ConnectionDocument.model_validate(DOCUMENT), by="test", now=NOW)
    await post(log, 1)
    await fold(engine, reader)
    for number in range(2, 60):
        await post(log, number)
    change = Change(place="codingRows[1].accountCode", old="6100", new="6200")
    await log.append(DocumentOverridden(**common(61), by="eva", reason="wrong account", changes=(change,)))
    await post(log, 61)
    await post(log, 62, connection="nobody's")
    await post(log, 63, text="{}")
    await fold(engine, reader)

    vendor, account, other = [
        await uses(engine, *each) for each in (("vendor", "10432"), ("account", "6100"), ("account", "6200"))
    ]
    assert vendor
    assert account
    assert other
    assert (vendor.times, account.times, other.times) == (60, 60, 1)
    assert (vendor.last_invoice_id, vendor.last_number) == ("i61", "INV-61")
    assert used(other) == "Used in one invoice since 2027-01-22, last in INV-61 (document i61) on 2027-01-22."
    assert "60 invoices since 2026-11-23" in used(account)
    assert used(await uses(engine, "account", "9999")) == "No invoice in Epicor has used it."


async def dump(engine: AsyncEngine) -> list[str]:
    """Every row as PostgreSQL writes it, and the position."""
    async with engine.connect() as db:
        rows = await db.scalars(text("SELECT u::text FROM record_uses AS u ORDER BY connection, kind, company, code"))
        return [*rows.all(), str(await position(db, NAME))]


async def test_made_anew_while_invoices_come_in_it_has_the_rows_that_were_folded_live(
    engine: AsyncEngine, log: EventLog, reader: StreamReader
) -> None:
    """Also when the table was lost, when the connection was applied otherwise since, and in the middle of it all."""
    accounts = [str(6100 + number % 7) for number in range(160)]
    await apply(engine, ConnectionDocument.model_validate(DOCUMENT), by="test", now=NOW)
    for number, account in enumerate(accounts[:60]):
        await post(log, number, account=account)
    await fold(engine, reader)
    live = await dump(engine)
    await apply(engine, ConnectionDocument.model_validate(DOCUMENT | {"kinds": {}}), by="test", now=NOW)
    async with engine.begin() as db:
        await db.execute(text("TRUNCATE record_uses, projection_positions"))
    done = await rebuild(engine, reader, now=lambda: NOW)
    assert await dump(engine) == live
    assert done == Rebuilt(60, removed=0, changed=len(live) - 1)
    async with engine.begin() as db:
        await db.execute(text("UPDATE record_uses SET times = 90 WHERE code = '6100'"))
        await db.execute(text("UPDATE record_uses SET code = 'of nobody' WHERE code = '6101'"))
    assert await rebuild(engine, reader, now=lambda: NOW) == Rebuilt(60, removed=1, changed=2)
    assert await dump(engine) == live
    await apply(engine, ConnectionDocument.model_validate(DOCUMENT), by="test", now=NOW)

    async def ingest() -> None:
        for number, account in enumerate(accounts[60:160], start=60):
            await post(log, number, account=account)

    seen, rebuilt = list[int](), 0
    following = asyncio.create_task(project(engine, reader, now=lambda: NOW))
    coming = asyncio.create_task(ingest())
    try:
        while not coming.done():
            await rebuild(engine, reader, now=lambda: NOW)
            rebuilt += 1
            async with engine.connect() as db:
                seen.append(await db.scalar(select(func.count()).select_from(record_uses)) or 0)
        await coming
    finally:
        await surely_ended(following)
    await fold(engine, reader)
    both = await dump(engine)
    async with engine.begin() as db:
        await db.execute(text("TRUNCATE record_uses, projection_positions"))
    await fold(engine, reader)

    assert rebuilt > 3
    assert min(seen) >= len(live) - 1, "readers never see fewer than there were"
    assert await dump(engine) == both
    vendor = await uses(engine, "vendor", "10432")
    assert vendor
    assert vendor.times == 160
