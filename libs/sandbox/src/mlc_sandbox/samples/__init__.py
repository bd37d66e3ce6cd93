"""Sample accounting documents: approved invoices of many kinds, invoices that must be refused, and bulk."""

from mlc_sandbox.samples.approved import TODAY, approved_invoices, large_invoice
from mlc_sandbox.samples.bad import bad_invoices
from mlc_sandbox.samples.bulk import bulk_invoices
from mlc_sandbox.samples.kinds import followers, unusual_invoices
from mlc_sandbox.samples.orders import order_invoices

__all__ = [
    "TODAY",
    "approved_invoices",
    "bad_invoices",
    "bulk_invoices",
    "followers",
    "large_invoice",
    "order_invoices",
    "unusual_invoices",
]
