"""Keeps one worker running for every active connection; one that fails, hangs or is slow to stop delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import structlog

from mlc_common.connections import Connection, Connections
from mlc_common.failures import FailureError

log = structlog.stdlib.get_logger(__name__)

ConnectionWorker = Callable[[Connection], AbstractAsyncContextManager[None]]


@dataclass(eq=False)
class _Run:
    """One worker's life: from entering it until it is asked to leave."""

    connection: Connection
    task: asyncio.Task[None]
    leave: asyncio.Event
    started: asyncio.Event = field(default_factory=asyncio.Event)


class ConnectionWorkers:
    """Enters the worker of every active connection, and enters it anew when document or credentials change."""

    def __init__(self, connections: Connections, worker: ConnectionWorker, *, pause: float) -> None:
        self._connections = connections
        self._worker = worker
        self._pause = pause
        self._runs: dict[str, _Run] = {}

    async def keep_running(self) -> None:
        """Follow the connections until cancelled."""
        while True:
            self.follow()
            await asyncio.sleep(self._pause)

    def follow(self) -> None:
        """Ask to leave what is gone, paused or changed; start what is wanted and not there; wait for nobody."""
        wanted = {
            name: connection
            for name, connection in self._connections.current().items()
            if not connection.document.paused
        }
        for name, run in list(self._runs.items()):
            if run.task.done():
                del self._runs[name]
                _tell(name, run.task)
            elif not _same(wanted.get(name), run.connection):
                run.leave.set()
        for name in wanted.keys() - self._runs.keys():
            self._runs[name] = self._run(wanted[name])

    async def stop(self) -> None:
        """Leave every worker, all at once; each finishes what it has in hand."""
        for run in self._runs.values():
            run.leave.set()
        await asyncio.gather(*(run.task for run in self._runs.values()), return_exceptions=True)
        for name, run in self._runs.items():
            _tell(name, run.task)
        self._runs.clear()

    @property
    def names(self) -> frozenset[str]:
        """The connections whose workers run."""
        return frozenset(name for name, run in self._runs.items() if run.started.is_set() and not run.task.done())

    def _run(self, connection: Connection) -> _Run:
        leave, started = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(self._live(connection, started, leave))
        return _Run(connection, task, leave, started)

    async def _live(self, connection: Connection, started: asyncio.Event, leave: asyncio.Event) -> None:
        try:
            async with self._worker(connection):
                started.set()
                log.info("connection_started", connection=connection.name, version=connection.version)
                await leave.wait()
        except FailureError as failure:
            log.warning("connection_not_started", connection=connection.name, why=str(failure))
            return
        log.info("connection_stopped", connection=connection.name)


def _tell(name: str, task: asyncio.Task[None]) -> None:
    """Say what nobody foresaw; the connection is tried again at the next look."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("connection_failed", connection=name, exc_info=error)


def _same(wanted: Connection | None, running: Connection) -> bool:
    return (
        wanted is not None
        and wanted.version == running.version
        and wanted.credentials == running.credentials
        and wanted.unreadable == running.unreadable
        and wanted.paused == running.paused
    )
