"""What Basware sends that its reference does not know: members of a document, and its status. Pure.

Basware API reference, life cycle, statuses: values were added and dropped before, so an unknown one is no failure; but
somebody should look what it means.
"""

from __future__ import annotations

from mlc_basware.documents import AccountingDocument, unknown_members

STATUSES = frozenset((
    "WaitingForPrebook", "PrebookInProgress", "Prebooked", "PrebookFailed", "WaitingForTransfer", "TransferInProgress",
    "Transferred", "TransferFailed", "WaitingForPrebookCancelation", "PrebookCancelationInProgress", "PrebookCanceled",
    "PrebookCancelFailed", "WaitingToBeRemoved", "Removed", "RemoveFailed", "WaitingToBeReturned", "Returned",
    "ReturnFailed", "WaitingToBeCompleted", "CompletionInProgress", "Completed", "CompletionFailed", "Paid", "New",
    "WaitingForEnrichmentTransfer", "EnrichmentTransferInProgress", "EnrichmentTransferred",
    "EnrichmentTransferFailed", "InDocumentFilter", "DocumentFilterReleased", "RemoveInProgress", "ReturnInProgress",
    "InternalStatusChange",
))  # fmt: skip
"""The public statuses, and the internal ones that have been seen."""

_LONGEST_NAME = 100


def unknown_in(document: AccountingDocument) -> set[str]:
    """The names of members that the reference does not know, and `processingStatus=...` for such a status."""
    status = document.processingStatus
    names = unknown_members(document) | (set() if status in STATUSES else {f"processingStatus={status}"})
    return {name[:_LONGEST_NAME] for name in names}
