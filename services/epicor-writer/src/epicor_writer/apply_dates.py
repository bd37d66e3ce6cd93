"""The day that picks the fiscal period, by the connection's rule. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.posting_rules import ApplyDate, Posting


def apply_date_of(document: AccountingDocument, posting: Posting, *, today: date) -> date | None:
    """The apply date; None when the document lacks it."""
    match posting.apply_date:
        case ApplyDate.INVOICE_DATE:
            return document.invoiceDate
        case ApplyDate.VOUCHER_DATE:
            return document.voucherDate
        case ApplyDate.FIRST_OPEN_DAY:
            return document.invoiceDate and max(document.invoiceDate, posting.open_from or document.invoiceDate)
        case ApplyDate.TODAY:
            return today


def apply_date_findings(document: AccountingDocument, posting: Posting, day: date | None) -> Iterator[Finding]:
    """What is wrong with the apply date, as far as the connection tells."""
    if posting.apply_date is ApplyDate.VOUCHER_DATE and document.voucherDate is None:
        yield finding("NO_APPLY_DATE", field="voucherDate")
    elif day is not None and posting.open_from is not None and day < posting.open_from:
        yield finding("PERIOD_CLOSED", field="invoiceDate", day=day, first=posting.open_from)
