"""Epicor's vendors arrive in Basware: once, again only when they change, and whatever breaks on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import nats
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.app import wire
from masterdata_sync.schedule import elected
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.service import serve
from mlc_common.settings import Settings, Timings
from mlc_common.streams import MASTERDATA
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.faults import Fault
from mlc_sandbox.serve import Running, running

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
POST_VENDORS = {"path": "/v1/vendors", "method": "POST"}
SEGMENTS = [{"field": "accountCode"}]


@pytest_asyncio.fixture
async def far_sides() -> AsyncIterator[Running]:
    async with running() as both:
        yield both


@pytest_asyncio.fixture
async def settings(far_sides: Running, topology: str, database_url: str, engine: AsyncEngine) -> Settings:
    """The settings of a service whose connection leads to the two emulators."""
    keys = MasterKeys.generate_line("k1")
    document = ConnectionDocument.model_validate(
        {
            "name": "northwind",
            "basware": {"base_url": far_sides.basware, "calls_per_second": 1000},
            "epicor": {"base_url": far_sides.epicor},
            "companies": [
                {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS},
                {"basware": "FI01", "epicor": "NWF", "currency": "EUR", "segments": SEGMENTS},
            ],
        }
    )
    await apply(engine, document, by="test", now=NOW)
    for field, value in CREDENTIALS.items():
        place = {"connection": "northwind", "field": field, "by": "test", "now": NOW}
        await set_credential(engine, MasterKeys.parse(SecretStr(keys)), values=[SecretStr(value)], **place)
    client = await nats.connect(topology)
    await declare_connection(client, "northwind", ack_wait=30)
    await client.close()
    timings = Timings(vendors=0.3, retry_base=0.05, retry_ceiling=0.2, refresh=0.2)
    return Settings(
        nats_url=topology, database_url=SecretStr(database_url), master_keys=SecretStr(keys), timings=timings
    )


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(serve("masterdata-sync", settings, wire, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


def posts(far_sides: Running) -> list[dict[str, Any]]:
    return [
        call for call in far_sides.basware_world.calls.log if call["method"] == "POST" and "vendors" in call["path"]
    ]


def reads(far_sides: Running) -> int:
    return sum("VendorSvc" in call["path"] for call in far_sides.epicor_world.calls.log)


async def facts(settings: Settings) -> int:
    client = await nats.connect(settings.nats_url)
    try:
        state = (await client.jetstream().stream_info(MASTERDATA, subjects_filter="masterdata.*.*.*.*.sent")).state
        return sum((state.subjects or {}).values())
    finally:
        await client.close()


async def test_every_vendor_arrives_once_and_is_not_sent_again(far_sides: Running, settings: Settings) -> None:
    vendors = far_sides.epicor_world.master.vendors
    async with service(settings):
        await until(lambda: len(far_sides.basware_world.vendors) == len(vendors))
        seen = reads(far_sides)
        await until(lambda: reads(far_sides) > seen + 8)

    assert len(posts(far_sides)) == 1
    assert await facts(settings) == len(vendors)
    inactive = far_sides.basware_world.vendors["US01_10571"]
    assert inactive["processingStatus"] == {"active": False, "paymentDenied": False}
    assert far_sides.epicor_world.calls.max_in_flight <= 2


async def test_after_a_restart_only_what_changed_is_sent(far_sides: Running, settings: Settings) -> None:
    vendors = far_sides.epicor_world.master.vendors
    async with service(settings):
        async with asyncio.timeout(20):
            while (before := await facts(settings)) < len(vendors):
                await asyncio.sleep(0.02)
    vendors["NWM", 101]["Name"] = "Great Lakes Fasteners & Bolts LLC"

    async with service(settings):
        await until(lambda: "Bolts" in far_sides.basware_world.vendors["US01_10432"]["name"])

    assert len(posts(far_sides)) == 2
    assert await facts(settings) == before + 1


async def test_a_lost_answer_is_repeated_and_every_vendor_is_recorded(far_sides: Running, settings: Settings) -> None:
    vendors = far_sides.epicor_world.master.vendors
    far_sides.basware_world.faults.add(Fault(**POST_VENDORS, kind="drop_after"))
    async with service(settings):
        await until(lambda: len(posts(far_sides)) == 2)
        async with asyncio.timeout(10):
            while await facts(settings) < len(vendors):
                await asyncio.sleep(0.05)

    assert len(far_sides.basware_world.vendors) == len(vendors)


async def test_a_refused_vendor_does_not_hold_up_the_others(far_sides: Running, settings: Settings) -> None:
    vendors = far_sides.epicor_world.master.vendors
    error = {"externalCode": "US01_10432", "errorCode": "SCHEMA_VALIDATION_ERROR", "errorMessages": ["no"]}
    fault = Fault(**POST_VENDORS, kind="status", match="US01_10432", status=400, body={"errors": [error]}, times=-1)
    far_sides.basware_world.faults.add(fault)
    async with service(settings):
        await until(lambda: len(far_sides.basware_world.vendors) == len(vendors) - 1)

    assert "US01_10432" not in far_sides.basware_world.vendors


async def test_epicor_away_at_the_start_is_waited_out(far_sides: Running, settings: Settings) -> None:
    far_sides.epicor_world.faults.add(Fault(path="VendorSvc", kind="status", status=503, times=3))
    async with service(settings):
        await until(lambda: len(far_sides.basware_world.vendors) == len(far_sides.epicor_world.master.vendors))


async def test_one_replica_runs_at_a_time(engine: AsyncEngine) -> None:
    async with elected(engine, "masterdata northwind") as first, elected(engine, "masterdata northwind") as second:
        assert (first, second) == (True, False)
    async with elected(engine, "masterdata northwind") as again:
        assert again
