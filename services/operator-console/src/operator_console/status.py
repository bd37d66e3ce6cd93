"""`ml-connector status`: every process of an embedded site, asked now."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from operator_console import run_state
from operator_console.data_folder import DataFolder, must_run, settings_of
from operator_console.embedded import BROKER
from operator_console.embedded_database import DATABASE, database_answers, database_url, forget_ambient_database
from operator_console.exits import CommandError, Exit
from operator_console.processes import birth
from operator_console.reach import broker_answers
from operator_console.run_state import RunningProcess
from operator_console.service_health import service_answers


@dataclass(frozen=True)
class ProcessRow:
    """One process; `health` is ok, not ready or down; `public` is the address that is for everybody, if it has one."""

    name: str
    pid: int | None
    address: str | None
    health: str
    version: str | None
    restarts: int
    public: str | None = None


async def rows(folder: DataFolder) -> list[ProcessRow]:
    """Every process with its pid, address, health and version.

    Raises:
        CommandError: nothing runs on this directory.
    """
    must_run(folder)
    forget_ambient_database()
    state = run_state.read(folder)
    if state is None:
        raise CommandError(f"A site is just starting in {folder.root}; ask again.", code=Exit.PROBLEM)
    return list(await asyncio.gather(*(_row(folder, each) for each in state.processes)))


def healthy(found: list[ProcessRow]) -> bool:
    """Whether every process is well."""
    return all(each.health == "ok" for each in found)


async def _row(folder: DataFolder, process: RunningProcess) -> ProcessRow:
    alive = process.pid is not None and birth(process.pid) == process.born
    health, version = await _health(folder, process) if alive else ("down", None)
    port = run_state.port_of(folder, process.name)
    address = process.address or (f"http://127.0.0.1:{port}" if port else None)
    everybody = run_state.public_port_of(folder, process.name)
    public = f"http://127.0.0.1:{everybody}" if everybody else None
    return ProcessRow(process.name, process.pid if alive else None, address, health, version, process.restarts, public)


async def _health(folder: DataFolder, process: RunningProcess) -> tuple[str, str | None]:
    name = process.name
    if name == BROKER:
        version = await broker_answers(settings_of(folder, database_url(folder)))
        return ("ok" if version else "not ready"), version
    if name == DATABASE:
        version = await database_answers(folder)
        return ("ok" if version else "not ready"), version
    if process.address is not None:  # a program beside the services, as the demo's sandbox
        return ("ok" if await _listens(process.address) else "not ready"), None
    ready = await service_answers(folder, name, path="/readyz")
    return ("ok", ready) if ready else ("not ready", await service_answers(folder, name))


async def _listens(address: str) -> bool:
    where = urlsplit(address)
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(where.hostname, where.port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
