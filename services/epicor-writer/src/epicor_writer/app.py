"""epicor-writer: approved accounting documents become AP invoices. The wiring."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from epicor_writer.breaker import Breaker
from epicor_writer.groups import sharing
from epicor_writer.handlers import identities, post_invoice
from epicor_writer.ledger import EpicorLedger
from epicor_writer.opened import open_http, open_ledger
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused
from mlc_common.retries import Delivery
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import writer_durable
from mlc_common.telemetry import span
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
            async with open_http(runtime, cap) as http:
                ledger = open_ledger(runtime, connection, http)
                held = runtime.metrics.gauges.epicor_slots(connection.name, cap)
                slots = Slots(engine, connection.name, cap=cap, held=held)
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
                reason = "posted"
                where = {"company": outcome.company, "group": outcome.group_id, "found": outcome.found}
                log.info("invoice_posted", **about, **where)
            case InvoiceRefused():
                reason = outcome.findings[0].code
                log.info("invoice_refused", **about, reasons=[each.code for each in outcome.findings])
        self._runtime.metrics.outcomes.labels(connection=outcome.connection, reason=reason).inc()


def main() -> None:
    """The console script."""
    run("epicor-writer", wire)
