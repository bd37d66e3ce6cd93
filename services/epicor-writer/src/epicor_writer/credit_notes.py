"""The number a credit note gets in Epicor. Pure.

Invoices and debit memos of a vendor share one set of numbers (Epicor reference, uniqueness), and suppliers often give
a credit note the number of the invoice it credits.
"""

from __future__ import annotations

from epicor_writer.checks import LONGEST_NUMBER
from epicor_writer.decision import is_ours
from epicor_writer.invoice import Draft
from mlc_epicor.datasets import APInvoiceDataset


def credit_number(draft: Draft, held: APInvoiceDataset | None, *, suffix: str) -> str:
    """The credit note's own number, or with the suffix when an invoice has it.

    Args:
        held: what Epicor holds under the credit note's own number.
    """
    if held is None or held.header.DebitMemo or is_ours(held.header, invoice_id=draft.invoice_id, group_id=""):
        return draft.invoice_num
    return with_suffix(draft.invoice_num, suffix)


def with_suffix(number: str, suffix: str) -> str:
    """The number with the suffix, within Epicor's length."""
    return number[: LONGEST_NUMBER - len(suffix)] + suffix
