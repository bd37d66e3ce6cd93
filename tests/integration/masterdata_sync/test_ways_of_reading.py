"""Every way of reading Epicor brings the same rows, whatever the server makes of pages, dates and filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlc_common.failures import PermanentError, TransientError
from mlc_common.tables import masterdata_records
from mlc_sandbox.epicor.master_control import remove

Opening = Callable[..., Any]
GL_ACCOUNTS = {"accounts": {"of": "gl accounts"}}
WAYS: dict[str, dict[str, Any]] = {
    "entity set by key": {"way": "odata"},
    "entity set by counting": {"way": "odata", "paging": "skip"},
    "GetRows": {"way": "getrows"},
    "BAQ": {"way": "baq"},
}


def section(way: dict[str, Any], **more: Any) -> dict[str, Any]:
    kinds = {
        kind: way | more | ({"baq": {"id": f"ML{table}"}} if way["way"] == "baq" else {})
        for kind, table in (("vendor", "Vendor"), ("account", "GLAccount"))
    }
    return {"kinds": kinds}


@pytest.mark.parametrize("first_page", [0, 1])
@pytest.mark.parametrize("cap", [7, 100])
@pytest.mark.parametrize("way", WAYS)
async def test_every_row_is_read_once(place: Any, opening: Opening, way: str, cap: int, first_page: int) -> None:
    world = place.far_sides.epicor_world
    world.settings = world.settings.model_copy(update={"page_cap": cap, "first_page": first_page})
    async with opening(place, kinds=GL_ACCOUNTS, masterdata=section(WAYS[way])) as bench:
        vendors, accounts = await bench.run("vendor"), await bench.run("account")

        assert (vendors.read, vendors.sent) == (25, 25)
        assert accounts.read == accounts.sent == len(bench.there("/v1/accounts"))
        assert accounts.sent == sum(row["Company"] == "NWM" for row in world.master.rows["GLAccount"])
        again = [await bench.run("vendor"), await bench.run("account")]
        assert [run.sent for run in again] == [0, 0]


async def test_a_server_that_cannot_serve_the_set_is_read_by_getrows(place: Any, opening: Opening) -> None:
    world = place.far_sides.epicor_world
    world.settings = world.settings.model_copy(update={"broken_reads": frozenset({"Erp.BO.VendorSvc"})})
    async with opening(place) as bench:
        with pytest.raises(TransientError, match="another way"):
            await bench.run()
    async with opening(place, masterdata={"kinds": {"vendor": {"way": "getrows"}}}) as bench:
        # The run that the other way began is done anew by this one.
        assert (await bench.run()).sent == 25


@pytest.mark.parametrize("way", ["entity set by key", "BAQ"])
async def test_a_way_is_not_fooled_by_rows_that_come_and_go_meanwhile(place: Any, opening: Opening, way: str) -> None:
    world = place.far_sides.epicor_world
    world.settings = world.settings.model_copy(update={"page_cap": 5})
    codes = {row["VendorID"] for row in world.master.of("Vendor", "NWM")}
    seen: list[str] = []

    def meanwhile(what: str) -> None:
        seen.append(what)
        if len(seen) == 3:
            remove(world, "Vendor", world.master.of("Vendor", "NWM")[0])

    async with opening(place, masterdata=section(WAYS[way])) as bench:
        world.on_page = meanwhile
        run = await bench.run()

        assert run.read == 25
        assert {entity["vendorCode"] for entity in bench.there().values()} == codes


async def test_a_baq_that_is_not_there_is_said(place: Any, opening: Opening) -> None:
    wrong = {"kinds": {"vendor": {"way": "baq", "baq": {"id": "Nothing"}}}}
    async with opening(place, masterdata=wrong) as bench:
        with pytest.raises((PermanentError, TransientError), match="BAQ Nothing does not exist"):
            await bench.run()


@pytest.mark.parametrize("literals", ["any", "zoned", "local"])
@pytest.mark.parametrize("way", [{"way": "odata"}, {"way": "getrows"}])
async def test_changed_rows_are_asked_for_by_date_in_the_form_that_the_server_takes(
    place: Any, opening: Opening, way: dict[str, Any], literals: str
) -> None:
    world = place.far_sides.epicor_world
    world.settings = world.settings.model_copy(update={"date_literals": literals})
    orders = world.master.of("POHeader", "NWM")
    for row in orders:
        row["ChangeDate"] = "2026-10-01T08:00:00.5"
    for row in orders[:2]:
        row["ChangeDate"] = "2026-11-01T08:00:00.5"
    rules = way | {"overlap": 60}
    async with opening(place, kinds={"orders": {}}, masterdata={"kinds": {"order": rules}}) as bench:
        first = await bench.run("order")
        second = await bench.run("order", mode="delta")
        for row in orders[2:4]:
            # Both of one moment, which is that of the newest ones.
            row["ChangeDate"], row["BuyerID"] = "2026-11-01T08:00:00.5", "OTHER"
        third = await bench.run("order", mode="delta")

    assert first.read == first.sent >= 4
    assert (second.read, second.sent) == (2, 0)
    assert third.read == 4


async def test_changed_rows_are_asked_for_by_revision_where_there_is_no_date(place: Any, opening: Opening) -> None:
    world = place.far_sides.epicor_world
    rules = {"revisions": True, "revision_overlap": 0}
    async with opening(place, masterdata={"kinds": {"vendor": rules}}) as bench:
        await bench.run()
        vendor = world.master.vendors["NWM", 101]
        vendor |= {"Name": "Great Lakes Fasteners & Bolts LLC", "SysRevID": world.next_revision()}
        changed = await bench.run(mode="delta")
        nothing = await bench.run(mode="delta")

    assert (changed.mode, changed.read, changed.sent) == ("delta", 1, 1)
    assert nothing.read == 0


async def test_rows_of_other_tables_come_with_theirs_whichever_way(place: Any, opening: Opening) -> None:
    world = place.far_sides.epicor_world
    world.settings = world.settings.model_copy(update={"page_cap": 3})
    seen = []
    for rules in ({"way": "odata"}, {"way": "getrows"}, {"way": "baq", "baq": {"id": "MLPODetail"}}):
        async with opening(place, kinds={"orders": {}}, masterdata={"kinds": {"order_line": rules}}) as bench:
            place.far_sides.basware_world.records.pop("/v1/matchingOrderLines", None)
            async with place.engine.begin() as db:
                await db.execute(masterdata_records.delete())
            await bench.run("order_line")
            lines = bench.there("/v1/matchingOrderLines")
            seen.append({code: {k: v for k, v in each.items() if k != "lastUpdated"} for code, each in lines.items()})

    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) >= 4
    assert any("receiv" in str(line).lower() or "quantity" in str(line).lower() for line in seen[0].values())
