"""Master keys rotate again and again, and credentials are stored all or none, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common import connections
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import CredentialRefusedError, load
from mlc_common.service import master_keys
from mlc_common.settings import Settings, Timings
from mlc_common.vault import MasterKeys
from operator_console import credential_commands, key_commands
from operator_console.data_folder import write_private
from operator_console.exits import CommandError, Exit

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OLD, NEW = MasterKeys.generate_line("old"), MasterKeys.generate_line("new")
PASSWORD = {"epicor.password": [SecretStr("sandbox-only-password")]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "master-keys"
    write_private(made, OLD + "\n")
    return made


@pytest.fixture
async def settings(engine: AsyncEngine, database_url: str) -> Callable[..., Settings]:
    """Settings on a database with one connection; keys as they are given."""
    segments = [{"field": "accountCode"}]
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments}
    document = {"name": "northwind", "epicor": {"base_url": "http://127.0.0.1:9/live"}, "companies": [company]}
    await connections.apply(engine, ConnectionDocument.model_validate(document), by="test", now=NOW)

    def made(**keys: object) -> Settings:
        return Settings.model_validate(
            {"database_url": database_url, "timings": Timings(refresh=0.01), "_env_file": None, **keys}
        )

    return made


def ids(file: Path) -> list[str]:
    return [line.partition(":")[0] for line in file.read_text().split()]


async def opens(engine: AsyncEngine, keys: MasterKeys) -> bool:
    found = (await load(engine, keys))["northwind"]
    return not found.unreadable and found.secret("epicor.password") == "sandbox-only-password"


async def test_every_rotation_makes_a_fresh_key_and_only_older_ones_may_go(
    engine: AsyncEngine, settings: Callable[..., Settings], file: Path
) -> None:
    own = settings(master_keys_file=file)
    await credential_commands.store(own, "northwind", PASSWORD, by="test", now=NOW)
    said: list[str] = []

    first = await key_commands.rotate(own, say=said.append)
    second = await key_commands.rotate(own, say=said.append)

    assert ids(file) == [second.sealing, first.sealing, "old"]
    assert len({"old", first.sealing, second.sealing}) == 3
    assert (first.moved, second.moved) == (1, 1)
    assert first.removable == ("old",)
    assert second.removable == (first.sealing, "old")
    assert len(said) == 2
    only = [line for line in file.read_text().split() if line.startswith(f"{second.sealing}:")]
    write_private(file, "\n".join(only))
    assert await opens(engine, master_keys(own)), "what was called removable could be removed"


async def test_the_key_is_known_to_services_before_it_seals(settings: Callable[..., Settings], file: Path) -> None:
    own = settings(master_keys_file=file)
    seen: list[list[str]] = []

    rotation = await key_commands.rotate(own, say=lambda _: seen.append(ids(file)))

    assert seen == [["old", rotation.sealing]]


async def test_a_prepared_key_seals_when_it_is_named(settings: Callable[..., Settings], file: Path) -> None:
    own = settings(master_keys_file=file)
    prepared = key_commands.new(own)

    rotation = await key_commands.rotate(own, to=prepared.key_id, say=lambda _: None)

    assert ids(file) == [prepared.key_id, "old"]
    assert rotation.sealing == prepared.key_id
    with pytest.raises(CommandError, match="holds no key k1") as caught:
        await key_commands.rotate(own, to="k1", say=lambda _: None)
    assert caught.value.code == Exit.USAGE


async def test_keys_from_the_environment_are_sealed_under_the_first_one_and_stay_as_they_are(
    engine: AsyncEngine, settings: Callable[..., Settings]
) -> None:
    await credential_commands.store(settings(master_keys=OLD), "northwind", PASSWORD, by="test", now=NOW)

    too_early = await key_commands.rotate(settings(master_keys=f"{OLD},{NEW}"), say=lambda _: None)
    turned = await key_commands.rotate(settings(master_keys=f"{NEW},{OLD}"), say=lambda _: None)
    again = await key_commands.rotate(settings(master_keys=f"{NEW},{OLD}"), say=lambda _: None)

    assert (too_early.sealing, too_early.moved, too_early.removable) == ("old", 0, ())
    assert (turned.sealing, turned.moved, turned.removable) == ("new", 1, ("old",))
    assert (again.moved, again.removable) == (0, ())
    assert await opens(engine, MasterKeys.parse(SecretStr(NEW)))


async def test_a_file_with_one_wrong_value_changes_nothing(
    engine: AsyncEngine, settings: Callable[..., Settings], file: Path
) -> None:
    own = settings(master_keys_file=file)
    await credential_commands.store(own, "northwind", PASSWORD, by="test", now=NOW)
    values = {"epicor.password": [SecretStr("sandbox-only-other")], "epicor.api_key": [SecretStr("a\nb")]}

    with pytest.raises(CredentialRefusedError):
        await credential_commands.store(own, "northwind", values, by="test", now=NOW)

    assert await opens(engine, master_keys(own))


async def test_after_a_lost_master_key_what_it_sealed_is_discarded_and_set_again(
    engine: AsyncEngine, settings: Callable[..., Settings]
) -> None:
    await credential_commands.store(settings(master_keys=OLD), "northwind", PASSWORD, by="test", now=NOW)
    own = settings(master_keys=NEW)

    assert await credential_commands.discard(own, "northwind") == ("epicor.password",)
    await credential_commands.store(own, "northwind", PASSWORD, by="test", now=NOW)

    assert await opens(engine, master_keys(own))
