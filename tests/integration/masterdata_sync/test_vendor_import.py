"""Epicor's vendors arrive in Basware: once, again only when they change, and whatever breaks on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.schedule import elected
from mlc_common.events import RecordChanged, RecordRefused, RecordSent
from mlc_sandbox.faults import Fault

POST_VENDORS = {"path": "/v1/vendors", "method": "POST"}
Serving = Callable[[Any], Any]


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


async def test_every_vendor_arrives_once_and_is_not_sent_again(place: Any, serving: Serving) -> None:
    vendors, there = place.far_sides.epicor_world.master.vendors, place.far_sides.basware_world.vendors
    async with serving(place):
        await until(lambda: len(there) == len(vendors))
        seen = place.reads()
        await until(lambda: place.reads() > seen + 8)

    assert len(place.posted) == 2
    assert len(await place.facts(RecordSent)) == len(await place.facts(RecordChanged)) == len(vendors)
    inactive = there["US01_10571"]
    assert inactive["processingStatus"] == {"active": False, "paymentDenied": False}
    assert place.far_sides.epicor_world.calls.max_in_flight <= 2


async def test_after_a_restart_only_what_changed_is_sent(place: Any, serving: Serving) -> None:
    vendors, there = place.far_sides.epicor_world.master.vendors, place.far_sides.basware_world.vendors
    async with serving(place), asyncio.timeout(20):
        while (before := len(await place.facts(RecordSent))) < len(vendors):
            await asyncio.sleep(0.05)
    vendors["NWM", 101]["Name"] = "Great Lakes Fasteners & Bolts LLC"

    async with serving(place), asyncio.timeout(20):
        while len(await place.facts(RecordSent)) == before:
            await asyncio.sleep(0.05)

    assert "Bolts" in there["US01_10432"]["name"]
    assert len(place.posted) == 3
    assert len(await place.facts(RecordSent)) == before + 1


async def test_a_lost_answer_is_repeated_and_every_vendor_is_recorded(place: Any, serving: Serving) -> None:
    vendors = place.far_sides.epicor_world.master.vendors
    place.far_sides.basware_world.faults.add(Fault(**POST_VENDORS, kind="drop_after"))
    async with serving(place):
        async with asyncio.timeout(10):
            while len(await place.facts(RecordSent)) < len(vendors):
                await asyncio.sleep(0.05)

    assert len(place.posted) == 3
    assert len(place.far_sides.basware_world.vendors) == len(vendors)


async def test_a_refused_vendor_holds_up_no_other_and_is_not_sent_again_and_again(place: Any, serving: Serving) -> None:
    vendors, there = place.far_sides.epicor_world.master.vendors, place.far_sides.basware_world.vendors
    error = {"externalCode": "US01_10432", "errorCode": "SCHEMA_VALIDATION_ERROR", "errorMessages": ["no"]}
    fault = Fault(**POST_VENDORS, kind="status", match="US01_10432", status=400, body={"errors": [error]}, times=-1)
    place.far_sides.basware_world.faults.add(fault)
    async with serving(place):
        await until(lambda: len(there) == len(vendors) - 1)
        seen = place.reads()
        await until(lambda: place.reads() > seen + 8)

    assert "US01_10432" not in there
    assert len(place.posted) == 3
    assert [fact.code for fact in await place.facts(RecordRefused)] == ["10432"]


async def test_epicor_away_at_the_start_is_waited_out(place: Any, serving: Serving) -> None:
    place.far_sides.epicor_world.faults.add(Fault(path="VendorSvc", kind="status", status=503, times=3))
    async with serving(place):
        await until(
            lambda: len(place.far_sides.basware_world.vendors) == len(place.far_sides.epicor_world.master.vendors)
        )


async def test_one_replica_runs_at_a_time(engine: AsyncEngine) -> None:
    async with elected(engine, "masterdata northwind") as first, elected(engine, "masterdata northwind") as second:
        assert (first, second) == (True, False)
    async with elected(engine, "masterdata northwind") as again:
        assert again
