"""`ml-connector masterdata`: where records stand, one field by field, and what Basware holds otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mlc_common.events import RecordAccepted
from mlc_sandbox.faults import Fault
from operator_console import drift_command, masterdata_command
from operator_console.exits import CommandError
from operator_console.masterdata_records import Wanted
from operator_console.record_states import State, fields

VENDORS = "/v1/vendors"
WANTED = Wanted("northwind", "vendor")


async def soon(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


async def accepted(place: Any, count: int) -> bool:
    return len(await place.facts(RecordAccepted)) >= count


async def states(place: Any, *wanted: State) -> dict[tuple[str, str], State]:
    found: dict[tuple[str, str], State] = {}
    after: int | None = 0
    while after is not None:
        page = await masterdata_command.page(
            place.settings, Wanted("northwind", None, None, wanted), after=after, most=7
        )
        assert len(page.records) <= 7
        assert not {(each.company, each.code) for each in page.records} & set(found)
        found |= {(each.company, each.code): each.state for each in page.records}
        after = page.next
    return found


async def test_records_are_listed_in_pages_and_shown_field_by_field(place: Any, serving: Any) -> None:
    vendors = place.far_sides.epicor_world.master.vendors
    refusal = {"codes": ["US01_10432"], "status": "Error", "category": "DataValidation", "message": "no such term"}
    place.far_sides.basware_world.faults.add(Fault(kind="record", path=VENDORS, method="POST", body=refusal))
    vendors["NWM", 102]["Name"] = ""
    async with serving(place):
        await soon(lambda: accepted(place, len(vendors) - 2))

    everything = await states(place)
    (shown,) = await masterdata_command.show(place.settings, WANTED, "10432")
    table = masterdata_command.field_by_field(shown)

    assert len(everything) == len(vendors)
    assert sum(state == "accepted" for state in everything.values()) == len(vendors) - 2
    assert set(await states(place, "refused")) == {("US01", "10432"), ("US01", vendors["NWM", 102]["VendorID"])}
    assert shown.state == "refused"
    assert "no such term" in str(shown.why)
    assert shown.sent == shown.seen
    assert table.row_count == len(list(fields(shown.sent)))
    with pytest.raises(CommandError, match="No vendor 4711"):
        await masterdata_command.show(place.settings, WANTED, "4711")


async def test_drift_names_what_basware_holds_otherwise(place: Any, serving: Any) -> None:
    world, vendors = place.far_sides.basware_world, place.far_sides.epicor_world.master.vendors
    async with serving(place):
        await soon(lambda: accepted(place, len(vendors)))

    assert await drift_command.drift(place.settings, WANTED, code=None, most=100) == []
    world.vendors["US01_10432"]["name"] = "Changed by hand"
    world.vendors["US01_77"] = world.vendors["US01_10432"] | {"externalCode": "US01_77"}
    del world.vendors["FI01_20105"]
    found = {each.external_code: each for each in await drift_command.drift(place.settings, WANTED, code=None, most=9)}
    (one,) = await drift_command.drift(place.settings, WANTED, code="10432", most=9)

    assert {key: each.what.split(":")[0] for key, each in found.items()} == {
        "US01_10432": "different",
        "US01_77": "not ours",
        "FI01_20105": "missing in Basware",
    }
    assert one.fields == {"name": ("Great Lakes Fasteners LLC", "Changed by hand")}
    assert drift_command.table(list(found.values())).row_count == 3
    with pytest.raises(CommandError, match="imports no kind colour"):
        await drift_command.drift(place.settings, Wanted("northwind", "colour"), code=None, most=9)
