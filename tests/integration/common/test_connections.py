"""Connections in a real PostgreSQL: versions, credentials, and the view that services read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import (
    Applied,
    CredentialRefusedError,
    MissingCredentialError,
    StoredDocumentError,
    apply,
    listing,
    load,
    set_credential,
    version,
)
from mlc_common.tables import connection_versions
from mlc_common.vault import MasterKeys, VaultError

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


async def test_the_same_content_again_is_not_a_new_version(engine: AsyncEngine) -> None:
    assert await apply(engine, document(), by="ada", now=NOW) == Applied(version=1, changed=True)
    assert await apply(engine, document(), by="bob", now=LATER) == Applied(version=1, changed=False)
    stored = await version(engine, "north")
    assert stored is not None
    assert (stored.version, stored.applied_by, stored.applied_at) == (1, "ada", NOW)


async def test_every_version_stays_and_going_back_is_a_new_one(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await apply(engine, document(posting={"tolerance": "0.05"}), by="bob", now=LATER)
    assert await apply(engine, document(), by="ada", now=LATER) == Applied(version=3, changed=True)
    first, second, third, current = [await version(engine, "north", number) for number in (1, 2, 3, None)]
    assert first is not None
    assert second is not None
    assert third is not None
    assert second.document == document(posting={"tolerance": "0.05"})
    assert third.document == first.document == document()
    assert third.digest == first.digest != second.digest
    assert current == third


async def test_a_version_that_is_not_there_is_none(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    assert await version(engine, "north", 2) is None
    assert await version(engine, "south") is None


async def test_twenty_different_documents_at_once_become_twenty_versions(engine: AsyncEngine) -> None:
    wanted = [document(posting={"description": f"form {number}"}) for number in range(20)]
    applied = await asyncio.gather(*(apply(engine, each, by="ada", now=NOW) for each in wanted))
    assert sorted(each.version for each in applied) == list(range(1, 21))
    for each, doc in zip(applied, wanted, strict=True):
        stored = await version(engine, "north", each.version)
        assert stored is not None
        assert stored.document == doc


async def test_the_same_document_applied_twenty_times_at_once_is_one_version(engine: AsyncEngine) -> None:
    applied = await asyncio.gather(*(apply(engine, document(), by="ada", now=NOW) for _ in range(20)))
    assert {each.version for each in applied} == {1}
    assert sum(each.changed for each in applied) == 1


async def test_the_list_says_what_is_set_and_not_what_it_is(engine: AsyncEngine) -> None:
    await apply(engine, document("south", paused=True), by="ada", now=NOW)
    await apply(engine, document(), by="bob", now=LATER)
    await put(engine, "sandbox-only-a", "sandbox-only-b", field="basware.webhook_secret")
    await put(engine, "sandbox-only-c")
    north, south = await listing(engine)
    assert (north.name, north.version, north.applied_by, north.paused) == ("north", 1, "bob", False)
    assert north.credentials == {"basware.webhook_secret": 2, "epicor.password": 1}
    assert (south.name, south.paused, south.credentials) == ("south", True, {})
    assert "sandbox-only" not in repr(north)


async def test_credentials_come_back_in_order_and_are_replaced_as_a_whole(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await put(engine, "first", "second", "third", field="basware.webhook_secret")
    connection = (await load(engine, KEYS))["north"]
    assert connection.secrets("basware.webhook_secret") == ("first", "second", "third")
    assert connection.secret("basware.webhook_secret") == "first"
    await put(engine, "fourth", field="basware.webhook_secret")
    assert (await load(engine, KEYS))["north"].secrets("basware.webhook_secret") == ("fourth",)
    assert (connection.name, connection.version, connection.document) == ("north", 1, document())


async def test_a_credential_outlives_a_new_version_of_its_connection(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await put(engine, "sandbox-only-password")
    await apply(engine, document(paused=True), by="ada", now=LATER)
    connection = (await load(engine, KEYS))["north"]
    assert (connection.version, connection.secret("epicor.password")) == (2, "sandbox-only-password")


async def test_a_credential_that_is_not_set_is_named_with_the_remedy(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    connection = (await load(engine, KEYS))["north"]
    assert connection.secrets("epicor.api_key") == ()
    with pytest.raises(
        MissingCredentialError,
        match=r"Connection north: epicor\.api_key \(Epicor REST API key\) is not set\. Set it: ml-connector",
    ):
        connection.secret("epicor.api_key")
    with pytest.raises(KeyError):
        connection.secrets("epicor.api_kee")


async def test_a_credential_needs_its_connection(engine: AsyncEngine) -> None:
    with pytest.raises(CredentialRefusedError, match="There is no connection south"):
        await put(engine, "sandbox-only-password", connection="south")


async def test_a_connection_shows_no_value_in_its_repr(engine: AsyncEngine) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await put(engine, "sandbox-only-password")
    connection = (await load(engine, KEYS))["north"]
    assert "sandbox-only-password" not in f"{connection!r} {connection.credentials!r} {connection.credentials}"


async def test_a_wrong_master_key_is_said_clearly_and_hides_no_connection(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await put(engine, "sandbox-only-password")
    wrong = MasterKeys.parse(SecretStr(MasterKeys.generate_line("k1")))
    connection = (await load(engine, wrong))["north"]
    sentence = "Connection north: master key 'k1' does not open its data key"
    with pytest.raises(VaultError, match=sentence):
        connection.secret("epicor.password")
    with pytest.raises(MissingCredentialError):
        connection.secret("epicor.api_key")
    assert sentence in caplog.text


async def test_a_wrong_master_key_cannot_seal_anything(engine: AsyncEngine) -> None:
    for name in ("north", "south"):
        await apply(engine, document(name), by="ada", now=NOW)
    await put(engine, "sandbox-only-password")
    wrong = MasterKeys.parse(SecretStr(MasterKeys.generate_line("k1")))
    for name in ("north", "south"):  # south has no data key yet: the key is tried on north's
        with pytest.raises(VaultError, match="master key 'k1' does not open"):
            await set_credential(
                engine, wrong, connection=name, field="epicor.password", values=[SecretStr("x")], by="eve", now=NOW
            )
    assert (await load(engine, KEYS))["north"].secret("epicor.password") == "sandbox-only-password"


async def test_a_document_of_another_program_version_hides_no_other_connection(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await apply(engine, document(), by="ada", now=NOW)
    await apply(engine, document("south"), by="ada", now=NOW)
    foreign = {**document().model_dump(mode="json"), "colour": "sandbox-only-colour"}
    async with engine.begin() as db:
        await db.execute(
            update(connection_versions).where(connection_versions.c.name == "north").values(document=foreign)
        )
    assert list(await load(engine, KEYS)) == ["south"]
    with pytest.raises(StoredDocumentError, match=r"stored version 1 does not fit .* \(colour\)"):
        await version(engine, "north")
    assert "Connection north: stored version 1 does not fit" in caplog.text
    assert "sandbox-only-colour" not in caplog.text
