"""What a person types to decide about a document or a connection: what is recorded, and what is not taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import nats
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connection_flows import Flow
from mlc_common.connections import apply, load
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, InvoicePosted, PostingIntended
from mlc_common.settings import Settings
from mlc_common.streams import OPERATIONS
from mlc_common.vault import MasterKeys
from mlc_epicor.datasets import APInvHedRow
from operator_console import link_commands, pause_commands, people_commands
from operator_console.exits import CommandError, Exit

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
KEYS = MasterKeys.parse(SecretStr("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="))
EPICOR = {"company": "NWM", "vendor_num": 101, "vendor_id": "10432", "invoice_num": "INV-1", "group_id": "B2611201"}


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    return Settings(nats_url=topology, database_url=SecretStr(database_url))


@pytest_asyncio.fixture
async def log(topology: str) -> AsyncIterator[EventLog]:
    client = await nats.connect(topology)
    yield EventLog(client, timeout=5)
    await client.close()


@pytest_asyncio.fixture
async def connection(engine: AsyncEngine) -> str:
    """The connection `demo`, in the database."""
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    document = ConnectionDocument.model_validate(
        {"name": "demo", "epicor": {"base_url": "https://erp.example/live"}, "companies": [company]}
    )
    await apply(engine, document, by="test", now=NOW)
    return "demo"


def common(attempt: str) -> dict[str, Any]:
    return {"connection": "demo", "at": NOW, "invoice_id": "i1", "attempt": attempt}


async def offered(log: EventLog, attempt: str = "a1") -> None:
    await log.append(
        DocumentApproved(
            **common(attempt),
            seen_by="push",
            status="WaitingForTransfer",
            company_code="US01",
            supplier_code="10432",
            invoice_number="INV-1",
            currency="USD",
            gross=Decimal("216.50"),
            document="{}",
        )
    )


async def test_a_decision_is_recorded_with_who_and_why(settings: Settings, log: EventLog, connection: str) -> None:
    await offered(log)

    held = await people_commands.hold(settings, "i1", connection=connection, reason="disputed")
    await people_commands.release(settings, "i1", connection=None, reason="settled")
    await people_commands.give_back(settings, "i1", connection=None, reason="wrong company")

    assert [each.event.fact for each in await log.timeline("demo", "i1")] == [  # type: ignore[union-attr]
        *("approved", "held", "released", "returned")
    ]
    assert (held.reason, held.cause, bool(held.by)) == ("disputed", "demo/i1/a1/approved", True)


async def test_what_cannot_be_decided_any_more_is_said(settings: Settings, log: EventLog, connection: str) -> None:
    await offered(log)
    with pytest.raises(CommandError, match="Nobody holds document i1") as nobody:
        await people_commands.release(settings, "i1", connection=connection, reason="x")
    await log.append(
        PostingIntended(**common("a1"), **EPICOR, number=1, connection_version=1, total=Decimal(1), digest="d")
    )
    with pytest.raises(CommandError, match="sent to Epicor already"):
        await people_commands.hold(settings, "i1", connection=connection, reason="x")
    await log.append(
        InvoicePosted(
            **common("a1"), **EPICOR, connection_version=1, voucher="V", total=Decimal(1), currency="USD", lines=1
        )
    )
    with pytest.raises(CommandError, match="was posted already"):
        await people_commands.give_back(settings, "i1", connection=connection, reason="x")

    assert nobody.value.code == Exit.REFUSED


async def test_an_unknown_document_or_connection_is_one_clear_sentence(settings: Settings, connection: str) -> None:
    with pytest.raises(CommandError, match="No accounting document i9 was offered") as document:
        await people_commands.hold(settings, "i9", connection=connection, reason="x")
    with pytest.raises(CommandError, match="There is no connection nope") as other:
        await pause_commands.pause(settings, "nope", (Flow.POSTING,), reason="x")

    assert (document.value.code, other.value.code) == (Exit.USAGE, Exit.USAGE)


async def test_a_link_is_about_the_transfer_that_the_person_saw(
    settings: Settings, log: EventLog, connection: str
) -> None:
    await offered(log)
    async with people_commands.case(settings, "i1", connection=connection) as it:
        header = APInvHedRow(VendorNum=101, InvoiceNum="INV-1", CurrencyCode="USD")
        sides = link_commands.Sides(it.approved, "NWM", "10432", header, lines=1)
    linked = await link_commands.link(settings, sides, reason="entered by hand")
    await offered(log, "a2")

    with pytest.raises(CommandError, match="transferred it anew meanwhile"):
        await link_commands.link(settings, sides, reason="entered by hand")

    assert (linked.attempt, linked.invoice_num) == ("a1", "INV-1")


async def test_overrides_add_up_and_a_wrong_one_is_said(settings: Settings, log: EventLog, connection: str) -> None:
    await offered(log)

    await people_commands.override(settings, "i1", {"text1": "a"}, connection=connection, reason="x")
    both = await people_commands.override(
        settings, "i1", {"text2": "b", "text1": "c"}, connection=connection, reason="y"
    )

    assert [(each.place, each.old, each.new) for each in both.changes] == [("text1", None, "c"), ("text2", None, "b")]
    with pytest.raises(CommandError, match="correct it in Basware") as caught:
        await people_commands.override(settings, "i1", {"invoiceNumber": "1"}, connection=connection, reason="x")
    assert caught.value.code == Exit.USAGE


async def test_pauses_are_recorded_and_in_force_until_resumed(
    settings: Settings, engine: AsyncEngine, topology: str, connection: str
) -> None:
    await pause_commands.pause(settings, connection, (Flow.POSTING, Flow.ANSWERS), reason="month end")
    await pause_commands.pause(settings, connection, (Flow.POSTING,), reason="again")
    paused = (await load(engine, KEYS))[connection].paused
    await pause_commands.resume(settings, connection, (Flow.ANSWERS,), reason="books are closed")
    left = (await load(engine, KEYS))[connection].paused

    assert (paused, left) == ({Flow.POSTING, Flow.ANSWERS}, {Flow.POSTING})
    client = await nats.connect(topology)
    info = await client.jetstream().stream_info(OPERATIONS)
    await client.close()
    assert info.state.messages == 3
