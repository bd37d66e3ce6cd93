"""The service is killed at ten random moments: Basware ends equal to Epicor, and little is sent twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from masterdata_sync.changes import Record
from masterdata_sync.kinds import kinds_of
from masterdata_sync.settling import addressee_of, translated
from mlc_common.tables import masterdata_runs
from mlc_sandbox.epicor.master_control import add_accounts, add_vendors, write

Opening = Callable[..., Any]
KILLS = 10
VENDORS, ACCOUNTS = 1200, 2400
CHANGED_EACH_TIME = 20
SEED = 20261122
PORTION = 500


@pytest.mark.timeout(300)
async def test_ten_kills_leave_basware_as_epicor_is(place: Any, opening: Opening, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    world = place.far_sides.epicor_world
    add_vendors(world, "NWM", VENDORS)
    add_accounts(world, "NWM", ACCOUNTS)
    sections = {"kinds": {"accounts": {"of": "gl accounts"}}, "masterdata": {"default": {"full": {"every": 1}}}}
    await place.connect(**sections)
    changed = 0
    for number in range(KILLS):
        process = await started(place, tmp_path / f"log-{number}")
        await until_it_reads(place)
        await asyncio.sleep(chance.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        for row in chance.sample(world.master.of("Vendor", "NWM"), CHANGED_EACH_TIME):
            write(world, "Vendor", row, {"City": f"Town {chance.random()}"}, at=(await now(place)))
            changed += 1
    process = await started(place, tmp_path / "log-last")
    try:
        await two_complete_runs(place)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()

    async with opening(place, **sections) as bench:
        expected = await wanted(place, bench)
    for path in ("/v1/vendors", "/v1/accounts"):
        held = place.far_sides.basware_world.records[path]
        assert {code: {k: v for k, v in each.items() if k != "lastUpdated"} for code, each in held.items()} == {
            record.external_code: record.entity for record in expected[path]
        }
    sent = sum(items(place).values())
    needed = sum(len(records) for records in expected.values()) + changed
    assert sent <= needed + KILLS * PORTION


async def started(place: Any, log: Path) -> asyncio.subprocess.Process:
    settings = place.settings
    environment = {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLC_MASTER_KEYS": settings.master_keys.get_secret_value(),
        "MLC_TIMINGS__MASTERDATA": "0.1",
        "MLC_TIMINGS__RETRY_BASE": "0.05",
        "MLC_TIMINGS__GRACEFUL": "3",
        "MLC_TIMINGS__DELIVERY_PAUSES": "[1]",
    }
    with log.open("wb") as out:
        program = Path(sys.executable).parent / "masterdata-sync"
        return await asyncio.create_subprocess_exec(
            program, stdout=out, stderr=out, env=os.environ | environment, start_new_session=True
        )


async def until_it_reads(place: Any) -> None:
    calls = place.far_sides.epicor_world.calls
    before = calls.total
    async with asyncio.timeout(30):
        while calls.total == before:
            await asyncio.sleep(0.01)


async def two_complete_runs(place: Any) -> None:
    """Every kind of every company has ended a run that began after now, and one more."""
    begun = await now(place)
    columns = masterdata_runs.c
    query = select(func.count()).where(columns.full_at > begun)
    for _ in range(2):
        async with asyncio.timeout(120):
            while True:
                async with place.engine.connect() as db:
                    if await db.scalar(query) == 4:
                        break
                await asyncio.sleep(0.1)
        query = select(func.count()).where(columns.full_at > await now(place))


async def now(place: Any) -> Any:
    async with place.engine.connect() as db:
        return await db.scalar(select(func.now()))


async def wanted(place: Any, bench: Any) -> dict[str, list[Record]]:
    """What Basware must hold, worked out from Epicor's rows as they are."""
    found: dict[str, list[Record]] = {}
    for kind in kinds_of(bench.sides.document):
        records = found.setdefault(kind.target.path, [])
        for pair in bench.sides.document.companies:
            rows = place.far_sides.epicor_world.master.of(kind.source.table, pair.epicor)
            made = translated(kind, [dict(row) for row in rows], addressee_of(pair, bench.sides), bench.sides.seal)
            records += [each for each in made if isinstance(each, Record)]
    return found


def items(place: Any) -> Counter[str]:
    """How often each record was taken by Basware's API layer."""
    found: Counter[str] = Counter()
    for request in place.far_sides.basware_world.requests.values():
        if request["entityType"] in ("Vendor", "Account"):
            found.update(item["externalCode"] for system in request["systems"] for item in system["items"])
    return found
