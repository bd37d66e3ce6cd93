"""What lies in PostgreSQL and what is logged: no plain secret, and nothing that opens anywhere but in its place."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import Connection, inspect, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import CREDENTIAL_FIELDS, ConnectionDocument
from mlc_common.connections import apply, listing, load, rewrap, set_credential
from mlc_common.database import make_engine
from mlc_common.tables import credentials
from mlc_common.vault import MasterKeys, VaultError

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SETTER = "ada-who-set-them-all"
OLD = MasterKeys.generate_line("old")
NEW = MasterKeys.generate_line("new")
KEYS = MasterKeys.parse(SecretStr(OLD))
BOTH = MasterKeys.parse(SecretStr(f"{NEW},{OLD}"))


def value_of(connection: str, field: str) -> str:
    return f"sandbox-only+{connection}+{field}"


def document(name: str) -> ConnectionDocument:
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    return ConnectionDocument.model_validate(
        {"name": name, "epicor": {"base_url": "http://127.0.0.1:8080/sandbox"}, "companies": [pair]}
    )


@pytest_asyncio.fixture
async def filled(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Two connections, north and south, with every credential set."""
    for name in ("north", "south"):
        await apply(engine, document(name), by="ada", now=NOW)
        for field in CREDENTIAL_FIELDS:
            secret = [SecretStr(value_of(name, field))]
            await set_credential(engine, KEYS, connection=name, field=field, values=secret, by=SETTER, now=NOW)
    yield engine


def forms(secret: bytes) -> list[bytes]:
    """A secret as it could stand somewhere: plain, base64 at each of the three offsets, hex."""
    encoded = [base64.b64encode(b"\0" * shift + secret)[4:-4] for shift in range(3)]
    return [secret, *encoded, secret.hex().encode(), secret.hex().upper().encode(), secret[::-1]]


def secrets() -> list[bytes]:
    values = [value_of(name, field).encode() for name in ("north", "south") for field in CREDENTIAL_FIELDS]
    return [*values, *BOTH.by_id.values()]


def found_in(haystack: bytes) -> list[bytes]:
    return [form for secret in secrets() for form in forms(secret) if form in haystack]


async def everything(engine: AsyncEngine) -> bytes:
    """Every cell of every table: text as it is, binary as it is and in hex."""

    def cells(connection: Connection) -> list[Any]:
        tables = inspect(connection).get_table_names()
        rows = [
            row for name in tables for row in connection.execute(select(text("t.*, t::text FROM " + name + " AS t")))
        ]
        assert {"credentials", "data_keys", "connection_versions"} <= set(tables)
        return [cell for row in rows for cell in row]

    async with engine.connect() as db:
        held = await db.run_sync(cells)
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in held)


def test_the_search_itself_finds_a_secret_in_each_form() -> None:
    for secret in secrets():
        for form in forms(secret):
            assert found_in(b"around " + form + b" it")


async def test_no_table_holds_a_plain_secret(filled: AsyncEngine) -> None:
    held = await everything(filled)
    assert b"epicor.client_secret" in held
    assert found_in(held) == []
    await rewrap(filled, BOTH, now=NOW)
    assert found_in(await everything(filled)) == []


def content(path: Path) -> bytes:
    with suppress(FileNotFoundError):  # the server renames and removes files as it likes
        return path.read_bytes()
    return b""


async def test_no_file_of_the_database_holds_a_plain_secret(filled: AsyncEngine, postgres: Any) -> None:
    await postgres.execute("CHECKPOINT")
    folder: Path = postgres.folder
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    holding = {secret: [path for path in files if secret in content(path)] for secret in [SETTER.encode(), *secrets()]}
    assert any("pg_wal" in path.parts for path in holding.pop(SETTER.encode()))  # so the search would find a secret
    assert {secret: paths for secret, paths in holding.items() if paths} == {}


async def test_nothing_that_is_logged_holds_a_plain_secret(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = make_engine(database_url)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "asyncio", "alembic", "mlc_common"):
        caplog.set_level(logging.DEBUG, logger=name)
    caplog.set_level(logging.DEBUG)
    await apply(engine, document("north"), by="ada", now=NOW)
    secret = [SecretStr(value_of("north", "epicor.password"))]
    await set_credential(engine, KEYS, connection="north", field="epicor.password", values=secret, by="ada", now=NOW)
    await load(engine, KEYS)
    await rewrap(engine, BOTH, now=NOW)
    await load(engine, KEYS)
    await listing(engine)
    await engine.dispose()
    assert "INSERT INTO credentials" in caplog.text
    assert "sealed under master key 'new'" in caplog.text
    assert found_in(caplog.text.encode()) == []
    assert "parameters hidden" in caplog.text


async def test_a_failing_statement_shows_none_of_its_values(filled: AsyncEngine) -> None:
    async with filled.connect() as db:
        with pytest.raises(DBAPIError) as caught:
            await db.execute(text("SELECT CAST(:value AS text) || 1 / 0"), {"value": "sandbox-only-value"})
    assert "sandbox-only-value" not in f"{caught.value} {caught.value!r}"


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as db:
        assert (await db.execute(text(statement))).rowcount > 0


async def test_a_sealed_value_moved_to_another_field_does_not_open(filled: AsyncEngine) -> None:
    await run(
        filled,
        "UPDATE credentials AS c SET nonce = o.nonce, sealed = o.sealed FROM credentials AS o"
        " WHERE c.connection = 'north' AND o.connection = 'north' AND c.field = 'epicor.username'"
        " AND o.field = 'epicor.password'",
    )
    north = (await load(filled, KEYS))["north"]
    with pytest.raises(VaultError, match=r"Connection north: the stored epicor\.username does not open"):
        north.secret("epicor.username")
    assert north.secret("epicor.password") == value_of("north", "epicor.password")


async def test_a_sealed_value_moved_to_another_connection_does_not_open(filled: AsyncEngine) -> None:
    await run(
        filled,
        "UPDATE credentials AS c SET nonce = o.nonce, sealed = o.sealed FROM credentials AS o"
        " WHERE c.connection = 'south' AND o.connection = 'north' AND c.field = o.field",
    )
    connections = await load(filled, KEYS)
    for field in CREDENTIAL_FIELDS:
        assert connections["north"].secret(field) == value_of("north", field)
        with pytest.raises(VaultError, match=f"Connection south: the stored {field} does not open"):
            connections["south"].secret(field)


async def test_a_wrapped_key_moved_to_another_connection_does_not_open_with_all_it_sealed(filled: AsyncEngine) -> None:
    async with filled.begin() as db:
        await db.execute(text("DELETE FROM credentials WHERE connection = 'south'"))
        await db.execute(text("DELETE FROM data_keys WHERE connection = 'south'"))
        await db.execute(
            text(
                "INSERT INTO data_keys (connection, id, master_key_id, wrapped, created_at, wrapped_at)"
                " SELECT 'south', id, master_key_id, wrapped, created_at, wrapped_at FROM data_keys"
            )
        )
        await db.execute(
            text(
                "INSERT INTO credentials (connection, field, position, data_key_id, nonce, sealed, set_at, set_by)"
                " SELECT 'south', field, position, data_key_id, nonce, sealed, set_at, set_by FROM credentials"
            )
        )
    connections = await load(filled, KEYS)
    for field in CREDENTIAL_FIELDS:
        assert connections["north"].secret(field) == value_of("north", field)
        with pytest.raises(VaultError, match="Connection south: master key 'old' does not open its data key"):
            connections["south"].secret(field)


async def test_two_webhook_secrets_that_change_places_do_not_open(filled: AsyncEngine) -> None:
    field = "basware.webhook_secret"
    both = [SecretStr("sandbox-only-first"), SecretStr("sandbox-only-second")]
    await set_credential(filled, KEYS, connection="north", field=field, values=both, by="ada", now=NOW)
    mine = credentials.c.connection == "north", credentials.c.field == field
    async with filled.begin() as db:
        for position in (credentials.c.position + 2, 3 - credentials.c.position):  # 0, 1 -> 2, 3 -> 1, 0
            await db.execute(update(credentials).where(*mine).values(position=position))
    with pytest.raises(VaultError):
        (await load(filled, KEYS))["north"].secrets(field)
