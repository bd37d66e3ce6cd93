"""A Basware emulator on a real socket, and clients that talk to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mlc_sandbox.basware import BaswareWorld, create_app
from mlc_sandbox.samples import bulk_invoices

SCOPES = (
    "accountingDocuments.read accountingDocuments.write requestStatus.read vendors.read vendors.write "
    "subscriptions.read subscriptions.write subscriptions.delete tasks.read"
)


@dataclass
class Clock:
    """A clock that a test sets."""

    time: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it is said to be; a millisecond passes with every look."""
        self.time += timedelta(milliseconds=1)
        return self.time

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@dataclass
class Receiver:
    """A webhook that remembers what it got and answers what it is told."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        """One push."""
        body = await request.body()
        self.got.append((dict(request.headers), body))
        return JSONResponse({}, status_code=self.status)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a free port of 127.0.0.1; started and stopped without uvicorn's tenths of a second."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False, lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    (listening,) = server.servers
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        while server.server_state.connections:
            await asyncio.sleep(0.001)


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """Loading the certificates takes longer than most tests here."""
    return ssl.create_default_context()


@pytest.fixture
def clock() -> Clock:
    """The emulator's clock."""
    return Clock()


@pytest.fixture
def world() -> BaswareWorld:
    """The emulator's state."""
    return BaswareWorld()


@pytest.fixture
async def url(world: BaswareWorld, clock: Clock) -> AsyncIterator[str]:
    """The emulator's address."""
    async with served(create_app(world, now=clock)) as address:
        yield address


@pytest.fixture
async def anonymous(url: str, tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials; also for the control plane."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10, verify=tls) as client:
        yield client


@pytest.fixture
async def api(url: str, anonymous: httpx.AsyncClient, tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token for everything the bridge needs."""
    token = await new_token(anonymous)
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10, verify=tls, headers=headers) as client:
        yield client


@pytest.fixture
def issue(anonymous: httpx.AsyncClient) -> Callable[[str], Awaitable[dict[str, Any]]]:
    """Fetch a token for these scopes."""

    async def issued(scope: str) -> dict[str, Any]:
        return await new_token(anonymous, scope)

    return issued


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook on loopback."""
    found = Receiver()
    async with served(Starlette(routes=[Route("/hook", found.take, methods=["POST"])])) as address:
        found.url = f"{address}/hook"
        yield found


async def new_token(client: httpx.AsyncClient, scope: str = SCOPES) -> dict[str, Any]:
    """A token as the client-credentials grant yields it."""
    answered = await client.post(
        "/v1/tokens",
        auth=("sandbox-client", "sandbox-only-secret"),
        data={"grant_type": "client_credentials", "scope": scope},
    )
    assert answered.status_code == 200, answered.text
    token: dict[str, Any] = answered.json()
    return token


@pytest.fixture
def placed(world: BaswareWorld, clock: Clock) -> Callable[[int], list[str]]:
    """Put so many invoices at WaitingForTransfer; their ids."""

    def place(count: int) -> list[str]:
        return [document.invoice_id for document in world.add(bulk_invoices(count), at=clock())]

    return place
