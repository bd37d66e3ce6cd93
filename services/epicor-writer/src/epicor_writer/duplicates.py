"""Invoices that look like one that Epicor holds already under another number or in another company. Pure.

The same number of the same supplier is refused by Epicor itself; what people enter twice mostly differs in blanks,
dashes, leading zeros or case, or was entered in the sister company.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from epicor_writer.decision import is_ours, place_of
from epicor_writer.invoice import Draft
from epicor_writer.reference import same_key
from mlc_common.catalogue import Finding, finding
from mlc_epicor.datasets import APInvHedRow

_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


def plain(number: str) -> str:
    """An invoice number as people tell it apart: letters and digits only, without leading zeros."""
    kept = "".join(character for character in _LEADING_ZEROS.sub("", number) if character.isalnum())
    return _LEADING_ZEROS.sub("", kept).casefold()


def near_duplicates(draft: Draft, held: Iterable[APInvHedRow]) -> tuple[Finding, ...]:
    """The first of `held` that has the draft's number, sum and date, and is neither it nor of its very number."""
    for each in held:
        itself = same_key(each.Company) == same_key(draft.pair.epicor) and same_key(each.InvoiceNum) == same_key(
            draft.invoice_num
        )
        alike = (
            plain(each.InvoiceNum) == plain(draft.invoice_num)
            and abs(each.DocInvoiceAmt or 0) == draft.total
            and each.DebitMemo is draft.credit
            and each.InvoiceDate == draft.invoice_date
            and same_key(each.CurrencyCode) == same_key(draft.currency)
        )
        if alike and not itself and not is_ours(each, invoice_id=draft.invoice_id, group_id=""):
            values = {"number": draft.invoice_num, "other": each.InvoiceNum, "company": each.Company}
            return (finding("NEAR_DUPLICATE", field="invoiceNumber", where=place_of(each), **values),)
    return ()
