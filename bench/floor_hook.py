"""A program: the floor of the pushes as their sender sees them. Takes signed pushes, stores them in batches, answers.

It keeps no promise beyond that: one secret, one form of signature, no limit of size, time or memory, no trace, no
metric, no repeated push told from a new one.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import signal
import sys
import uuid
from collections import deque
from pathlib import Path

import httptools
import nats
import uvloop
from nats.aio.client import Client

from mlc_common.groupcommit import BATCHES_IN_FLIGHT
from mlc_common.settings import Settings
from operator_console.demo_scenario import WEBHOOK_SECRET

BATCH = 64
SIGNATURE = b"x-bwapi-signature-256"


class Store:
    """Everything that waits goes out with the next batch."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: deque[tuple[str, bytes, asyncio.Future[None]]] = deque()
        self._flying: set[asyncio.Task[None]] = set()

    def add(self, subject: str, payload: bytes) -> asyncio.Future[None]:
        """Done when the server has it on disk."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((subject, payload, stored))
        self._launch()
        return stored

    def _launch(self, landed: asyncio.Task[None] | None = None) -> None:
        if landed is not None:
            self._flying.discard(landed)
            landed.result()
        while self._waiting and len(self._flying) < BATCHES_IN_FLIGHT:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            flight = asyncio.create_task(self._fly(batch))
            self._flying.add(flight)
            flight.add_done_callback(self._launch)

    async def _fly(self, batch: list[tuple[str, bytes, asyncio.Future[None]]]) -> None:
        ident = uuid.uuid4().hex
        if len(batch) == 1:
            subject, payload, stored = batch[0]
            headers = {"Nats-Msg-Id": subject, "Nats-Expected-Last-Subject-Sequence": "0"}
            await self._client.request(subject, payload, timeout=5, headers=headers)
            stored.set_result(None)
            return
        for position, (subject, payload, _) in enumerate(batch, 1):
            headers = {"Nats-Msg-Id": subject, "Nats-Expected-Last-Subject-Sequence": "0"}
            headers |= {"Nats-Batch-Id": ident, "Nats-Batch-Sequence": str(position)}
            if position < len(batch):
                await self._client.publish(subject, payload, headers=headers)
                continue
            answer = await self._client.request(
                subject, payload, timeout=5, headers=headers | {"Nats-Batch-Commit": "1"}
            )
        if json.loads(answer.data).get("count") != len(batch):
            raise RuntimeError(answer.data.decode())
        for _, _, stored in batch:
            stored.set_result(None)


class Hook(asyncio.Protocol):
    """One connection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for requests."""
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._body, self._signature = b"", b""

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() == SIGNATURE:
            self._signature = value

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The whole push is here."""
        body, self._body = self._body, b""
        mac = hmac.digest(WEBHOOK_SECRET.encode(), body, "sha256").hex()
        if not hmac.compare_digest(mac, self._signature.decode().rpartition("=")[2]):
            self._answer(b"401 Unauthorized", b"")
            return
        stored = self._store.add(f"notifications.floor.{json.loads(body)['taskId']}.1", body)
        stored.add_done_callback(lambda _: self._answer(b"200 OK", body))

    def _answer(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self._transport.write(head + body)


async def run(port_file: Path) -> None:
    """Serve until a signal says stop."""
    settings = Settings()
    assert settings.nats_password
    password = settings.nats_password.get_secret_value()
    client = await nats.connect(settings.nats_url, user=settings.nats_user, password=password)
    store, stop = Store(client), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Hook(store), "127.0.0.1", 0)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await stop.wait()
    server.close()
    await client.close()


def main() -> None:
    """The program; its one argument is the file for the port it picks."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
