"""A run that was cut off goes on where it was; two rows of one code do not take turns; the facts can rebuild it all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from masterdata_sync import runs
from masterdata_sync.progress import Owner, run_of
from masterdata_sync.rebuilding import rebuild
from mlc_common.events import BatchSent, RecordRefused, RecordSent
from mlc_common.failures import TransientError
from mlc_common.tables import masterdata_records, masterdata_runs
from mlc_sandbox.epicor.master_control import add_accounts, add_vendors, remove
from mlc_sandbox.faults import Fault

Opening = Callable[..., Any]
MANY = 1500
OWNER = Owner("northwind", "vendor", "US01")
NOTHING = {"run": 1, "missing": 0, "retired": False}


async def test_a_run_that_was_cut_off_goes_on_at_its_last_pages(place: Any, opening: Opening) -> None:
    async with opening(place) as bench:
        add_vendors(bench.world, "NWM", MANY)
        bench.world.faults.add(Fault(path="VendorSvc", match="gt 100875", kind="status", status=503))
        with pytest.raises(TransientError):
            await bench.run()
        async with place.engine.connect() as db:
            cut = await run_of(db, OWNER)
        seen, reads = len(await place.facts(RecordSent)), place.reads()
        rest = await bench.run()

    assert cut.mode == "full"
    assert cut.cursor is not None
    assert 0 < seen < MANY
    assert (rest.run, rest.sent) == (1, MANY + 25)
    assert len(await place.facts(RecordSent)) == MANY + 25
    assert place.reads() - reads < (MANY + 25) // 100 + 2
    assert len(bench.there()) == MANY + 25


async def test_what_was_sent_and_not_remembered_is_not_sent_again(place: Any, opening: Opening) -> None:
    async with opening(place) as bench:
        task = asyncio.create_task(bench.run())
        while not await place.facts(BatchSent):  # the last fact of a portion
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with place.engine.begin() as db:
            await db.execute(masterdata_records.delete())
        await bench.run()

    assert len(place.posted) == 1


async def test_two_rows_with_one_code_do_not_take_turns(place: Any, opening: Opening) -> None:
    async with opening(place) as bench:
        rows = bench.world.master.of("Vendor", "NWM")
        rows[-1]["VendorID"] = rows[0]["VendorID"]
        first, second, third = await bench.run(), await bench.run(), await bench.run()

    assert (first.sent, second.sent, third.sent) == (24, 0, 0)
    assert bench.there()[f"US01_{rows[0]['VendorID']}"]["name"].startswith(rows[0]["Name"][:10])


async def remembered(place: Any) -> list[Any]:
    columns = masterdata_records.c
    query = select(columns.code, columns.key, columns.seen, columns.sent, columns.refused, columns.retired)
    async with place.engine.connect() as db:
        return sorted(await db.execute(query))


async def forget(place: Any, *tables: Any) -> None:
    async with place.engine.begin() as db:
        for each in tables:
            await db.execute(each.delete())


def refuse(place: Any, code: str, *, match: str = "") -> None:
    """Basware's API layer says no to a vendor."""
    error = {"externalCode": f"US01_{code}", "errorCode": "X", "errorMessages": ["no"]}
    fault = {"status": 400, "times": -1, "body": {"errors": [error]}}
    world = place.far_sides.basware_world
    world.faults.add(Fault(path="/v1/vendors", match=match or error["externalCode"], kind="status", **fault))


async def test_what_is_remembered_can_be_made_anew_from_the_facts(place: Any, opening: Opening) -> None:
    """Rows that are no records, refused, changed, gone, back again, under another key, and gone without being told."""
    async with opening(place) as bench:
        rows = bench.world.master.of("Vendor", "NWM")
        rows[3]["Name"] = ""
        refuse(place, rows[4]["VendorID"])
        await bench.run()
        rows[5]["Name"] = "Another name"
        rows[12]["VendorNum"] += 6000
        for row in (gone := [rows[7], rows[8], rows[9], rows[10]]):
            remove(bench.world, "Vendor", row)
        refuse(place, gone[0]["VendorID"])
        await bench.run()
        await bench.run(allow_removals=True)
        bench.world.master.rows["Vendor"] += gone[1:3]
        gone[2]["VendorNum"] += 5000
        await bench.run(allow_removals=True)
        before = await remembered(place)
        assert len(before) == 25
        assert sum(row.retired for row in before) == 1
        async with place.engine.begin() as db:
            await db.execute(masterdata_records.update().where(masterdata_records.c.code == "10432").values(sent="x"))
            await db.execute(masterdata_records.insert(), {**OWNER._asdict(), "code": "of nobody", **NOTHING})
        made = await rebuild(OWNER, bench.sides)
        assert (made.removed, made.changed) == (1, 1)
        assert await remembered(place) == before

        await forget(place, masterdata_records)
        made = await rebuild(OWNER, bench.sides)
        assert (made.removed, made.changed) == (0, 25)
        assert await remembered(place) == before
        assert {fact.by for fact in await place.facts(RecordRefused)} == {"rules", "api"}
        sent = len(place.posted)
        assert ((await bench.run(mode="delta")).sent, len(place.posted)) == (0, sent)

        await forget(place, masterdata_records, masterdata_runs)
        after = await bench.run()
        assert (after.sent, await remembered(place)) == (0, before)
        assert (await bench.run()).gone == 0, "what is going is missed twice again before Basware is told again"


async def test_a_stride_is_whole_portions(place: Any, opening: Opening) -> None:
    accounts = {"accounts": {"of": "gl accounts"}}
    async with opening(place, kinds=accounts) as bench:
        add_accounts(bench.world, "NWM", 1100)
        run = await bench.run("account")

    assert run.sent > 1100
    assert len(place.posted) == -(-run.sent // 500)
    assert runs.STRIDE == 500
