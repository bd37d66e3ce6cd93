"""Keeps one worker running for every active connection; one that fails delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog

from mlc_common.connections import Connection, Connections
from mlc_common.failures import FailureError

log = structlog.stdlib.get_logger(__name__)

ConnectionWorker = Callable[[Connection], AbstractAsyncContextManager[None]]


class ConnectionWorkers:
    """Enters the worker of every active connection and re-enters it when document or credentials change."""

    def __init__(self, connections: Connections, worker: ConnectionWorker, *, pause: float) -> None:
        self._connections = connections
        self._worker = worker
        self._pause = pause
        self._running: dict[str, tuple[Connection, AsyncExitStack]] = {}

    async def keep_running(self) -> None:
        """Follow the connections until cancelled."""
        while True:
            await self.follow()
            await asyncio.sleep(self._pause)

    async def follow(self) -> None:
        """Stop what is gone, paused or changed; start what is new."""
        wanted = {
            name: connection
            for name, connection in self._connections.current().items()
            if not connection.document.paused
        }
        changed = [name for name, (running, _) in self._running.items() if not _same(wanted.get(name), running)]
        await asyncio.gather(*(self._stop(name) for name in changed))
        await asyncio.gather(*(self._start(wanted[name]) for name in wanted.keys() - self._running.keys()))

    async def stop(self) -> None:
        """Leave every worker, all at once; each finishes what it has in hand."""
        await asyncio.gather(*(self._stop(name) for name in list(self._running)))

    @property
    def names(self) -> frozenset[str]:
        """The connections whose workers run."""
        return frozenset(self._running)

    async def _start(self, connection: Connection) -> None:
        stack = AsyncExitStack()
        try:
            await stack.enter_async_context(self._worker(connection))
        except FailureError as failure:
            await stack.aclose()
            log.warning("connection_not_started", connection=connection.name, why=str(failure))
            return
        self._running[connection.name] = (connection, stack)
        log.info("connection_started", connection=connection.name, version=connection.version)

    async def _stop(self, name: str) -> None:
        _, stack = self._running.pop(name)
        await stack.aclose()
        log.info("connection_stopped", connection=name)


def _same(wanted: Connection | None, running: Connection) -> bool:
    return (
        wanted is not None
        and wanted.version == running.version
        and wanted.credentials == running.credentials
        and wanted.unreadable == running.unreadable
    )
