"""Keeps one worker running for every active connection; one that fails, hangs or is slow to stop delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import structlog
from prometheus_client import Gauge

from mlc_common.connections import Connection, Connections
from mlc_common.failures import FailureError

FIRST_TRY = 15.0
"""Seconds for a worker to be entered; what takes longer, or fails, is no reason to call the service unready."""

log = structlog.stdlib.get_logger(__name__)

ConnectionWorker = Callable[[Connection], AbstractAsyncContextManager[None]]


@dataclass(eq=False)
class _Run:
    """One worker's life: from entering it until it is asked to leave."""

    connection: Connection
    task: asyncio.Task[None]
    leave: asyncio.Event
    since: float
    started: asyncio.Event = field(default_factory=asyncio.Event)


class ConnectionWorkers:
    """Enters the worker of every active connection, and enters it anew when document or credentials change.

    Args:
        pause: seconds between two looks at the connections.
        running: told of every active connection whether its worker runs.
        left: told the name of a connection whose worker has ended, whatever the reason.
    """

    def __init__(
        self,
        connections: Connections,
        worker: ConnectionWorker,
        *,
        pause: float,
        running: Gauge | None = None,
        left: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._connections = connections
        self._worker = worker
        self._pause = pause
        self._running = running
        self._left = left
        self._runs: dict[str, _Run] = {}
        self._tried: set[str] = set()
        """Connections whose worker was entered once, or could not be."""

    async def keep_running(self) -> None:
        """Follow the connections until cancelled."""
        while True:
            self.follow()
            await asyncio.sleep(self._pause)

    def follow(self) -> None:
        """Ask to leave what is gone, paused or changed; start what is wanted and not there; wait for nobody."""
        wanted = self._wanted()
        for name, run in list(self._runs.items()):
            if run.task.done():
                del self._runs[name]
                _tell(name, run.task)
            elif not _same(wanted.get(name), run.connection):
                run.leave.set()
        for name in wanted.keys() - self._runs.keys():
            self._runs[name] = self._run(wanted[name])
        self._tried &= wanted.keys()
        if self._running is not None:
            self._running.clear()
            for name in wanted:
                self._running.labels(name).set(name in self.names)

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

    @property
    def idle(self) -> frozenset[str]:
        """The active connections whose workers do not run."""
        return frozenset(self._wanted()) - self.names

    @property
    def starting(self) -> frozenset[str]:
        """The idle ones that are entered for the first time; not for longer than a start may take."""
        late = asyncio.get_running_loop().time() - FIRST_TRY
        return frozenset(
            name
            for name in self.idle - self._tried
            if (run := self._runs.get(name)) is None or (not run.task.done() and run.since > late)
        )

    def _wanted(self) -> dict[str, Connection]:
        current = self._connections.current()
        return {name: connection for name, connection in current.items() if not connection.document.paused}

    def _run(self, connection: Connection) -> _Run:
        leave, started = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(self._live(connection, started, leave))
        return _Run(connection, task, leave, asyncio.get_running_loop().time(), started)

    async def _live(self, connection: Connection, started: asyncio.Event, leave: asyncio.Event) -> None:
        try:
            async with self._worker(connection):
                started.set()
                self._tried.add(connection.name)
                log.info("connection_started", connection=connection.name, version=connection.version)
                await leave.wait()
        except FailureError as failure:
            log.warning("connection_not_started", connection=connection.name, why=str(failure))
            return
        finally:
            self._tried.add(connection.name)
            self._left(connection.name)
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
