"""Takes a stored attachment and a slot, and brings it to its AP invoice; invoices go on meanwhile."""

from __future__ import annotations

import structlog

from epicor_writer.attaching import AttachmentDesk, attach
from mlc_common.events import AttachmentStored
from mlc_common.retries import Delivery
from mlc_common.telemetry import span
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


class AttachmentInbox:
    """The handler of the durable of stored attachments.

    It has no breaker: an attachment that fails must not keep invoices away from Epicor.
    """

    def __init__(self, desk: AttachmentDesk, slots: Slots) -> None:
        self._desk = desk
        self._slots = slots

    async def __call__(self, event: AttachmentStored, delivery: Delivery) -> None:
        """One attachment; one worker at a time is at a document, whatever it does there."""
        with span("attach", connection=event.connection, document=event.invoice_id):
            async with self._slots.hold(f"document/{event.invoice_id}") as slot:
                settled = await attach(event, desk=self._desk, slot=slot, begun=delivery.begun(event.at))
        if settled is not None:
            log.info(settled.fact, connection=event.connection, document=event.invoice_id, how=settled.how)
