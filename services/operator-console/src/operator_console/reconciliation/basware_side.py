"""Basware's side: every document that changed since a moment, page by page, and single ones on request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from sys import intern

import structlog

from mlc_basware.client import BaswareClient
from mlc_basware.documents import text_of
from mlc_basware.sights import DocumentSight
from mlc_common.failures import PermanentError
from operator_console.reconciliation.invoice_sides import InBasware
from operator_console.reconciliation.patience import PAUSES, patiently

log = structlog.stdlib.get_logger(__name__)

STATUSES = (
    *("WaitingForPrebook", "PrebookInProgress", "Prebooked", "PrebookFailed"),
    *("WaitingForTransfer", "TransferInProgress", "Transferred", "TransferFailed", "Paid"),
    *("WaitingForPrebookCancelation", "PrebookCancelationInProgress", "PrebookCanceled", "PrebookCancelFailed"),
    *("WaitingToBeRemoved", "Removed", "RemoveFailed", "WaitingToBeReturned", "Returned", "ReturnFailed"),
    *("WaitingToBeCompleted", "CompletionInProgress", "Completed", "CompletionFailed"),
)
"""One list each; a document that moves on meanwhile shows up in a later one (Basware API reference, §6.1)."""


class UnreadableError(PermanentError):
    """Documents of Basware cannot be read, so that what is missing may be one of them."""


async def documents(
    basware: BaswareClient, *, since: datetime, pauses: Sequence[float] = PAUSES
) -> AsyncIterator[InBasware]:
    """Every document that changed after this moment; one that moved meanwhile may come twice, the later one holds.

    Raises:
        TransientError: Basware cannot be asked now.
        UnreadableError: all were given, and some of them could not be read.
    """
    unreadable = 0
    for status in STATUSES:
        found, missed = await patiently(partial(_in_status, basware, status, since), pauses)
        unreadable += missed
        for each in found:
            yield each
    if unreadable:
        raise UnreadableError(f"{unreadable} documents of Basware cannot be read; the log names the members.")


async def _in_status(basware: BaswareClient, status: str, since: datetime) -> tuple[list[InBasware], int]:
    """The documents in a status, and how many of them cannot be read."""
    found, unreadable = [], 0
    async for item in basware.documents(status, since=since):
        try:
            found.append(seen(DocumentSight.parse(text_of(item))))
        except PermanentError as error:
            log.warning("document_not_readable", why=str(error))
            unreadable += 1
    return found, unreadable


async def document(basware: BaswareClient, invoice_id: str, *, pauses: Sequence[float] = PAUSES) -> InBasware | None:
    """One document, or None when Basware does not know it.

    Raises:
        TransientError: Basware cannot be asked now.
        PermanentError: the document cannot be read.
    """
    text = await patiently(partial(basware.document, invoice_id), pauses)
    return None if text is None else seen(DocumentSight.parse(text))


def seen(sight: DocumentSight) -> InBasware:
    """What is kept of a document; texts that many share are kept once."""
    transfers = sight.transferResponses or sight.prebookResponses
    payments = (each.paidTotal for each in sight.paymentResponses if each.success)
    return InBasware(
        invoice_id=sight.invoiceId,
        status=intern(sight.processingStatus),
        company=intern(sight.companyCode),
        supplier=intern(sight.supplierCode),
        supplier_name=intern(sight.supplierName) if sight.supplierName else None,
        currency=intern(sight.currencyCode),
        number=sight.invoiceNumber,
        day=sight.invoiceDate,
        gross=sight.grossSum,
        voucher=intern(sight.voucherNumber1) if sight.voucherNumber1 else None,
        batch=sight.batch,
        codes=tuple(each.externalCode for each in transfers),
        paid=tuple(each for each in payments if each is not None),
        changed=sight.changed_at,
    )
