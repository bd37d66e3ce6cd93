"""Documents are found by what people know of them, and shown as they were at any time, byte for byte."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused, OutcomeAnswered, RecordSent
from mlc_common.settings import Settings
from operator_console import document_commands, output, record_evidence
from operator_console.exits import CommandError, Exit
from operator_console.projector import catch_up
from operator_console.searching import Sought
from operator_console.stream_reader import StreamReader
from operator_console.view import Phase

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest.fixture
def log(client: Client) -> EventLog:
    return EventLog(client, timeout=5)


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    return Settings(nats_url=topology, database_url=SecretStr(database_url))


def common(number: int) -> dict[str, Any]:
    at = NOW + timedelta(minutes=number)
    return {"connection": "demo", "at": at, "invoice_id": f"i{number}", "attempt": f"batch-{number}"}


def approved(number: int, **more: Any) -> DocumentApproved:
    given: dict[str, Any] = {
        "seen_by": "push", "status": "WaitingForTransfer", "company_code": "US01", "supplier_code": f"1043{number}",
        "invoice_number": f"Inv_{number}", "currency": "USD", "gross": Decimal(f"{number}0.10"),
        "document": json.dumps({"invoiceId": f"i{number}", "note": "Bearer abcdef123456"}), "batch": f"batch-{number}",
        "orders": (f"450{number}", "shared"),
    }  # fmt: skip
    return DocumentApproved(**common(number), **given | more)


def posted(number: int) -> InvoicePosted:
    where = {"company": "NWM", "vendor_num": 1, "vendor_id": "1", "invoice_num": "x", "group_id": f"B26112{number}"}
    amounts = {"total": Decimal(1), "currency": "USD", "lines": 1}
    return InvoicePosted(**common(number), **where, **amounts, connection_version=1, voucher=f"V-{number}")


@pytest_asyncio.fixture
async def known(log: EventLog, client: Client, engine: AsyncEngine) -> None:
    """Three documents: one approved, one posted, one refused."""
    for number in (1, 2, 3):
        await log.append(approved(number))
    await log.append(posted(2))
    refusal = finding("UNKNOWN_VENDOR", vendor="10433", company="NWM")
    await log.append(InvoiceRefused(**common(3), connection_version=1, findings=(refusal,)))
    reader = StreamReader(client, log, timeout=5)
    while await catch_up(engine, reader, now=lambda: NOW):
        pass


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought(number="inv_2"), ["i2"]),
        (Sought(number="INV_*"), ["i3", "i2", "i1"]),
        (Sought(number="inv%*"), []),
        (Sought(supplier="10431"), ["i1"]),
        (Sought(amount=Decimal("30.1")), ["i3"]),
        (Sought(order="4502"), ["i2"]),
        (Sought(order="shared"), ["i3", "i2", "i1"]),
        (Sought(batch="batch-1"), ["i1"]),
        (Sought(voucher="V-2"), ["i2"]),
        (Sought(voucher="B261122"), ["i2"]),
        (Sought(phase=Phase.REFUSED), ["i3"]),
        (Sought(reason="UNKNOWN_VENDOR"), ["i3"]),
        (Sought(since=NOW + timedelta(minutes=2)), ["i3", "i2"]),
        (Sought(until=NOW + timedelta(minutes=2)), ["i1"]),
        (Sought(order="shared", phase=Phase.POSTED), ["i2"]),
        (Sought(connection="demo", number="inv_3"), ["i3"]),
    ],
)
async def test_a_document_is_found_by_what_people_know_of_it(
    settings: Settings, sought: Sought, found: list[str]
) -> None:
    rows = await document_commands.rows(settings, sought, limit=10)

    assert [row.invoice_id for row in rows] == found


async def test_a_document_is_shown_as_it_was_byte_for_byte(
    settings: Settings, log: EventLog, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    async def printed(at: datetime | None = None) -> str:
        shown = await document_commands.shown(settings, "i1", connection="demo", at=at)
        output.show_json(document_commands.as_json(shown, payloads=True))
        return capsys.readouterr().out

    outcome = InvoicePosted.model_validate(posted(2).model_dump() | {"invoice_id": "i1", "attempt": "batch-1"})
    await log.append(approved(1))
    was, then = await printed(), datetime.now(UTC)
    await log.append(outcome)
    between, later = await printed(), datetime.now(UTC)
    told = {"external_code": "x", "success": True, "message": "Posted"}
    await log.append(OutcomeAnswered(**common(1), **told))

    assert await printed(then) == was
    assert await printed(later) == between
    assert len({was, between, await printed()}) == 3
    assert "abcdef123456" not in was
    assert "[hidden]" in was
    with pytest.raises(CommandError, match="Nothing was known of i1 at that time") as caught:
        await printed(then - timedelta(hours=1))
    assert caught.value.code == Exit.USAGE


async def test_a_refusal_is_explained_with_the_history_of_the_codes_it_names(
    settings: Settings, log: EventLog, client: Client, engine: AsyncEngine
) -> None:
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    document = ConnectionDocument.model_validate(
        {"name": "demo", "epicor": {"base_url": "https://erp.example/live"}, "companies": [company]}
    )
    await apply(engine, document, by="test", now=NOW)
    body = {"invoiceId": "i3", "processingStatus": "WaitingForTransfer", "companyCode": "US01", "currencyCode": "USD"}
    text = json.dumps(body | {"supplierCode": "10433", "paymentBlock": False})
    await log.append(approved(3, document=text))
    refusal = finding("UNKNOWN_VENDOR", vendor="10433", company="NWM")
    await log.append(InvoiceRefused(**common(3), connection_version=1, findings=(refusal,)))
    about = {"connection": "demo", "at": NOW, "kind": "vendor", "company": "US01", "code": "10433"}
    await log.append(RecordSent(**about, digest="d1"))
    await log.append(RecordSent(**about | {"code": "another"}, digest="d1"))

    found = await record_evidence.explained(settings, "i3", connection="demo")

    assert found.code == "UNKNOWN_VENDOR"
    assert [each.what for each in found.evidence] == ["refused", "vendor 10433"]
