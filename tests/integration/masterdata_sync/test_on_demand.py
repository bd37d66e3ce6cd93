"""Somebody asks for a run: of everything, of one record, or only to see; two replicas share what is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from masterdata_sync.requests import WAIT
from mlc_common.events import RecordSent
from mlc_common.tables import masterdata_records, paused_flows
from mlc_sandbox.epicor.master_control import add_vendors
from operator_console import projection_commands
from operator_console.exits import CommandError
from operator_console.sync_command import Answered, ask

from .conftest import NOW

Serving = Callable[[Any], Any]
PAUSED = {"connection": "northwind", "flow": "masterdata", "by": "eva", "reason": "", "since": NOW}
OURS = {"NWM": "US01", "NWF": "FI01"}
NEVER = {"default": {"full": {"cron": "0 0 29 2 *"}}}


async def asked(place: Any, **wishes: Any) -> Answered:
    return await ask(place.settings, connection="northwind", patience=30, **wishes)


async def first_run(place: Any) -> None:
    vendors = place.far_sides.epicor_world.master.vendors
    async with asyncio.timeout(30):
        while len(await place.facts(RecordSent)) < len(vendors):
            await asyncio.sleep(0.05)


async def test_a_plan_says_what_would_be_sent_and_sends_nothing(place: Any, serving: Serving) -> None:
    await place.connect(masterdata=NEVER)
    async with serving(place):
        await first_run(place)
        place.far_sides.epicor_world.master.vendors["NWM", 101]["Name"] = "Great Lakes Bolts LLC"
        add_vendors(place.far_sides.epicor_world, "NWF", 1)
        before = len(place.posted)
        found = await asked(place, plan=True)

    told = {(each.company, each.code): each.what for each in found.planned.values()}
    assert told == {("US01", "10432"): "changed", ("FI01", "V100001"): "new"}
    assert [(run.mode, run.changed, run.sent) for run in found.runs] == [("plan", 1, 0), ("plan", 1, 0)]
    assert len(place.posted) == before


async def test_one_record_is_brought_up_to_date_alone(place: Any, serving: Serving) -> None:
    await place.connect(masterdata=NEVER)
    async with serving(place):
        await first_run(place)
        for number in (101, 102):
            place.far_sides.epicor_world.master.vendors["NWM", number]["Name"] = f"Renamed {number}"
        add_vendors(place.far_sides.epicor_world, "NWM", 1)
        reads = place.reads()
        one = await asked(place, kind="vendor", company="US01", key="10432")
        known = place.reads() - reads
        new = await asked(place, kind="vendor", company="US01", key="V100001")
        none = await asked(place, kind="vendor", company="US01", key="nobody")

    assert [(run.mode, run.sent) for run in (*one.runs, *new.runs)] == [("one", 1), ("one", 1)]
    assert known == 1
    there = place.far_sides.basware_world.vendors
    assert there["US01_10432"]["name"] == "Renamed 101"
    assert "Renamed" not in " ".join(each["name"] for code, each in there.items() if code != "US01_10432")
    assert "US01_V100001" in there
    assert none.problem == "Epicor has no vendor nobody in company NWM."


async def test_a_full_run_sends_again_what_was_refused(place: Any, serving: Serving) -> None:
    await place.connect(masterdata=NEVER)
    async with serving(place):
        await first_run(place)
        found = await asked(place, kind="vendor", full=True)

    assert [(run.mode, run.sent, run.outcome) for run in found.runs] == [("full", 0, "finished")] * 2


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"kind": "unicorn"}, "This connection imports no kind unicorn; it imports: vendor."),
        ({"company": "XX"}, "This connection has no company XX."),
    ],
)
async def test_what_is_not_there_is_said(place: Any, serving: Serving, wishes: dict[str, str], sentence: str) -> None:
    await place.connect(masterdata=NEVER)
    async with serving(place):
        found = await asked(place, **wishes)

    assert (found.problem, found.runs) == (sentence, [])


async def test_a_connection_that_is_not_there_is_said(place: Any) -> None:
    with pytest.raises(CommandError, match="no connection elsewhere"):
        await ask(place.settings, connection="elsewhere", patience=1)


async def test_nobody_answers_while_the_service_is_away(place: Any) -> None:
    with pytest.raises(CommandError, match="has not ended"):
        await ask(place.settings, connection="northwind", patience=1)


async def test_two_replicas_share_the_kinds_and_send_everything_once(place: Any, serving: Serving) -> None:
    add_vendors(place.far_sides.epicor_world, "NWM", 800)
    await place.connect(kinds={"accounts": {"of": "gl accounts"}}, masterdata=NEVER)
    world = place.far_sides.epicor_world
    wanted = len(world.master.rows["Vendor"]) + len(world.master.rows["GLAccount"])
    async with serving(place), serving(place), asyncio.timeout(40):
        while len(await place.facts(RecordSent)) < wanted:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)

    facts = await place.facts(RecordSent)
    assert len({(fact.kind, fact.company, fact.code) for fact in facts}) == len(facts) == wanted


async def rows(place: Any) -> list[Any]:
    """What is remembered of records, without what is no fact of them."""
    columns = [each for each in masterdata_records.columns if each.name not in ("run", "missing")]
    async with place.engine.connect() as db:
        return sorted((await db.execute(select(*columns))).all(), key=repr)


async def test_what_is_remembered_is_made_anew_while_runs_go_on(place: Any, serving: Serving) -> None:
    """From what is there and from an empty table, while vendors change and P2P tells what became of them."""
    vendors = place.far_sides.epicor_world.master.vendors
    stop = asyncio.Event()
    # Between two runs there is time for what people ask for, as there is by default.
    calmer = place.settings.timings.model_copy(update={"masterdata": 2 * WAIT})
    place.settings = place.settings.model_copy(update={"timings": calmer})

    async def change() -> None:
        number = 0
        while not stop.is_set():
            for vendor in list(vendors.values())[number % 5 :: 5]:
                vendor["Name"] = f"Renamed {number}"
            number += 1
            await asyncio.sleep(0.1)

    async def anew() -> projection_commands.Done:
        made = projection_commands.made_anew(
            place.settings, projection_commands.RECORDS, patience=60, progress=lambda _messages: None
        )
        (done,) = [each async for each in made]
        return done

    async def nothing_left() -> bool:
        """Basware holds every name that Epicor has, and two looks at what is remembered are the same."""
        there = place.far_sides.basware_world.vendors
        names = {f"{OURS[company]}_{each['VendorID']}": each["Name"] for (company, _), each in vendors.items()}
        before = await rows(place)
        await asyncio.sleep(2)
        return {code: there[code]["name"] for code in names} == names and await rows(place) == before

    async with serving(place):
        await first_run(place)
        changing = asyncio.create_task(change())
        for number in range(4):
            if number % 2:
                async with place.engine.begin() as db:
                    await db.execute(masterdata_records.delete())
            done = await anew()
        stop.set()
        await changing
        async with asyncio.timeout(60):
            while not await nothing_left():
                pass
        live = await rows(place)
        async with place.engine.begin() as db:
            await db.execute(masterdata_records.delete())
        last = await anew()
        assert await rows(place) == live

    assert done.figures
    assert last.figures
    assert last.figures.messages > done.figures.messages > len(live) == len(vendors)
    assert last.sentence.startswith(f"{last.figures.messages} facts were folded")
    async with place.engine.begin() as db:
        await db.execute(paused_flows.insert(), PAUSED)
    assert (await anew()).sentence.endswith("Not those of northwind, whose flow masterdata is paused.")
