"""epicor-writer: approved accounting documents become AP invoices. The wiring."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import structlog

from epicor_writer.groups import sharing
from epicor_writer.inbox import Inbox
from epicor_writer.ledger import EpicorLedger
from epicor_writer.records import Records
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import writer_durable
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


async def wire(runtime: Runtime) -> Wiring:
    """One worker per connection: its client, its slots, its readers."""

    @asynccontextmanager
    async def worker(connection: Connection) -> AsyncIterator[None]:
        if Flow.POSTING in connection.paused:
            yield
            return
        for name in sharing(connection.document, (each.document for each in runtime.connections.current().values())):
            log.error("group_prefix_shared", connection=connection.name, other=name)
        cap = connection.document.epicor.calls_in_flight
        engine = make_engine(runtime.settings.database_url, pool_size=cap, application_name="epicor-writer slots")
        try:
            async with _http(runtime, cap) as http:
                ledger = _ledger(runtime, connection, http)
                slots = Slots(engine, connection.name, cap=cap)
                inbox = Inbox(runtime, connection, ledger=ledger, slots=slots)
                async with runtime.consuming(writer_durable(connection.name), inbox, workers=cap):
                    yield
        finally:
            await engine.dispose()

    return Wiring(per_connection=worker)


def _http(runtime: Runtime, cap: int) -> httpx.AsyncClient:
    timings = runtime.settings.timings
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect),
        limits=httpx.Limits(max_connections=cap + 1, max_keepalive_connections=cap + 1),
    )


def _ledger(runtime: Runtime, connection: Connection, http: httpx.AsyncClient) -> EpicorLedger:
    timings, epicor = runtime.settings.timings, connection.document.epicor
    signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used)
    runtime.redactor.learn(signed.secrets)
    client = EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write)
    left_locked = runtime.metrics.group_unlock_failures.labels(connection=connection.name)
    return EpicorLedger(
        client,
        Records(client, believed=timings.reference_cache, clock=time.monotonic),
        user=connection.secret("epicor.username") if epicor.sign_in == "basic" else None,
        on_left_locked=left_locked.inc,
    )


def main() -> None:
    """The console script."""
    run("epicor-writer", wire)
