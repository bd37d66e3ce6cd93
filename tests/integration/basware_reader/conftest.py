"""A strict Basware on a real socket, a real broker, and a reader between them; one clock for all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import nats
import pytest
import uvicorn
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp

from basware_reader.handlers import Reader
from basware_reader.locks import Locks
from mlc_basware.client import BaswareClient, open_client
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection
from mlc_common.eventlog import EventLog
from mlc_common.events import Event
from mlc_common.settings import Timings
from mlc_common.topology import declare_connection
from mlc_sandbox.basware import BaswareWorld, create_app
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import approved_invoices

NAME = "northwind"
SECRET = "sandbox-only-secret"
TIMINGS = Timings(basware_read=5, basware_connect=2, publish=5)


@dataclass
class Clock:
    """A clock that a test sets; the emulator and the reader look at the same one."""

    time: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it is said to be; a millisecond passes with every look."""
        self.time += timedelta(milliseconds=1)
        return self.time

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@asynccontextmanager
async def on_a_socket(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a free port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def connection_document(url: str, **basware: Any) -> ConnectionDocument:
    """Northwind's connection to the emulator, as fast as the emulator goes."""
    fast = {"base_url": url, "calls_per_second": 5000, "calls_in_flight": 8}
    return ConnectionDocument.model_validate(
        {
            "name": NAME,
            "basware": fast | basware,
            "epicor": {"base_url": "https://erp.example/live"},
            "companies": [
                {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]},
                {"basware": "FI01", "epicor": "NWF", "currency": "EUR", "segments": [{"field": "accountCode"}]},
            ],
        }
    )


def connection_to(url: str, *, secret: str = SECRET, **basware: Any) -> Connection:
    """The same with its credentials."""
    credentials = {
        "basware.client_id": (SecretStr("sandbox-client"),),
        "basware.client_secret": (SecretStr(secret),),
    }
    return Connection(connection_document(url, **basware), 1, MappingProxyType(credentials))


@dataclass
class Site:
    """One test's world: the emulator's state, and what the log holds about a document."""

    world: BaswareWorld
    clock: Clock
    log: EventLog
    bodies: list[dict[str, Any]]

    def offer(self, count: int = 1, **changes: Any) -> list[str]:
        """Put sample invoices at WaitingForTransfer; their ids."""
        chosen = [self.bodies.pop(0) | changes for _ in range(count)]
        return [document.invoice_id for document in self.world.add(chosen, at=self.clock())]

    def fault(self, kind: str, path: str, **more: Any) -> None:
        """Script a fault of the emulator."""
        self.world.faults.add(Fault(kind=kind, path=path, **more))

    async def facts(self, invoice_id: str) -> list[Event]:
        """Everything the log holds about a document, oldest first."""
        return [recorded.event for recorded in await self.log.timeline(NAME, invoice_id)]

    async def names(self, invoice_id: str) -> list[str]:
        """The same, as the words of the facts."""
        return [event.fact for event in await self.facts(invoice_id)]  # type: ignore[union-attr]


@pytest.fixture
def clock() -> Clock:
    """The clock of the test."""
    return Clock()


@pytest.fixture
def world() -> BaswareWorld:
    """The emulator's state."""
    return BaswareWorld()


@pytest.fixture
async def url(world: BaswareWorld, clock: Clock) -> AsyncIterator[str]:
    """The emulator's address."""
    async with on_a_socket(create_app(world, now=clock)) as address:
        yield address


@pytest.fixture
def document(url: str) -> ConnectionDocument:
    """The connection's document."""
    return connection_document(url)


@pytest.fixture
async def basware(url: str, clock: Clock) -> AsyncIterator[BaswareClient]:
    """The product's client on the emulator."""
    async with open_client(connection_to(url), timings=TIMINGS, now=clock) as client:
        yield client


@pytest.fixture
def served() -> Callable[[ASGIApp], AbstractAsyncContextManager[str]]:
    """Serves another application than the emulator."""
    return on_a_socket


@pytest.fixture
def connect(clock: Clock) -> Callable[..., AbstractAsyncContextManager[BaswareClient]]:
    """Makes other clients: of another address, with another secret, other settings or timings."""
    return lambda url, timings=TIMINGS, **how: open_client(connection_to(url, **how), timings=timings, now=clock)


@pytest.fixture
async def broker_client(topology: str) -> AsyncIterator[Client]:
    """A connection to a broker on which everything is declared."""
    client = await nats.connect(topology)
    await declare_connection(client, NAME, ack_wait=30)
    yield client
    await client.close()


@pytest.fixture
def site(world: BaswareWorld, clock: Clock, broker_client: Client) -> Site:
    """The test's world."""
    return Site(world, clock, EventLog(broker_client, timeout=5), approved_invoices())


@pytest.fixture
def reader(site: Site, basware: BaswareClient, engine: AsyncEngine, document: ConnectionDocument) -> Reader:
    """The reader's handlers need no more than this."""
    return Reader(NAME, basware, site.log, site.clock, Locks(engine), document)


@pytest.fixture
def replica(site: Site, basware: BaswareClient, engine: AsyncEngine, document: ConnectionDocument) -> Reader:
    """Another replica's: a session of its own for its locks."""
    return Reader(NAME, basware, site.log, site.clock, Locks(engine), document)


Eventually = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
def eventually() -> Eventually:
    """Waits until something holds, at most a minute."""

    async def wait(holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await holds():
                await asyncio.sleep(0.05)

    return wait
