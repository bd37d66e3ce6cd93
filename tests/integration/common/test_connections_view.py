"""The view of the connections that a service holds: fresh within moments, and there when the database is not."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connections, apply, rewrap, set_credential
from mlc_common.database import DATABASE_ERRORS, make_engine
from mlc_common.vault import MasterKeys

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEYS = MasterKeys.parse(SecretStr(MasterKeys.generate_line("k1")))


def document(name: str = "north", **members: Any) -> ConnectionDocument:
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments}
    epicor = {"base_url": "http://127.0.0.1:8080/sandbox"}
    return ConnectionDocument.model_validate({"name": name, "epicor": epicor, "companies": [pair], **members})


async def put(engine: AsyncEngine, *values: str, field: str = "epicor.password", connection: str = "north") -> None:
    secrets = [SecretStr(value) for value in values]
    await set_credential(engine, KEYS, connection=connection, field=field, values=secrets, by="ada", now=NOW)


async def test_the_view_is_loaded_anew_only_when_something_changed(engine: AsyncEngine) -> None:
    view = Connections(engine, KEYS, refresh_seconds=60)
    assert (view.loaded(), dict(view.current()), view.get("north")) == (False, {}, None)
    assert await view.refresh() is True
    assert (view.loaded(), await view.refresh()) == (True, False)
    for change in (
        apply(engine, document(), by="ada", now=NOW),
        put(engine, "one"),
        put(engine, "two"),
        apply(engine, document(paused=True), by="ada", now=LATER),
    ):
        await change
        assert await view.refresh() is True
        assert await view.refresh() is False
    await apply(engine, document(paused=True), by="bob", now=LATER)
    assert await view.refresh() is False
    north = view.get("north")
    assert north is not None
    assert (north.version, north.secret("epicor.password")) == (2, "two")


async def test_what_was_taken_from_the_view_does_not_change_under_its_user(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await put(engine, "one")
    view = Connections(engine, KEYS, refresh_seconds=60)
    await view.refresh()
    before, held = view.current(), view.get("north")
    await put(engine, "two")
    await view.refresh()
    assert before["north"] is held
    assert held is not None
    assert held.secret("epicor.password") == "one"


async def until(condition: Any, *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_outage_keeps_the_last_view_and_is_said_once(
    postgres: Any, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="mlc_common.connections")
    await apply(engine, document(), by="ada", now=NOW)
    view = Connections(engine, KEYS, refresh_seconds=0.02)
    name = engine.url.database
    task = asyncio.create_task(view.keep_fresh())
    await until(lambda: view.get("north"))
    await postgres.shut(name)
    await until(lambda: "The database is away" in caplog.text)
    await asyncio.sleep(0.2)
    assert caplog.text.count("The database is away") == 1
    assert view.get("north") is not None
    await postgres.reopen(name)
    await until(lambda: "The database is back" in caplog.text)
    await apply(engine, document(paused=True), by="ada", now=LATER)
    await until(lambda: view.current()["north"].document.paused)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_service_that_starts_before_its_database_catches_up(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.execute(text("ALTER TABLE connection_changes RENAME TO not_migrated_yet"))
    view = Connections(engine, KEYS, refresh_seconds=0.02)
    task = asyncio.create_task(view.keep_fresh())
    await asyncio.sleep(0.1)
    assert view.loaded() is False
    async with engine.begin() as db:
        await db.execute(text("ALTER TABLE not_migrated_yet RENAME TO connection_changes"))
    await until(view.loaded)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_every_way_in_which_a_database_is_away_is_one_that_the_view_outlives(postgres: Any) -> None:
    for url in ("postgresql://127.0.0.1:1/none", postgres.url("never_created"), "postgresql:///x?host=/nowhere"):
        engine = make_engine(url, connect_seconds=2)
        with pytest.raises(DATABASE_ERRORS):
            await Connections(engine, KEYS, refresh_seconds=1).refresh()
        await engine.dispose()


async def test_a_master_key_added_while_running_is_read_and_a_broken_key_file_changes_nothing(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    lines = MasterKeys.generate_line("k1"), MasterKeys.generate_line("k2")
    file = tmp_path / "keys"
    file.write_text(lines[0])
    both = MasterKeys.parse(SecretStr("\n".join(reversed(lines))))
    await apply(engine, document("north"), by="ada", now=NOW)
    first = MasterKeys.parse(SecretStr(lines[0]))
    await set_credential(
        engine, first, connection="north", field="epicor.api_key", values=[SecretStr("sandbox-only")], by="ada", now=NOW
    )
    loaded: list[tuple[str, ...]] = []
    view = Connections(
        engine,
        lambda: MasterKeys.parse(SecretStr(file.read_text())),
        refresh_seconds=60,
        on_load=lambda found: loaded.append(found["north"].secrets("epicor.api_key")),
    )
    await view.refresh()
    file.write_text("\n".join(reversed(lines)))

    assert await view.refresh()
    await rewrap(engine, both, now=NOW)
    await view.refresh()
    file.write_text("nonsense")
    assert not await view.refresh()

    assert view.current()["north"].secret("epicor.api_key") == "sandbox-only"
    assert loaded[-1] == ("sandbox-only",)
