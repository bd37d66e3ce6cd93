"""What is gone from Epicor becomes inactive in Basware: after two complete readings, and never too many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlc_common.events import RecordChanged, SyncFinished
from mlc_sandbox.epicor.master_control import remove

Opening = Callable[..., Any]
CAREFUL = {"kinds": {"vendor": {"largest_removal": 0.1}}}


def leave(bench: Any, count: int) -> list[dict[str, Any]]:
    """So many vendors are deleted in Epicor."""
    rows = bench.world.master.of("Vendor", "NWM")[:count]
    for row in rows:
        remove(bench.world, "Vendor", row)
    return rows


def inactive(bench: Any) -> set[str]:
    return {code for code, each in bench.there().items() if not each["processingStatus"]["active"]}


async def test_a_vendor_is_retired_when_two_readings_in_a_row_did_not_have_it(place: Any, opening: Opening) -> None:
    async with opening(place) as bench:
        await bench.run()
        before = inactive(bench)
        [gone] = leave(bench, 1)
        once = await bench.run()
        assert (once.gone, inactive(bench)) == (0, before)

        twice = await bench.run()
        again = await bench.run()

    code = f"US01_{gone['VendorID']}"
    assert (twice.gone, again.gone) == (1, 0)
    assert inactive(bench) == before | {code}
    facts = [fact for fact in await place.facts(RecordChanged) if fact.gone]
    assert [fact.code for fact in facts] == [gone["VendorID"]]


async def test_a_vendor_that_comes_back_is_active_again(place: Any, opening: Opening) -> None:
    async with opening(place) as bench:
        await bench.run()
        [gone] = leave(bench, 1)
        for _ in range(2):
            await bench.run()
        assert f"US01_{gone['VendorID']}" in inactive(bench)
        bench.world.master.rows["Vendor"].append(gone)
        back = await bench.run()

    assert back.sent == 1
    assert f"US01_{gone['VendorID']}" not in inactive(bench)


async def test_too_many_are_not_retired_until_somebody_allows_it(place: Any, opening: Opening) -> None:
    async with opening(place, masterdata=CAREFUL) as bench:
        await bench.run()
        before = inactive(bench)
        rows = leave(bench, 10)
        outcomes = [(await bench.run()).outcome for _ in range(3)]
        assert outcomes == ["finished", "too many gone", "too many gone"]
        assert inactive(bench) == before
        assert bench.sides.metrics.registry.get_sample_value(
            "mlc_masterdata_stopped", {"connection": "northwind", "kind": "vendor", "company": "US01"}
        )

        allowed = await bench.run(allow_removals=True)

    assert (allowed.outcome, allowed.gone) == ("finished", 10)
    assert {f"US01_{row['VendorID']}" for row in rows} <= inactive(bench)


async def test_an_answer_without_rows_retires_nothing_whatever_is_allowed(place: Any, opening: Opening) -> None:
    async with opening(place) as bench:
        await bench.run()
        before, normal = inactive(bench), bench.world.settings
        bench.world.settings = normal.model_copy(update={"empty_reads": frozenset({"Erp.BO.VendorSvc"})})
        empty = [await bench.run(allow_removals=True) for _ in range(3)]
        assert {run.outcome for run in empty} == {"nothing there"}
        assert inactive(bench) == before
        bench.world.settings = normal
        assert (await bench.run()).sent == 0

    stopped = [fact for fact in await place.facts(SyncFinished) if fact.outcome == "nothing there"]
    assert len(stopped) == 3


async def test_a_small_set_may_lose_its_last_but_one(place: Any, opening: Opening) -> None:
    async with opening(place, masterdata={"kinds": {"vendor": {"largest_removal": 0}}}) as bench:
        await bench.run()
        leave(bench, 1)
        await bench.run()
        assert (await bench.run()).outcome == "finished"
