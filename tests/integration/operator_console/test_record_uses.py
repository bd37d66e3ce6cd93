"""Which invoices use a master record: folded from the stream once each, shown, and the same when it is made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, DocumentOverridden, InvoicePosted
from mlc_common.http import dump_json
from mlc_common.people_events import Change
from mlc_sandbox.samples import approved_invoices
from operator_console.masterdata_command import used
from operator_console.record_uses import Use, begin_anew, catch_up, uses_of
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

    async with engine.begin() as db:
        await begin_anew(db)
    assert await uses(engine, "vendor", "10432") is None
    await fold(engine, reader)
    assert await uses(engine, "vendor", "10432") == vendor
