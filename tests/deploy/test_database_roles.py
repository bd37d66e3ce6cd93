"""Each service's work passes in a real PostgreSQL with its own role, and what is not its own is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import nats
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync import remembered
from masterdata_sync.changes import Known
from masterdata_sync.payments.watch_list import WatchList
from masterdata_sync.progress import Owner, Run, run_of, store
from masterdata_sync.rebuilding import rebuild as rebuild_records
from masterdata_sync.sides import Sides
from mlc_common import tables
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connections, apply, listing, set_credentials
from mlc_common.database import make_engine
from mlc_common.database_roles import (
    AUDIT,
    CONNECTIONS,
    OWNER,
    READ_MODELS,
    ROLES,
    SYNCED,
    VERSION,
    creation,
    role_of,
)
from mlc_common.eventlog import EventLog
from mlc_common.events import InvoicePosted, parse_event
from mlc_common.migrations import migrate
from mlc_common.permissions import DUTIES
from mlc_common.projections import advance, position, rewind
from mlc_common.settings import Settings
from mlc_common.streams import DEADLETTERS
from mlc_common.vault import MasterKeys
from mlc_epicor.slots import Slots
from operator_console.audit import signing_keys
from operator_console.audit.follower import Chains
from operator_console.backup import tables as copies
from operator_console.rebuilding import rebuild
from operator_console.rebuilding_uses import rebuild as rebuild_uses
from operator_console.servers import migrated
from operator_console.stream_reader import StreamReader

EXAMPLES = Path(__file__).parents[1] / "golden" / "events" / "version-1"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINE = MasterKeys.generate_line("k1")
KEYS = MasterKeys.parse(SecretStr(LINE))
SERVICES = [role for role in ROLES if role != "mlc_operator"]
DOCUMENT = ConnectionDocument.model_validate(
    {
        "name": "acme",
        "epicor": {"base_url": "http://127.0.0.1:1/sandbox"},
        "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}],
    }
)


def as_role(url: str, role: str) -> str:
    return url.replace("postgres:@", f"{role}:@")


@pytest_asyncio.fixture
async def granted(empty_database_url: str) -> str:
    """A database set up as the manual says: roles by an administrator, tables and grants by their owner."""
    database = empty_database_url.partition("@/")[2].partition("?")[0]
    administrator = make_engine(empty_database_url)
    async with administrator.begin() as db:
        for statement in creation(database).splitlines():
            await db.execute(text(statement))
    await administrator.dispose()
    for _ in range(2):  # an upgrade does it again
        await migrated(Settings(database_url=SecretStr(as_role(empty_database_url, OWNER))), grant=True)
    return empty_database_url


@pytest_asyncio.fixture
async def operator(granted: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(as_role(granted, "mlc_operator"))
    await apply(made, DOCUMENT, by="test", now=NOW)
    key = {"epicor.api_key": [SecretStr("sandbox-only")]}
    await set_credentials(made, KEYS, connection="acme", values=key, by="test", now=NOW)
    yield made
    await made.dispose()


def test_every_table_is_somebodys_and_every_user_has_a_role() -> None:
    groups = (CONNECTIONS, READ_MODELS, SYNCED, AUDIT)
    assert sorted(table for group in groups for table in group) == sorted(tables.metadata.tables)
    assert {role_of(user) for user in DUTIES} == set(ROLES)


@pytest.mark.parametrize("role", SERVICES)
async def test_a_service_reads_the_connections_and_takes_its_locks(
    granted: str, operator: AsyncEngine, role: str
) -> None:
    engine = make_engine(as_role(granted, role))
    view = Connections(engine, KEYS, refresh_seconds=1)

    await view.refresh()
    async with Slots(engine, "acme", cap=2).hold("invoice") as slot:
        await slot.still_ours()
    await engine.dispose()

    assert view.current()["acme"].secret("epicor.api_key") == "sandbox-only"


async def test_the_console_keeps_its_read_model(granted: str, operator: AsyncEngine) -> None:
    engine = make_engine(as_role(granted, "mlc_operator_console"))
    async with engine.begin() as db:
        await advance(db, "p", stream="DOCUMENTS", since=0, to=7, now=NOW)
        assert await position(db, "p") == 7
        await rewind(db, "p")
    await engine.dispose()


async def test_people_make_the_read_model_anew(granted: str, topology: str) -> None:
    client = await nats.connect(topology)
    engine = make_engine(as_role(granted, "mlc_operator"))
    await client.jetstream().publish("deadletters.d", b"{}", headers={"Durable": "d"})

    reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)

    done = await rebuild(engine, reader, now=lambda: NOW)
    uses = await rebuild_uses(engine, reader, now=lambda: NOW)

    assert (done.messages, done.changed, done.removed) == (1, 0, 0)
    assert (uses.messages, uses.changed, uses.removed) == (0, 0, 0)
    await engine.dispose()
    await client.close()


async def test_master_data_is_remembered_and_made_anew(granted: str, topology: str) -> None:
    engine = make_engine(as_role(granted, "mlc_masterdata_sync"))
    owner, client = Owner("acme", "vendor", "US01"), await nats.connect(topology)
    async with engine.begin() as db:
        await store(db, owner, Run(run=1))
        await store(db, owner, Run(run=2))
        await remembered.remember(db, owner, [Known("V1", key="k", seen="s", sent="s")], run=1)
        await remembered.count_missed(db, owner, run=2)
        await remembered.retired(db, owner, {"V1": "gone"})
        await remembered.refused_later(db, owner, {"V1": "gone"})
        assert (await remembered.known(db, owner, ["V1"]))["V1"].refused == "gone"
        assert (await run_of(db, owner)).run == 2
    journal = SimpleNamespace(log=EventLog(client, timeout=5), nats=client, timeout=5)
    await rebuild_records(owner, cast(Sides, SimpleNamespace(engine=engine, journal=journal)))
    async with engine.connect() as db:
        assert await remembered.known(db, owner, ["V1"]) == {}
    await client.close()
    await engine.dispose()


async def test_payments_are_watched(granted: str, operator: AsyncEngine) -> None:
    engine = make_engine(as_role(granted, "mlc_masterdata_sync"))
    posted = parse_event((EXAMPLES / "invoice_posted.json").read_bytes())
    assert isinstance(posted, InvoicePosted)
    watched = WatchList(engine, "acme")
    for since in (0, 7):
        await watched.learn([posted], since=since, to=since + 7, now=NOW)
    await watched.looked(found := await watched.due(posted.company, now=NOW, most=10))
    for mark in ("2026-11-22T00:00:00", "2026-11-23T00:00:00"):
        await watched.move_watermark(posted.company, mark)

    async with operator.begin() as db:
        await rewind(db, "invoice-payments acme")
    assert await watched.is_to_be_made_anew()
    async with watched.anew() as anew:
        await anew.learn([posted], now=NOW)
        await anew.put_in_place(to=14, now=NOW)

    assert len(found) == 1
    assert await watched.position() == 14
    assert await watched.watermark(posted.company) == mark
    await engine.dispose()


async def test_people_copy_every_table_out_and_back_in(granted: str, operator: AsyncEngine, tmp_path: Path) -> None:
    async with copies.driver(operator) as connection:
        _, rows = await copies.copy_out(connection, tmp_path)
    administrator = make_engine(granted)
    async with administrator.begin() as db:
        await db.execute(text(f"TRUNCATE {', '.join(tables.metadata.tables)}"))
    await administrator.dispose()
    async with copies.driver(operator) as connection:
        await copies.must_be_empty(connection)
        assert await copies.copy_in(connection, tmp_path) == rows
    assert rows["credentials"]


async def test_the_console_chains_and_signs(granted: str, operator: AsyncEngine, topology: str) -> None:
    engine = make_engine(as_role(granted, "mlc_operator_console"))
    client = await nats.connect(topology)
    await client.jetstream().publish("deadletters.d", b"{}")
    reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
    chains = Chains(engine, client, reader, keys=lambda: KEYS, now=lambda: NOW, timeout=5)
    anchor = await chains.up_to_date(DEADLETTERS)
    await client.close()
    await engine.dispose()

    assert anchor is not None
    [key] = await signing_keys.listing(operator)
    assert set(anchor.signatures) == {key.id}
    assert await signing_keys.add(operator, KEYS, now=NOW) != key.id
    await signing_keys.retire(operator, key.id, now=NOW)
    rotated = MasterKeys.parse(SecretStr(f"{MasterKeys.generate_line('k2')}\n{LINE}"))
    assert await signing_keys.rewrap(operator, rotated) == 2


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_changes_a_chain_or_takes_a_key_away(granted: str, role: str) -> None:
    engine = make_engine(as_role(granted, role))
    for statement in ("UPDATE chain_blocks SET last = 0", "DELETE FROM chain_blocks", "DELETE FROM signing_keys"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with engine.begin() as db:
                await db.execute(text(statement))
    await engine.dispose()


async def test_people_apply_list_and_find_nothing_to_migrate(operator: AsyncEngine) -> None:
    assert [row.name for row in await listing(operator)] == ["acme"]
    assert await migrate(operator) == ()


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_has_the_rights_it_was_given_and_no_others(granted: str, role: str) -> None:
    engine = make_engine(as_role(granted, role))
    async with engine.connect() as db:
        held = {
            (table, right)
            for table in (*tables.metadata.tables, VERSION)
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if await db.scalar(text("SELECT has_table_privilege(:table, :right)"), {"table": table, "right": right})
        }
    await engine.dispose()

    assert held == {(table, right) for table, rights in ROLES[role].items() for right in rights if "(" not in right}


@pytest.mark.parametrize("role", SERVICES)
async def test_what_is_not_its_own_is_refused(granted: str, role: str) -> None:
    engine = make_engine(as_role(granted, role))
    for statement in (
        "UPDATE connection_changes SET counter = 0",
        "DELETE FROM credentials",
        "INSERT INTO connections (name, current) VALUES ('x', 1)",
        "DROP TABLE document_status",
        "CREATE TABLE mine (id int)",
        "SELECT * FROM alembic_version",
        "CREATE ROLE another",
        "DELETE FROM masterdata_runs",
        "DELETE FROM payment_watermarks",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            async with engine.begin() as db:
                await db.execute(text(statement))
    await engine.dispose()


async def test_a_stranger_does_not_even_get_in(granted: str, postgres: object) -> None:
    administrator = make_engine(granted)
    async with administrator.begin() as db:
        await db.execute(text("DROP ROLE IF EXISTS stranger"))
        await db.execute(text("CREATE ROLE stranger LOGIN"))
    await administrator.dispose()
    engine = make_engine(as_role(granted, "stranger"))
    with pytest.raises(Exception, match="permission denied for database"):
        async with engine.connect():
            pass
    await engine.dispose()
