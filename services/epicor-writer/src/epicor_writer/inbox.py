"""What arrives for the writer: each message gets a slot at Epicor and is brought to its outcome, which is told."""

from __future__ import annotations

import time

import structlog

from epicor_writer.breaker import Breaker
from epicor_writer.handlers import identities, post_invoice
from epicor_writer.ledger import EpicorLedger
from epicor_writer.people import approved
from mlc_common.connections import Connection
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused, PersonFact
from mlc_common.retries import Delivery
from mlc_common.service import Runtime
from mlc_common.telemetry import span
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


class Inbox:
    """One connection's approved documents, and what people decided about them."""

    def __init__(self, runtime: Runtime, connection: Connection, *, ledger: EpicorLedger, slots: Slots) -> None:
        gauge = runtime.metrics.breaker_open.labels(connection=connection.name, far_side="epicor")
        self._runtime = runtime
        self._connection = connection
        self._ledger = ledger
        self._slots = slots
        self._breaker = Breaker(
            "Epicor", pause=runtime.settings.timings.breaker, clock=time.monotonic, on_change=gauge.set
        )

    async def __call__(self, message: DocumentApproved | PersonFact, _delivery: Delivery) -> None:
        """The durable's handler."""
        event = message if isinstance(message, DocumentApproved) else await self._decided_about(message)
        if event is not None:
            await self._post(event)

    async def _decided_about(self, decision: PersonFact) -> DocumentApproved | None:
        """The approval that a person decided about; None when there is nothing to enter."""
        history = await self._runtime.log.history(decision.connection, decision.invoice_id)
        return approved((recorded.event for recorded in history), decision.attempt)

    async def _post(self, event: DocumentApproved) -> None:
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
