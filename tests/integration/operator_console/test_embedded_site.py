"""The embedded broker and database as a person runs them: started, killed, stopped, started again, all is there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlc_common.streams import DOCUMENTS
from operator_console import run_state, site, status
from operator_console.data_folder import DataFolder, broker_access, free_port, locked, prepare
from operator_console.demo_command import sweep
from operator_console.embedded_database import database_answers, socket_folder
from operator_console.exits import CommandError, Exit
from operator_console.processes import birth
from operator_console.reach import broker, broker_answers, database
from operator_console.supervisor import Patience, Program

SERVERS_ONLY = site.Options(
    port=0, services=(), patience=Patience(first_pause=0.05, longest_pause=0.5, graceful=10), start_within=60
)


@pytest.fixture
def folder() -> Iterator[DataFolder]:
    with tempfile.TemporaryDirectory(prefix="mlc-") as name:
        yield DataFolder(Path(name).resolve() / "data")


async def test_what_was_stored_is_there_after_a_restart(folder: DataFolder) -> None:
    async with site.running(folder, SERVERS_ONLY, say=print) as first:
        async with broker(first.settings) as client:
            await client.jetstream().publish("documents.c.1.noticed.a", b"{}")
        async with database(first.settings) as engine, engine.begin() as db:
            await db.exec_driver_sql("CREATE TABLE kept (n int)")
        pids = [each.pid for each in first.processes]
        assert first.fresh_key
    assert [birth(pid) for pid in pids if pid] == [None, None]

    async with site.running(folder, SERVERS_ONLY, say=print) as again:
        async with broker(again.settings) as client:
            assert (await client.jetstream().get_last_msg(DOCUMENTS, "documents.c.1.noticed.a")).data == b"{}"
        async with database(again.settings) as engine, engine.begin() as db:
            assert (await db.exec_driver_sql("SELECT count(*) FROM kept")).scalar() == 0
        assert not again.fresh_key
        assert again.settings.nats_url == first.settings.nats_url


async def test_killed_servers_come_back_on_their_old_data_and_address(folder: DataFolder) -> None:
    async with site.running(folder, SERVERS_ONLY, say=print) as here:
        async with broker(here.settings) as client:
            await client.jetstream().publish("documents.c.1.noticed.a", b"kept")
        for each in here.processes:
            assert each.pid is not None
            os.kill(each.pid, signal.SIGKILL)
        await _until_answers(here, restarts=1)
        async with broker(here.settings) as client:
            assert (await client.jetstream().get_last_msg(DOCUMENTS, "documents.c.1.noticed.a")).data == b"kept"
        state = run_state.read(folder)
        assert state is not None
        assert [(each.name, each.restarts) for each in state.processes] == [("nats-server", 1), ("postgresql", 1)]


async def test_a_killed_database_comes_back_though_one_of_its_processes_does_not_end(folder: DataFolder) -> None:
    async with site.running(folder, SERVERS_ONLY, say=print) as here:
        database_server = next(each for each in here.processes if each.program.name == "postgresql")
        parent = database_server.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        # It never learns that its parent is gone, as one that waits for a lock of another.
        os.kill(int(children[0]), signal.SIGSTOP)

        assert parent is not None
        os.kill(parent, signal.SIGKILL)

        async with asyncio.timeout(20):
            while not (database_server.restarts and await database_answers(folder)):
                await asyncio.sleep(0.05)
        assert birth(int(children[0])) is None


async def _until_answers(here: site.Site, *, restarts: int) -> None:
    async with asyncio.timeout(30):
        while any(each.restarts < restarts for each in here.processes):
            await asyncio.sleep(0.05)
        while not (await broker_answers(here.settings) and await database_answers(here.folder)):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ["a+b & 50%25 c#d", 'it\'s "quoted", ü:x'])
async def test_a_directory_may_have_any_name(folder: DataFolder, name: str) -> None:
    odd = DataFolder(folder.root / name)
    async with site.running(odd, SERVERS_ONLY, say=print) as here:
        async with broker(here.settings) as client:
            await client.jetstream().publish("documents.c.1.noticed.a", b"kept")
        async with database(here.settings) as engine, engine.begin() as db:
            await db.exec_driver_sql("CREATE TABLE kept (n int)")
    assert list(odd.broker_store.rglob("*.blk")), "the streams are in the directory, whatever its name"


async def test_settings_for_somebody_elses_postgresql_do_not_reach_the_embedded_one(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = {"PGPORT": "6543", "PGSSLMODE": "verify-full", "PGDATA": "/nowhere", "PGTARGETSESSIONATTRS": "standby"}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    prog = Program(name="looker", command=("/bin/sh", "-c", "env; exec sleep 600"), log=folder.log("looker"))

    async with site.running(folder, replace(SERVERS_ONLY, programs=(prog,)), say=print) as here:
        async with database(here.settings) as engine, engine.connect() as db:
            assert (await db.exec_driver_sql("SHOW port")).scalar() == "5432"
        assert await database_answers(folder)
        async with asyncio.timeout(10):
            while "PATH=" not in prog.log.read_text():
                await asyncio.sleep(0.05)
    assert not set(foreign) & {line.partition("=")[0] for line in prog.log.read_text().splitlines()}


def test_a_lost_master_key_is_not_replaced_while_a_database_is_there(folder: DataFolder) -> None:
    prepare(folder)
    folder.master_keys.unlink()
    assert prepare(folder), "before there is a database nothing is sealed"
    folder.master_keys.unlink()
    folder.database.mkdir()
    (folder.database / "PG_VERSION").write_text("18")

    with pytest.raises(CommandError, match="Put it back from your backup") as caught:
        prepare(folder)

    assert caught.value.code == Exit.REFUSED
    assert not folder.master_keys.exists()


async def test_a_service_that_does_not_listen_is_not_ok(folder: DataFolder) -> None:
    prepare(folder)
    me = {"pid": os.getpid(), "born": birth(os.getpid()), "restarts": 0}
    with socket.create_server(("127.0.0.1", 0)) as listening, locked(folder):
        sandbox = f"http://127.0.0.1:{listening.getsockname()[1]}"
        processes = [
            {"name": "webhook-gateway", **me},
            {"name": "sandbox", "address": sandbox, **me},
            {"name": "another", "address": f"http://127.0.0.1:{free_port()}", **me},
        ]
        folder.state.write_text(json.dumps({"pid": 1, "version": "1", "processes": processes}))

        found = {row.name: row.health for row in await status.rows(folder)}

    assert found == {"webhook-gateway": "not ready", "sandbox": "ok", "another": "not ready"}


async def test_what_a_killed_run_left_is_ended(folder: DataFolder) -> None:
    prepare(folder)
    left = await asyncio.create_subprocess_exec("sleep", "600")
    process = {"name": "left", "pid": left.pid, "born": birth(left.pid), "restarts": 0}
    folder.state.write_text(json.dumps({"pid": 1, "version": "1", "processes": [process]}))

    assert await run_state.end_left_overs(folder, patience=5) == ["left"]
    await left.wait()


async def test_what_a_killed_demo_left_is_thrown_away_and_nothing_else(folder: DataFolder) -> None:
    place = folder.root
    for name in ("mlc-demo-killed", "mlc-demo-running", "mlc-demo-failed/logs", "mlc-other"):
        (place / name).mkdir(parents=True)
    for name in ("mlc-demo-killed", "mlc-demo-running", "mlc-other"):
        (place / name / "lock").touch()
    left = await asyncio.create_subprocess_exec("sleep", "600")
    process = {"name": "left", "pid": left.pid, "born": birth(left.pid), "restarts": 0}
    state = json.dumps({"pid": 1, "version": "1", "processes": [process]})
    (place / "mlc-demo-killed" / "run.json").write_text(state)

    with locked(DataFolder(place / "mlc-demo-running")):
        await sweep(place)

    await left.wait()
    assert sorted(path.name for path in place.iterdir()) == ["mlc-demo-failed", "mlc-demo-running", "mlc-other"]


async def test_a_second_site_on_the_same_directory_is_refused(folder: DataFolder) -> None:
    async with site.running(folder, SERVERS_ONLY, say=print):
        with pytest.raises(CommandError, match=f"in use by another ml-connector \\(process {os.getpid()}\\)"):
            async with site.running(folder, SERVERS_ONLY, say=print):
                pass


async def test_a_gateway_port_in_use_is_refused_before_anything_starts(folder: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is in use"):
            async with site.running(folder, site.Options(port=port, services=()), say=print):
                pass
    assert not folder.state.exists()


def test_secrets_are_readable_by_their_owner_only(folder: DataFolder) -> None:
    assert prepare(folder)
    broker_access(folder)

    assert {path.stat().st_mode & 0o777 for path in (folder.master_keys, folder.broker_access)} == {0o600}
    assert not prepare(folder)


def test_the_broker_takes_another_port_when_its_own_was_taken(folder: DataFolder) -> None:
    prepare(folder)
    first = broker_access(folder)
    assert broker_access(folder) == first
    with socket.create_server(("127.0.0.1", first.port)):
        second = broker_access(folder)

    assert second.port != first.port
    assert second.password == first.password


def test_a_long_path_still_gives_a_socket_that_fits() -> None:
    deep = DataFolder(Path("/srv") / ("long-name-" * 12))

    assert len(str(socket_folder(deep) / ".s.PGSQL.5432")) < 100
    assert socket_folder(deep) != socket_folder(DataFolder(deep.root / "other"))
    assert free_port() > 0
