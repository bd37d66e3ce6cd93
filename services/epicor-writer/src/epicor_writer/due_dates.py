"""When Epicor lets an invoice fall due, beside what Basware says. Pure.

Epicor may work the due date out from the terms and not keep the one that was sent.
"""

from __future__ import annotations

from mlc_common.catalogue import Finding, finding
from mlc_epicor.datasets import APInvoiceDataset


def due_date_remarks(meant: APInvoiceDataset, held: APInvoiceDataset) -> tuple[Finding, ...]:
    """What a bookkeeper should know of the due date; it is no reason to remove an invoice that is right otherwise."""
    wish, fact = meant.header.DueDate, held.header.DueDate
    if wish is None or wish == fact:
        return ()
    return (finding("DUE_DATE_APART", field="dueDate", given=wish, epicor=fact or "none"),)
