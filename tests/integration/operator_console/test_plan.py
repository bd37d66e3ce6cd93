"""Plans through the real planning program: recorded documents, files, a rehearsed mapping, and with Epicor."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, InvoiceRefused, PostingIntended
from mlc_common.http import dump_json, load_json
from mlc_common.settings import Settings
from mlc_common.vault import MasterKeys
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.epicor import Settings as EpicorSettings
from mlc_sandbox.samples import bulk_invoices
from mlc_sandbox.serve import running
from operator_console import plan_commands, replay_plans, replay_told
from operator_console.exits import CommandError, Exit
from operator_console.planned import Planned
from operator_console.projector import catch_up
from operator_console.searching import Sought
from operator_console.selecting import Selection
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
KEY = f"k1:{base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()}"
EVERYTHING = Selection(Sought())
SECRETS = {
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
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
def settings(topology: str, database_url: str) -> Settings:
    return Settings(nats_url=topology, database_url=SecretStr(database_url), master_keys=SecretStr(KEY))


def connection(epicor: str = "https://erp.example/live", **posting: Any) -> ConnectionDocument:
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
    companies = [{"basware": b, "epicor": e, "currency": c, "segments": segments} for b, e, c in pairs]
    return ConnectionDocument.model_validate(
        {"name": "demo", "epicor": {"base_url": epicor}, "companies": companies, "posting": posting}
    )


def approved(body: dict[str, Any]) -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=NOW,
        invoice_id=body["invoiceId"],
        attempt="a1",
        seen_by="push",
        status=body["processingStatus"],
        company_code=body["companyCode"],
        supplier_code=body["supplierCode"],
        invoice_number=body["invoiceNumber"],
        currency=body["currencyCode"],
        document=dump_json(body).decode(),
    )


@pytest_asyncio.fixture
async def history(log: EventLog, client: Client, engine: AsyncEngine) -> list[dict[str, Any]]:
    """Three documents; the first was refused by version 1, the last one cannot be read."""
    await apply(engine, connection(tax="none"), by="test", now=NOW)
    bodies = bulk_invoices(3, seed=21)
    for body in bodies[:2]:
        await log.append(approved(body))
    await log.append(approved(bodies[2]).model_copy(update={"document": '{"invoiceId": 1}'}))
    refusal = InvoiceRefused(
        connection="demo",
        at=NOW,
        invoice_id=bodies[0]["invoiceId"],
        attempt="a1",
        connection_version=1,
        findings=(finding("TAX_NOT_EXPECTED", tax="1", currency="USD"),),
    )
    await log.append(refusal)
    reader = StreamReader(client, log, timeout=5)
    while await catch_up(engine, reader, now=lambda: NOW):
        pass
    return bodies


async def every(plans: AsyncIterator[Planned]) -> dict[str, Planned]:
    return {each.asked.invoice_id: each async for each in plans}


async def test_recorded_documents_are_planned_by_then_and_now(
    settings: Settings, engine: AsyncEngine, history: list[dict[str, Any]], client: Client
) -> None:
    await apply(engine, connection(), by="test", now=NOW)
    facts = (await client.jetstream().stream_info("DOCUMENTS")).state.messages

    plans = await every(plan_commands.of_recorded(settings, EVERYTHING))

    first, second, broken = (plans[body["invoiceId"]] for body in history)
    assert (first.change, first.posts) == ("newly posted", True)
    assert any(line.startswith("refused TAX_NOT_EXPECTED") for line in first.difference)
    assert (second.change, second.posts) == ("planned", True)
    assert broken.change == "unreadable"
    assert (await client.jetstream().stream_info("DOCUMENTS")).state.messages == facts


async def test_a_replay_is_planned_with_what_it_posts_by_the_mapping_of_then_and_of_now(
    settings: Settings, engine: AsyncEngine, log: EventLog, client: Client, history: list[dict[str, Any]]
) -> None:
    open_one = history[1]["invoiceId"]
    intent = PostingIntended(
        connection="demo", at=NOW, invoice_id=open_one, attempt="a1", connection_version=1, number=1, company="NWM",
        vendor_num=101, vendor_id="1", invoice_num="INV-1", total=Decimal(1), group_id="B1", digest="d",
    )  # fmt: skip
    await log.append(intent)
    other = connection(description="{supplierName}: {invoiceNumber}")
    await apply(engine, other, by="test", now=NOW)

    plans = {each.planned.status.invoice_id: each async for each in replay_plans.compared(settings, EVERYTHING)}

    untold, posting, broken = (plans[body["invoiceId"]] for body in history)
    assert (untold.planned.verdict, untold.mapped) == ("confirm only", None)
    assert posting.mapped is not None
    assert (posting.planned.verdict, posting.mapped.asked.version, posting.mapped.version) == ("post", 1, 2)
    assert posting.mapped.change == "newly posted"
    assert posting.mapped.refused is None
    assert broken.mapped is not None
    assert broken.mapped.refused is not None

    await apply(engine, connection(tax="none"), by="test", now=NOW)
    plans = {each.planned.status.invoice_id: each async for each in replay_plans.compared(settings, EVERYTHING)}
    again = plans[open_one].mapped
    assert again is not None
    assert (again.change, again.refused is not None and "tax" in again.refused.lower()) == ("unchanged", True)


async def test_a_replays_plan_is_told_to_people_and_programs(
    settings: Settings, engine: AsyncEngine, history: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    await replay_told.show_plan(settings, EVERYTHING, compare=True, as_json=False)
    told = capsys.readouterr().out
    await replay_told.show_plan(settings, EVERYTHING, compare=True, as_json=True)
    rows = {each["status"]["invoice_id"]: each for each in load_json(capsys.readouterr().out)}
    await replay_told.show_plan(settings, EVERYTHING, compare=False, as_json=True)
    plain = load_json(capsys.readouterr().out)

    assert "refused now: " in told
    assert "confirm only: 1, post: 2" in told
    second = rows[history[1]["invoiceId"]]
    assert (second["verdict"], second["mapping"]["then"], second["mapping"]["now"]) == ("post", None, 1)
    assert second["mapping"]["refused_now"]
    assert [each.get("mapping") for each in plain] == [None, None, None]


async def test_a_mapping_is_rehearsed_against_history(
    settings: Settings, engine: AsyncEngine, history: list[dict[str, Any]]
) -> None:
    await apply(engine, connection(), by="test", now=NOW)
    same = await every(plan_commands.of_recorded(settings, EVERYTHING, mapping=connection()))
    other = connection(description="{supplierName}: {invoiceNumber}")
    changed = await every(plan_commands.of_recorded(settings, EVERYTHING, mapping=other))
    refused = await every(plan_commands.of_recorded(settings, EVERYTHING, mapping=connection(tax="none")))

    ids = [body["invoiceId"] for body in history[:2]]
    assert [same[each].change for each in ids] == ["unchanged", "unchanged"]
    assert [changed[each].change for each in ids] == ["changed", "changed"]
    (line,) = changed[ids[0]].difference
    assert line.startswith("APInvHed 1 Description: ")
    assert [refused[each].change for each in ids] == ["newly refused", "newly refused"]


async def test_the_last_documents_and_named_ones(
    settings: Settings, engine: AsyncEngine, history: list[dict[str, Any]]
) -> None:
    name = history[1]["invoiceId"]

    assert len(await every(plan_commands.of_recorded(settings, EVERYTHING, last=2))) == 2
    assert list(await every(plan_commands.of_recorded(settings, replace(EVERYTHING, documents=(name,))))) == [name]


async def test_a_file_is_planned_alone_or_in_its_wrapper_and_a_wrong_one_is_said(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await apply(engine, connection(), by="test", now=NOW)
    (body,) = bulk_invoices(1, seed=22)
    alone, wrapped, wrong = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.json"
    alone.write_bytes(dump_json(body))
    wrapped.write_bytes(dump_json({"accountingDocuments": [body]}))
    wrong.write_text("invoiceId: 1")

    one = await every(plan_commands.of_file(settings, alone, connection="demo"))
    two = await every(plan_commands.of_file(settings, wrapped, connection="demo"))

    assert {name: each.now for name, each in one.items()} == {name: each.now for name, each in two.items()}
    assert [each.posts for each in one.values()] == [True]
    with pytest.raises(CommandError, match=r"c\.json holds no JSON") as caught:
        await every(plan_commands.of_file(settings, wrong, connection="demo"))
    assert caught.value.code == Exit.USAGE
    with pytest.raises(CommandError, match="There is no connection nope"):
        await every(plan_commands.of_file(settings, alone, connection="nope"))


async def test_online_epicor_is_asked_and_nothing_is_written(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    good, bad = bulk_invoices(2, seed=23)
    file = tmp_path / "both.json"
    file.write_bytes(dump_json([good, bad | {"supplierCode": "NOBODY"}]))
    async with running(epicor_world=EpicorWorld(settings=EpicorSettings())) as urls:
        await apply(engine, connection(urls.epicor), by="test", now=NOW)
        keys = MasterKeys.parse(SecretStr(KEY))
        for field, value in SECRETS.items():
            await set_credential(
                engine, keys, connection="demo", field=field, values=[SecretStr(value)], by="test", now=NOW
            )
        plans = await every(plan_commands.of_file(settings, file, connection="demo", online=True))
        world = urls.epicor_world

    assert plans[good["invoiceId"]].posts
    assert plans[good["invoiceId"]].now["APInvHed 1 VendorNum"] != "0"
    assert any(line.startswith("refused UNKNOWN_VENDOR") for line in plans[bad["invoiceId"]].now)
    assert world.invoices == {}
    assert not [call for call in world.calls.log if "Update" in call["path"] or "GetNew" in call["path"]]
