"""A gateway on a real broker and a real port, and a sender that signs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
import uvicorn
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from starlette.applications import Starlette

from mlc_common.connection import Webhook
from mlc_common.groupcommit import GroupCommit
from mlc_common.streams import NOTIFICATIONS
from mlc_common.telemetry import Metrics
from mlc_common.vault import MasterKeys
from webhook_gateway.decision import Receiver
from webhook_gateway.handlers import Gateway
from webhook_gateway.hook import route

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "sandbox-only-webhook-secret"


@dataclass
class Sender:
    """Pushes to one gateway as Basware does, and looks into the stream and the counters."""

    port: int
    nats: Client
    metrics: Metrics
    receivers: dict[str, Receiver] = field(default_factory=dict)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @staticmethod
    def notification(task: str, **more: Any) -> dict[str, Any]:
        """A notification about a document."""
        return {
            "taskId": task,
            "taskStatus": "New",
            "taskType": "AccountingDocuments",
            "taskSubType": "WaitingForTransfer",
            "documentId": f"d-{task}",
        } | more

    def connect(self, name: str, *secrets: str, **webhook: Any) -> None:
        """Let the gateway know a connection."""
        self.receivers[name] = Receiver(name, Webhook(**webhook), secrets or (SECRET,))

    def url(self, connection: str) -> str:
        """Where pushes for this connection go."""
        return f"http://127.0.0.1:{self.port}/hooks/basware/{connection}"

    async def push(
        self,
        content: Any,
        *,
        to: str = "northwind",
        secret: str | None = SECRET,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Sign and send; without a secret there is no signature."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        signed = {} if secret is None else {"X-BWAPI-Signature-256": mac(body, secret)}
        # A pool slows down with many calls in flight, so they are spread over several.
        client = self.clients[hash(body) % len(self.clients)]
        return await client.post(self.url(to), content=body, headers=signed | (headers or {}))

    async def stored(self) -> list[Msg]:
        """Every message of the stream."""
        unlimited = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
        js = self.nats.jetstream()
        reading = await js.pull_subscribe("notifications.>", stream=NOTIFICATIONS, config=unlimited)
        pending = (await reading.consumer_info()).num_pending or 0
        messages: list[Msg] = []
        while len(messages) < pending:
            messages += await reading.fetch(pending - len(messages), timeout=5)
        await reading.unsubscribe()
        return messages

    async def pushes(self) -> list[dict[str, Any]]:
        """Every push the stream holds, as the object that was received."""
        return [json.loads(json.loads(message.data)["body"]) for message in await self.stored()]

    def counted(self, name: str, **labels: str) -> float:
        """The value of a counter; 0 when it never counted."""
        return self.metrics.registry.get_sample_value(name, labels) or 0


def mac(body: bytes, secret: str) -> str:
    """The signature of a body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest_asyncio.fixture
async def sender(topology: str, request: pytest.FixtureRequest) -> AsyncIterator[Sender]:
    """A running gateway that knows the connection `northwind`; seen from its sender's side.

    Parametrized, it takes `patience` and `room` of the hook and `waiting` of the group commit.
    """
    how: dict[str, Any] = getattr(request, "param", {})
    hook = {name: value for name, value in how.items() if name != "waiting"}
    queue = {name: value for name, value in how.items() if name == "waiting"}

    async def quiet(_error: Exception) -> None: ...

    client = await nats.connect(topology, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=quiet)
    metrics = Metrics()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sending = Sender(listening.getsockname()[1], client, metrics)
    sending.connect("northwind")
    async with GroupCommit(client, timeout=4, **queue) as commit:
        gateway = Gateway(commit=commit, receiver=sending.receivers.get, now=lambda: NOW, counters=metrics.pushes)
        app = Starlette(routes=[route(gateway, **hook)])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        trust = ssl.create_default_context()  # costly to make, so all share one
        sending.clients += [httpx.AsyncClient(timeout=30, verify=trust) for _ in range(8)]
        yield sending
        for each in sending.clients:
            await each.aclose()
        server.should_exit = True
        await serving
    await client.close()


def body_of(task: str) -> bytes:
    notification = {"taskId": task, "taskStatus": "New", "taskType": "AccountingDocuments", "documentId": "d-1"}
    return json.dumps(notification).encode()


@dataclass
class Process:
    """A `webhook-gateway` process; its log is in `log`."""

    environment: dict[str, str]
    folder: Path
    log: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def start(self) -> None:
        for name in ("port", "public"):
            (self.folder / name).unlink(missing_ok=True)
        program = [sys.executable, "-m", "webhook_gateway.app"]
        with self.log.open("ab") as log:
            self.started.append(subprocess.Popen(program, env=self.environment, stdout=log, stderr=log))
        async with httpx.AsyncClient() as client, asyncio.timeout(30):
            while not await self._ready(client):
                assert self.started[-1].poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def _ready(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.inside}/readyz")).status_code == 200
        except (FileNotFoundError, httpx.InvalidURL, httpx.TransportError):
            return False

    @property
    def inside(self) -> str:
        return f"http://127.0.0.1:{(self.folder / 'port').read_text()}"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{(self.folder / 'public').read_text()}"

    def end(self, number: signal.Signals) -> int:
        self.started[-1].send_signal(number)
        return self.started[-1].wait(timeout=30)

    async def push(self, client: httpx.AsyncClient, task: str, *, secret: str = SECRET) -> int:
        body = body_of(task)
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        response = await client.post(
            f"{self.address}/hooks/basware/northwind", content=body, headers={"X-BWAPI-Signature-256": signature}
        )
        return response.status_code


@pytest.fixture(scope="session")
def process() -> type[Process]:
    """For tests that share one process."""
    return Process


@pytest.fixture
def keys() -> str:
    return MasterKeys.generate_line("k1")


@pytest.fixture
def gateway(topology: str, database_url: str, keys: str, tmp_path: Path) -> Iterator[Process]:
    settings = {
        "MLC_NATS_URL": topology,
        "MLC_DATABASE_URL": database_url,
        "MLC_MASTER_KEYS": keys,
        "MLC_PORT_FILE": str(tmp_path / "port"),
        "MLC_PUBLIC_PORT_FILE": str(tmp_path / "public"),
        "MLC_TIMINGS__REFRESH": "0.1",
        "MLC_TIMINGS__GRACEFUL": "5",
    }
    process = Process(os.environ | settings, tmp_path, tmp_path / "gateway.log")
    yield process
    for each in process.started:
        each.kill()
        each.wait()
