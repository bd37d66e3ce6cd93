"""Backup and restore on real servers: everything comes back as it was, chains verify, projections rebuild the same."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy import select, text

from mlc_common import connections
from mlc_common.connection import ConnectionDocument
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved
from mlc_common.failures import TransientError
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.streams import ANCHORS, CHAINED, DOCUMENTS, STREAMS, writer_durable
from mlc_common.tables import document_status
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from operator_console import connection_commands, credential_commands, site
from operator_console.audit import commands as audit
from operator_console.audit.commands import Asked, chains_of
from operator_console.audit.follower import stored
from operator_console.backup import commands, snapshots
from operator_console.data_folder import DataFolder, prepare
from operator_console.exits import CommandError, Exit
from operator_console.projector import catch_up
from operator_console.reach import broker, database
from operator_console.rebuilding import rebuild
from operator_console.stream_reader import StreamReader
from operator_console.supervisor import Patience

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SERVERS_ONLY = site.Options(
    port=0, services=(), patience=Patience(first_pause=0.05, longest_pause=0.5, graceful=10), start_within=60
)
OTHERS = {"OBJ_CLAIMS", "OBJ_ATTACHMENTS", "DOCUMENT_KEYS"}
PASSWORD = {"epicor.password": [SecretStr("sandbox-only-password")]}
PROGRAM = Path(sys.executable).parent / "ml-connector"


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlc-") as name:
        yield Path(name).resolve()


def quiet(_: str) -> None:
    return None


def approved(number: int, *, document: str = "{}") -> DocumentApproved:
    return DocumentApproved(
        connection="northwind",
        at=NOW,
        invoice_id=f"i{number}",
        attempt="a1",
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        invoice_number=f"INV-{number}",
        currency="USD",
        document=document,
    )


async def set_up(settings: Settings) -> None:
    """A connection with a credential, facts, a claim, a durable that is half-way, a read model and chains."""
    segments = [{"field": "accountCode"}]
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments}
    document = {"name": "northwind", "epicor": {"base_url": "http://127.0.0.1:9/live"}, "companies": [company]}
    await connection_commands.apply(settings, ConnectionDocument.model_validate(document), by="test", now=NOW)
    await credential_commands.store(settings, "northwind", PASSWORD, by="test", now=NOW)
    async with broker(settings) as client, database(settings) as engine:
        log = EventLog(client, timeout=5)
        for number in range(20):
            await log.append(approved(number, document="é" * 700_000 if number == 3 else "{}"))
        durable = writer_durable("northwind")
        pulled = await client.jetstream().pull_subscribe_bind(durable.name, stream=DOCUMENTS)
        for message in await pulled.fetch(7, timeout=5):
            await message.ack_sync()
        while await catch_up(engine, StreamReader(client, log, timeout=5), now=lambda: NOW):
            pass
        for number in range(20, 25):
            await log.append(approved(number))
    async with chains_of(settings) as chains:
        for stream in CHAINED:
            await chains.up_to_date(stream)


async def everything(settings: Settings) -> dict[str, Any]:
    """All that a backup has to bring back, straight from the servers."""
    found: dict[str, Any] = {}
    async with broker(settings) as client, database(settings) as engine:
        reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
        for stream in [each.name for each in STREAMS]:
            raw = await reader.raw(stream, {"seq": 1, "next_by_subj": ">", "batch": 1000})
            found[stream] = [stored(stream, each.data, each.headers or {}) for each in raw]
        durable = writer_durable("northwind")
        info = await client.jetstream().consumer_info(DOCUMENTS, durable.name)
        found["durable"] = (info.ack_floor and info.ack_floor.stream_seq, info.num_pending)
        async with engine.connect() as db:
            for table in commands.tables.tables():
                found[table.name] = sorted(map(repr, (await db.execute(select(table))).all()))
        found["credential"] = (await connections.load(engine, master_keys(settings)))["northwind"].secret(
            "epicor.password"
        )
    return found


async def test_an_embedded_site_comes_back_as_it_was(place: Path) -> None:
    first, second, saved = DataFolder(place / "a"), DataFolder(place / "b"), place / "backup"
    async with site.running(first, SERVERS_ONLY, say=quiet) as here:
        await set_up(here.settings)
        before = await everything(here.settings)
        await audit.export(here.settings, Asked(stream=DOCUMENTS), file=place / "before.jsonl")
        manifest = await commands.backup(here.settings, saved, say=quiet)
        keys = place / "public.pem"
        keys.write_text("".join(each.public for each in await audit.public_keys(here.settings)))
    assert {each.name for each in manifest.streams} == {each.name for each in STREAMS} | OTHERS
    assert manifest.master_keys == ("k1",)

    second.root.mkdir()
    shutil.copy(first.master_keys, second.master_keys)
    await commands.restore_site(second, saved, say=quiet)

    async with site.running(second, SERVERS_ONLY, say=quiet) as there:
        assert await everything(there.settings) == before
        written = await audit.export(there.settings, Asked(stream=DOCUMENTS), file=place / "after.jsonl")
        assert written.report.problems == []
        assert audit.verified(place / "after.jsonl", [keys]).sound, "with the public key of the site that was lost"
        async with broker(there.settings) as client, database(there.settings) as engine:
            log = EventLog(client, timeout=5)
            reader = StreamReader(client, log, timeout=5)
            while await catch_up(engine, reader, now=lambda: NOW):
                pass
            rows = await _rows(engine)
            await rebuild(engine, reader, now=lambda: NOW)
            assert await _rows(engine) == rows
            assert len(rows) == 25
            assert (await log.append(approved(3))).already, "what was once is still once"
            assert not (await log.append(approved(99))).already
            assert len((await log.timeline("northwind", "i3"))[0].event.to_json()) > 700_000
        async with chains_of(there.settings) as chains:
            anchor = await chains.up_to_date(DOCUMENTS)
        assert anchor is not None
        assert anchor.sequence == 26


async def _rows(engine: Any) -> list[Any]:
    async with engine.connect() as db:
        return list((await db.execute(select(document_status).order_by(document_status.c.invoice_id))).all())


@asynccontextmanager
async def two_places(place: Path) -> AsyncIterator[tuple[Settings, Path]]:
    """A site that was set up and saved, still running."""
    async with site.running(DataFolder(place / "a"), SERVERS_ONLY, say=quiet) as here:
        await set_up(here.settings)
        await commands.backup(here.settings, place / "backup", say=quiet)
        yield here.settings, place / "backup"


async def test_what_cannot_be_restored_is_refused_and_nothing_is_touched(place: Path) -> None:
    async with two_places(place) as (settings, saved):
        keys = master_keys(settings)
        before = await everything(settings)
        with pytest.raises(CommandError, match="not empty") as caught:
            await commands.restore(settings, saved, keys=keys, say=quiet)
        assert caught.value.code == Exit.REFUSED
        other = MasterKeys.parse(SecretStr(MasterKeys.generate_line("k9")))
        with pytest.raises(CommandError, match="needs the master key k1, which is not in it"):
            await commands.restore(settings, saved, keys=other, say=quiet)
        with pytest.raises(CommandError, match="is there already"):
            await commands.backup(settings, saved, say=quiet)
        async with database(settings) as engine, engine.begin() as db:
            await db.execute(text("TRUNCATE connections, data_keys, credentials, connection_versions CASCADE"))
            names = [each.name for each in commands.tables.tables() if each.name != "connection_changes"]
            await db.execute(text(f"TRUNCATE {', '.join(names)} CASCADE"))
        with pytest.raises(CommandError, match=f"The stream {ANCHORS} is not empty"):
            await commands.restore(settings, saved, keys=keys, say=quiet)
        async with broker(settings) as client:
            assert set(await snapshots.stream_names(client)) == {each.name for each in STREAMS} | OTHERS
        assert before[DOCUMENTS]
        manifest = json.loads((saved / "manifest.json").read_text())
        (saved / "manifest.json").write_text(json.dumps(manifest | {"database_schema": "older"}))
        with pytest.raises(CommandError, match="Restore it with the version that made it"):
            await commands.restore(settings, saved, keys=keys, say=quiet)

    for folder in (DataFolder(place / "a"), DataFolder(place / "new")):
        with pytest.raises(CommandError, match=r"nothing was changed|Put your copy of the master keys"):
            await commands.restore_site(folder, saved, say=quiet)


@pytest.mark.parametrize("spoil", ["flip", "cut", "no manifest", "other manifest"])
async def test_a_spoilt_backup_is_refused_before_anything_is_restored(place: Path, spoil: str) -> None:
    async with two_places(place) as (_, saved):
        file = saved / "streams" / "DOCUMENTS.snapshot"
        match spoil:
            case "flip":
                content = bytearray(file.read_bytes())
                content[len(content) // 2] ^= 1
                file.write_bytes(content)
            case "cut":
                (saved / "database" / "credentials.copy").unlink()
            case "no manifest":
                (saved / "manifest.json").unlink()
            case _:
                (saved / "manifest.json").write_text('{"format": 2}')
    fresh = DataFolder(place / "b")
    prepare(fresh)
    shutil.rmtree(fresh.broker_store)

    with pytest.raises(CommandError):
        await commands.restore_site(fresh, saved, say=quiet)

    assert not fresh.database.exists()


async def test_secrets_of_a_backup_are_sealed_and_its_files_private(place: Path) -> None:
    async with two_places(place) as (_, saved):
        key = (place / "a" / "master-keys").read_text().partition(":")[2].strip()
        files = [path for path in saved.rglob("*") if path.is_file()]

    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        assert b"sandbox-only-password" not in content
        assert key.encode() not in content
        assert path.stat().st_mode & 0o077 == 0
    assert not list(saved.rglob("master-keys"))


async def test_a_backup_under_load_is_consistent(place: Path) -> None:
    """Messages are published, taken and acknowledged all the while: restored, none is passed over."""
    async with site.running(DataFolder(place / "a"), SERVERS_ONLY, say=quiet) as here:
        await set_up(here.settings)
        stop = asyncio.Event()
        async with broker(here.settings) as client:
            busy = [asyncio.create_task(each(client, stop)) for each in (_publishing, _taking)]
            await asyncio.sleep(0.3)
            manifest = await commands.backup(here.settings, place / "backup", say=quiet)
            await asyncio.sleep(0.3)
            stop.set()
            await asyncio.gather(*busy)
        async with broker(here.settings) as client:
            info = await client.jetstream().consumer_info(DOCUMENTS, writer_durable("northwind").name)
            assert info.paused is not True
    saved = next(each for each in manifest.streams if each.name == DOCUMENTS)
    second = DataFolder(place / "b")
    second.root.mkdir()
    shutil.copy(place / "a" / "master-keys", second.master_keys)

    await commands.restore_site(second, place / "backup", say=quiet)

    async with site.running(second, SERVERS_ONLY, say=quiet) as there, broker(there.settings) as client:
        info = await client.jetstream().consumer_info(DOCUMENTS, writer_durable("northwind").name)
        assert info.delivered is not None
        assert info.delivered.stream_seq <= saved.state["last_seq"]
        for stream in CHAINED:
            async with chains_of(there.settings) as chains:
                await chains.up_to_date(stream)
        written = await audit.export(there.settings, Asked(stream=DOCUMENTS), file=place / "after.jsonl")
        assert written.report.problems == []


async def _publishing(client: Client, stop: asyncio.Event) -> None:
    log = EventLog(client, timeout=5)
    for number in range(1000, 100_000):
        if stop.is_set():
            return
        await log.append(approved(number))


async def _taking(client: Client, stop: asyncio.Event) -> None:
    pulled = await client.jetstream().pull_subscribe_bind(writer_durable("northwind").name, stream=DOCUMENTS)
    while not stop.is_set():
        try:
            for message in await pulled.fetch(10, timeout=0.2):
                await message.ack()
        except nats.errors.TimeoutError:
            continue


async def test_durables_stand_still_only_meanwhile(topology: str) -> None:
    client = await nats.connect(topology)
    await declare_connection(client, "demo", ack_wait=30)
    js, name = client.jetstream(), writer_durable("demo").name
    begin = datetime.now(UTC)
    later: Callable[[], datetime] = iter([begin, begin + timedelta(hours=1)]).__next__

    async with snapshots.standing_still(client, DOCUMENTS, now=lambda: datetime.now(UTC)):
        assert (await js.consumer_info(DOCUMENTS, name)).paused
    assert not (await js.consumer_info(DOCUMENTS, name)).paused
    with pytest.raises(TransientError, match="took too long"):
        async with snapshots.standing_still(client, DOCUMENTS, now=later):
            pass
    with pytest.raises(CommandError, match="the clock here is"):
        async with snapshots.standing_still(client, DOCUMENTS, now=lambda: datetime.now(UTC) - timedelta(hours=1)):
            pass
    await client.close()


async def test_no_message_is_passed_over_that_came_while_a_large_stream_was_read(topology: str) -> None:
    """While a slow snapshot is on its way, a message comes and is acknowledged: the restored durable must not know."""
    client = await nats.connect(topology)
    await declare_connection(client, "demo", ack_wait=30)
    js, durable, kept = client.jetstream(), writer_durable("demo"), list[bytes]()
    for number in range(160):
        await js.publish(f"documents.demo.i{number}.approved.a", os.urandom(500_000))
    pulled = await js.pull_subscribe_bind(durable.name, stream=DOCUMENTS)
    for _ in range(16):
        for message in await pulled.fetch(10, timeout=5):
            await message.ack_sync()

    def write(chunk: bytes) -> None:
        if not kept:
            worker = Thread(target=lambda: asyncio.run(_one_more(topology)))
            worker.start()
            worker.join()
        kept.append(chunk)

    async with snapshots.standing_still(client, DOCUMENTS, now=lambda: datetime.now(UTC)):
        config, state = await snapshots.snapshot(client, DOCUMENTS, write)
    await js.delete_stream(DOCUMENTS)
    await snapshots.restore(client, config, state, iter(kept))

    assert state["last_seq"] == 160
    info = await js.consumer_info(DOCUMENTS, durable.name)
    assert not info.paused, "it stood still when the snapshot was made, and nobody else would wake it"
    assert info.delivered is not None
    assert info.delivered.stream_seq == 160
    await client.close()


async def _one_more(url: str) -> None:
    client = await nats.connect(url)
    js = client.jetstream()
    await js.publish("documents.demo.late.approved.a", b"{}")
    pulled = await js.pull_subscribe_bind(writer_durable("demo").name, stream=DOCUMENTS)
    with suppress(nats.errors.TimeoutError):
        for message in await pulled.fetch(1, timeout=1):
            await message.ack_sync()
    await client.close()


async def test_a_stream_that_breaks_off_is_no_snapshot(topology: str) -> None:
    client = await nats.connect(topology)
    with pytest.raises(CommandError, match="refuses a snapshot of NOTHING"):
        await snapshots.snapshot(client, "NOTHING", bytes)
    kept: list[bytes] = []
    config, state = await snapshots.snapshot(client, DOCUMENTS, kept.append)
    with pytest.raises(CommandError, match="refuses the restore of DOCUMENTS"):
        await snapshots.restore(client, config, state, iter(kept))
    await client.jetstream().delete_stream(DOCUMENTS)
    with pytest.raises(CommandError, match="refuses the restore of DOCUMENTS"):
        await snapshots.restore(client, config, state, iter([b"junk"]))
    await client.close()


def test_the_pair_works_from_the_command_line(place: Path) -> None:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PROGRAM, *map(str, words)], cwd=place, capture_output=True, text=True)

    async def saved() -> subprocess.CompletedProcess[str]:
        async with site.running(DataFolder(place / "a"), SERVERS_ONLY, say=quiet) as here:
            await set_up(here.settings)
            return await asyncio.to_thread(run, "backup", "-o", place / "backup", "--data-dir", place / "a")

    done = asyncio.run(saved())
    assert done.returncode == 0, done.stderr
    assert "THE MASTER KEYS ARE NOT IN IT (needed: k1)" in done.stderr
    refused = run("restore", place / "backup", "--data-dir", place / "b")
    assert refused.returncode == Exit.REFUSED
    assert "never in a backup" in refused.stderr
    (place / "b").mkdir()
    shutil.copy(place / "a" / "master-keys", place / "b")
    restored = run("restore", place / "backup", "--data-dir", place / "b", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["manifest"]["master_keys"] == ["k1"]
    assert run("restore", place / "nowhere", "--data-dir", place / "c").returncode == 2
