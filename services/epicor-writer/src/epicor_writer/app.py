"""epicor-writer: approved accounting documents become AP invoices. The wiring."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import structlog

from epicor_writer.breaker import Breaker
from epicor_writer.groups import sharing
from epicor_writer.handlers import identities, post_invoice
from epicor_writer.ledger import EpicorLedger
from epicor_writer.records import Records
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused
from mlc_common.retries import Delivery
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import writer_durable
from mlc_common.telemetry import span
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


async def wire(runtime: Runtime) -> Wiring:
    """One worker per connection: its client, its slots, its readers."""

    @asynccontextmanager
    async def worker(connection: Connection) -> AsyncIterator[None]:
        for name in sharing(connection.document, (each.document for each in runtime.connections.current().values())):
            log.error("group_prefix_shared", connection=connection.name, other=name)
        cap = connection.document.epicor.calls_in_flight
        engine = make_engine(runtime.settings.database_url, pool_size=cap, application_name="epicor-writer slots")
        try:
            async with _http(runtime, cap) as http:
                ledger = _ledger(runtime, connection, http)
                slots = Slots(engine, connection.name, cap=cap)
                handler = _Handler(runtime, connection, ledger=ledger, slots=slots)
                async with runtime.consuming(writer_durable(connection.name), handler, workers=cap):
                    yield
        finally:
            await engine.dispose()

    return Wiring(per_connection=worker)


class _Handler:
    """Takes an approved document, a slot, and brings it to its outcome."""

    def __init__(self, runtime: Runtime, connection: Connection, *, ledger: EpicorLedger, slots: Slots) -> None:
        gauge = runtime.metrics.breaker_open.labels(connection=connection.name, far_side="epicor")
        self._runtime = runtime
        self._connection = connection
        self._ledger = ledger
        self._slots = slots
        self._breaker = Breaker(
            "Epicor", pause=runtime.settings.timings.breaker, clock=time.monotonic, on_change=gauge.set
        )

    async def __call__(self, event: DocumentApproved, _delivery: Delivery) -> None:
        """The durable's handler."""
        with self._breaker.admitted(), span("post_invoice", connection=event.connection, document=event.invoice_id):
            async with self._slots.hold(*identities(event)) as slot:
                outcome = await post_invoice(
                    event,
                    connection=self._connection,
                    ledger=self._ledger,
                    log=self._runtime.log,
                    slot=slot,
                    timings=self._runtime.settings.timings,
                    now=self._runtime.now,
                )
        if outcome is not None:
            self._tell(outcome)

    def _tell(self, outcome: InvoicePosted | InvoiceRefused) -> None:
        about = {"connection": outcome.connection, "document": outcome.invoice_id, "attempt": outcome.attempt}
        match outcome:
            case InvoicePosted():
                reason = outcome.not_posted[0].code if outcome.not_posted else "posted"
                where = {"company": outcome.company, "group": outcome.group_id, "found": outcome.found}
                log.info("invoice_posted", **about, **where)
            case InvoiceRefused():
                reason = outcome.findings[0].code
                log.info("invoice_refused", **about, reasons=[each.code for each in outcome.findings])
        self._runtime.metrics.outcomes.labels(connection=outcome.connection, reason=reason).inc()


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
