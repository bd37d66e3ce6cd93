"""An HTTP server on a port of its own; it leaves signals to the bootstrap and bounds what a stranger can cost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = structlog.stdlib.get_logger(__name__)

LARGEST_HEAD = 64 * 1024
"""Bytes of a request line and its headers; uvicorn itself knows no limit."""

HEAD_PATIENCE = 10.0
"""Seconds for them to arrive; a connection that says nothing must not hold a place for ever."""


@dataclass(frozen=True)
class Door:
    """Where to listen: port 0 picks one; the port in use is written to `port_file`.

    `most_connections` counts the kept-alive ones; a request beyond them is answered 503.
    """

    host: str
    port: int
    port_file: Path | None = None
    most_connections: int | None = None


class _Protocol(HttpToolsProtocol):
    """Parses HTTP, and ends a connection whose request head does not end: in bytes, or in time."""

    head_patience = HEAD_PATIENCE
    _head = 0
    _waiting: asyncio.TimerHandle | None = None
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
            self._wait()
        super().data_received(data)
        if self._in_head and self._head > LARGEST_HEAD:
            self._end()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head = True, 0

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.head_patience, self._end)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.send_400_response("The request head does not end.")


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the bootstrap."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """One listening server."""

    def __init__(self, server: uvicorn.Server, serving: asyncio.Task[None], *, port: int) -> None:
        self.port = port
        self._server = server
        self._serving = serving

    @property
    def accepting(self) -> bool:
        """Whether it takes connections now."""
        return self._server.started and not self._serving.done()

    async def ended(self) -> None:
        """Wait until it stops listening, which nobody asked for; raises what ended it."""
        await asyncio.shield(self._serving)


@asynccontextmanager
async def listening(
    app: ASGIApp, door: Door, *, graceful: float, head_patience: float = HEAD_PATIENCE
) -> AsyncIterator[Listener]:
    """Serve `app` while inside; leaving answers what is in hand, for `graceful` seconds at most.

    Args:
        head_patience: seconds that a request's head may take to arrive.

    Raises:
        OSError: the port is taken.
    """
    taken = socket.create_server((door.host, door.port), backlog=2048)
    # asyncio does this only for sockets that name their protocol; without it each kept-alive answer waits 40 ms.
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port: int = taken.getsockname()[1]
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        http=type("Protocol", (_Protocol,), {"head_patience": head_patience}),
        ws="none",
        # Its warnings are about what a stranger sent: nobody may fill the log from outside.
        log_level=logging.ERROR,
        limit_concurrency=door.most_connections,
        timeout_graceful_shutdown=int(graceful),
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[taken]))
    if door.port_file:
        door.port_file.write_text(str(port))
    log.info("listening", port=port)
    try:
        yield Listener(server, serving, port=port)
    finally:
        server.should_exit = True
        await serving
