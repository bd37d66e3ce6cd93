"""A whole site to examine: both emulators, a real broker and database, one connection that is in order."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credentials
from mlc_common.settings import Settings
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.serve import running
from operator_console.doctor_checks import Check
from operator_console.doctor_command import examine
from operator_console.doctor_connection import Examiner
from operator_console.doctor_limits import Limit

KEY = f"k1:{base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()}"
SECRETS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "basware.webhook_secret": "sandbox-only-webhook-secret",
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]


@dataclass
class Site:
    """A connection `demo` with everything it needs; a test breaks one thing and has it examined."""

    settings: Settings
    engine: AsyncEngine
    basware: BaswareWorld
    epicor: EpicorWorld
    body: dict[str, Any]
    hook: str
    ahead: timedelta = timedelta(0)

    async def apply(self, **changes: Any) -> None:
        """Store the connection's document, with some sections otherwise."""
        self.body |= changes
        document = ConnectionDocument.model_validate(self.body)
        await apply(self.engine, document, by="test", now=datetime.now(UTC))

    async def set(self, **values: str) -> None:
        """Store credentials; `epicor_password` is epicor.password."""
        named = {name.replace("_", ".", 1): [SecretStr(value)] for name, value in values.items()}
        keys = MasterKeys.parse(SecretStr(KEY))
        await set_credentials(self.engine, keys, connection="demo", values=named, by="test", now=datetime.now(UTC))

    def subscribed(self, **changes: str) -> dict[str, Any]:
        """A subscription as Basware holds it; the wished one unless something is changed."""
        return {
            "taskType": "AccountingDocuments",
            "taskSubType": "WaitingForTransfer",
            "subscriptionType": "Webhook",
            "notificationWebhookURL": self.hook,
            "webhookAuthenticationToken": SECRETS["basware.webhook_secret"],
            "lastUpdated": "2026-11-20T08:00:00.000Z",
        } | changes

    async def examined(self, *, seconds: float = 20, write_probe: bool = False) -> dict[str, Check]:
        """What the doctor finds, by the name of the check."""
        examiner = Examiner(
            self.settings, Limit(seconds), lambda: datetime.now(UTC) + self.ahead, write_probe=write_probe
        )
        return {each.name: each for each in await examine(examiner, "demo")}


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[str]:
    """An address that answers every POST with 200, as the gateway answers Basware's connection test."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/basware/demo"
    server.close()


@pytest_asyncio.fixture
async def site(topology: str, database_url: str, engine: AsyncEngine, hook: str) -> AsyncIterator[Site]:
    """The site in order; broker without a second copy, so that its sync cannot be seen from a client."""
    settings = Settings(nats_url=topology, database_url=SecretStr(database_url), master_keys=SecretStr(KEY))
    async with running() as far_sides:
        pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
        body = {
            "name": "demo",
            "basware": {"base_url": far_sides.basware, "webhook": {"address": hook}},
            "epicor": {"base_url": far_sides.epicor},
            "companies": [{"basware": b, "epicor": e, "currency": c, "segments": SEGMENTS} for b, e, c in pairs],
        }
        made = Site(settings, engine, far_sides.basware_world, far_sides.epicor_world, body, hook)
        await made.apply()
        await made.set(**{name.replace(".", "_", 1): value for name, value in SECRETS.items()})
        made.basware.subscriptions.append(made.subscribed())
        client = await nats.connect(topology)
        await declare_connection(client, "demo", ack_wait=settings.timings.ack_wait)
        await client.close()
        yield made
