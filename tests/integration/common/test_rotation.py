"""Rotation of the master key, with everybody reading and writing while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connections, apply, discard_unreadable, load, rewrap, set_credential
from mlc_common.database import make_engine
from mlc_common.tables import data_keys
from mlc_common.vault import MasterKeys, VaultError

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
OLD_LINE, NEW_LINE = MasterKeys.generate_line("old"), MasterKeys.generate_line("new")
OLD, NEW = (MasterKeys.parse(SecretStr(line)) for line in (OLD_LINE, NEW_LINE))
OLD_FIRST = MasterKeys.parse(SecretStr(f"{OLD_LINE}\n{NEW_LINE}"))
NEW_FIRST = MasterKeys.parse(SecretStr(f"{NEW_LINE}\n{OLD_LINE}"))
FIELDS = ("epicor.password", "basware.client_secret")
NAMES = [f"site-{number:02}" for number in range(8)]


async def add(engine: AsyncEngine, name: str) -> None:
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    wanted = {"name": name, "epicor": {"base_url": "http://127.0.0.1:8080/sandbox"}, "companies": [pair]}
    await apply(engine, ConnectionDocument.model_validate(wanted), by="ada", now=NOW)


async def put(engine: AsyncEngine, keys: MasterKeys, *, name: str, field: str, value: str) -> None:
    await set_credential(engine, keys, connection=name, field=field, values=[SecretStr(value)], by="ada", now=NOW)


async def masters(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as db:
        return set((await db.scalars(select(data_keys.c.master_key_id))).all())


@pytest_asyncio.fixture
async def filled(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Eight connections with two credentials each, sealed under the old master key."""
    engine = make_engine(database_url, pool_size=12)
    for name in NAMES:
        await add(engine, name)
        for field in FIELDS:
            await put(engine, OLD, name=name, field=field, value=f"{name} {field} 0")
    yield engine
    await engine.dispose()


class Traffic:
    """Readers and writers in loops; `last` is what each writer knows to be stored."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.last = {(name, field): f"{name} {field} 0" for name in NAMES for field in FIELDS}
        self.reads = self.writes = 0
        self.running = True

    async def write(self, keys: MasterKeys, names: list[str]) -> None:
        number = 0
        while self.running:
            number += 1
            for name in names:
                for field in FIELDS:
                    value = f"{name} {field} {number}"
                    await put(self.engine, keys, name=name, field=field, value=value)
                    self.last[name, field] = value
                    self.writes += 1

    async def found(self, keys: MasterKeys, prefix: str) -> None:
        """Connections that are new while the rotation runs: each gets a data key of its own."""
        number = 0
        while self.running:
            number += 1
            name = f"{prefix}-{number}"
            await add(self.engine, name)
            await put(self.engine, keys, name=name, field=FIELDS[0], value=f"{name} secret")
            self.last[name, FIELDS[0]] = f"{name} secret"

    async def read(self, keys: MasterKeys) -> None:
        while self.running:
            for name, connection in (await load(self.engine, keys)).items():
                assert connection.unreadable == {}
                for field, values in connection.credentials.items():
                    assert values[0].get_secret_value().startswith(f"{name} "), field
            self.reads += 1


async def test_rotation_under_traffic_loses_nothing(filled: AsyncEngine) -> None:
    traffic = Traffic(filled)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        # Half of the processes still have the old key first, as in the middle of a rollout.
        group.create_task(traffic.write(OLD_FIRST, NAMES[:3]))
        group.create_task(traffic.write(NEW_FIRST, NAMES[3:6]))
        group.create_task(traffic.found(OLD_FIRST, "early"))
        group.create_task(traffic.found(NEW_FIRST, "late"))
        group.create_task(traffic.read(OLD_FIRST))
        group.create_task(traffic.read(NEW_FIRST))
        await asyncio.sleep(0.3)
        runs = await asyncio.gather(*(rewrap(filled, NEW_FIRST, now=NOW) for _ in range(3)))
        rewrapped = sum(runs)
        await asyncio.sleep(0.3)
        traffic.running = False
    assert rewrapped >= len(NAMES)
    assert traffic.reads > 5
    assert traffic.writes > 20
    assert await masters(filled) == {"new"}
    assert await rewrap(filled, NEW_FIRST, now=NOW) == 0

    # The old master key is gone now.
    connections = await load(filled, NEW)
    assert {(name, field): connections[name].secret(field) for name, field in traffic.last} == traffic.last
    await put(filled, NEW, name=NAMES[0], field=FIELDS[0], value="after")
    assert (await load(filled, NEW))[NAMES[0]].secret(FIELDS[0]) == "after"


async def test_a_rotation_that_was_cut_off_goes_on_where_it_was(filled: AsyncEngine) -> None:
    task = asyncio.create_task(rewrap(filled, NEW_FIRST, now=NOW))
    while not {"new"} <= await masters(filled):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await masters(filled) == {"old", "new"}
    assert all(not each.unreadable for each in (await load(filled, OLD_FIRST)).values())
    assert 0 < await rewrap(filled, NEW_FIRST, now=NOW) < len(NAMES)
    assert len(await load(filled, NEW)) == len(NAMES)
    assert await masters(filled) == {"new"}


async def test_after_a_rotation_the_old_key_alone_neither_opens_nor_seals(filled: AsyncEngine) -> None:
    await rewrap(filled, NEW_FIRST, now=NOW)
    with pytest.raises(VaultError, match="Connection site-00: its credentials are sealed under master key 'new'"):
        (await load(filled, OLD))["site-00"].secret(FIELDS[0])
    await add(filled, "fresh")
    with pytest.raises(VaultError, match="New keys are wrapped with master key 'new' since the last rotation"):
        await put(filled, OLD, name="fresh", field=FIELDS[0], value="x")


async def test_a_data_key_that_does_not_open_stops_no_other(filled: AsyncEngine) -> None:
    async with filled.begin() as db:
        await db.execute(text("UPDATE data_keys SET wrapped = wrapped || 'x' WHERE connection = 'site-05'"))
    with pytest.raises(
        VaultError, match=r"^7 data keys were moved to 'new', 1 not\. Connection site-05: master key 'old'"
    ):
        await rewrap(filled, NEW_FIRST, now=NOW)
    connections = await load(filled, NEW)
    assert [name for name, each in connections.items() if each.unreadable] == ["site-05"]


async def test_a_new_key_that_is_not_the_one_others_use_is_refused(filled: AsyncEngine) -> None:
    await rewrap(filled, NEW_FIRST, now=NOW)
    await add(filled, "fresh")
    mistyped = MasterKeys.parse(SecretStr(MasterKeys.generate_line("new") + "," + OLD_LINE))
    with pytest.raises(VaultError, match="master key 'new' does not open"):
        await rewrap(filled, mistyped, now=NOW)


async def test_a_service_that_waits_for_the_rotation_sees_each_step_of_it(
    filled: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    view = Connections(filled, NEW, refresh_seconds=0.001)  # restarted too early, without the old key
    await view.refresh()
    assert all(set(each.unreadable) == set(FIELDS) for each in view.current().values())
    assert caplog.text.count("sealed under master key 'old', and only new is configured") == len(NAMES)
    task = asyncio.create_task(view.keep_fresh())
    await rewrap(filled, NEW_FIRST, now=NOW)
    async with asyncio.timeout(10):
        while any(each.unreadable for each in view.current().values()):
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_a_lost_master_key_what_it_sealed_can_be_set_again(filled: AsyncEngine) -> None:
    await rewrap(filled, NEW_FIRST, now=NOW)
    third = MasterKeys.parse(SecretStr(MasterKeys.generate_line("third")))
    with pytest.raises(VaultError, match="sealed under master key 'new'"):
        await put(filled, third, name="site-00", field=FIELDS[0], value="x")
    assert set(await discard_unreadable(filled, third, connection="site-00")) == set(FIELDS)
    await put(filled, third, name="site-00", field=FIELDS[0], value="again")
    assert (await load(filled, third))["site-00"].secret(FIELDS[0]) == "again"
    assert (await load(filled, NEW))["site-01"].secret(FIELDS[0]) == "site-01 epicor.password 0"


async def test_nothing_that_opens_is_ever_discarded(filled: AsyncEngine) -> None:
    assert await discard_unreadable(filled, OLD_FIRST, connection="site-00") == ()
    assert (await load(filled, OLD))["site-00"].secret(FIELDS[0]) == "site-00 epicor.password 0"


async def test_the_time_of_the_last_wrapping_is_kept(filled: AsyncEngine) -> None:
    later = datetime(2027, 1, 1, tzinfo=UTC)
    await rewrap(filled, NEW_FIRST, now=later)
    async with filled.connect() as db:
        rows = (await db.execute(select(data_keys.c.created_at, data_keys.c.wrapped_at))).all()
    assert {tuple(row) for row in rows} == {(NOW, later)}
