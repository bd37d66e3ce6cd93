"""Confirms a document by an AP invoice that a person found in Epicor; nothing is entered."""

from __future__ import annotations

from collections.abc import Sequence

from epicor_writer.desk import Desk
from epicor_writer.people import changed_since, unlinkable
from epicor_writer.posting import record, refuse
from mlc_common.events import Event, InvoiceLinked, InvoicePosted, InvoiceRefused


async def link(desk: Desk, linked: InvoiceLinked, history: Sequence[Event]) -> InvoicePosted | InvoiceRefused:
    """Look the invoice up and record it as the outcome, unless one of both is no more what the person saw.

    Raises:
        TransientError: Epicor cannot be asked now.
        PermanentError: what the person saw cannot be read.
    """
    if changed := changed_since(linked, desk.document, history):
        return await refuse(desk, changed)
    held = await desk.ledger.look_up(linked.company, linked.vendor_num, linked.invoice_num)
    findings = unlinkable(linked, held)
    if held is None or findings:
        return await refuse(desk, findings)
    outcome = desk.facts.linked(held, linked)
    await record(desk, outcome)
    return outcome
