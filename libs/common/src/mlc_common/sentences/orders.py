"""Purchase orders and receipts. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

ORDERS: dict[str, Entry] = {
    "PURCHASE_ORDER_LINE": Entry(
        "{place} belongs to a purchase order or goods receipt ({order}); such invoices are not posted yet.",
        "AP",
        "Enter the invoice in Epicor by hand, against its purchase order.",
    ),
}
