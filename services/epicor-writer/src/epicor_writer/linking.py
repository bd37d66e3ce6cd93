"""Confirms a document by an AP invoice that a person found in Epicor; nothing is entered."""

from __future__ import annotations

from epicor_writer.desk import Desk
from epicor_writer.people import unlinkable
from epicor_writer.posting import record, refuse
from mlc_common.events import InvoiceLinked, InvoicePosted, InvoiceRefused


async def link(desk: Desk, linked: InvoiceLinked) -> InvoicePosted | InvoiceRefused:
    """Look the invoice up and record it as the outcome, unless it is no more what the person saw.

    Raises:
        TransientError: Epicor cannot be asked now.
    """
    held = await desk.ledger.look_up(linked.company, linked.vendor_num, linked.invoice_num)
    findings = unlinkable(linked, held)
    if held is None or findings:
        return await refuse(desk, findings)
    outcome = desk.facts.linked(held, linked)
    await record(desk, outcome)
    return outcome
