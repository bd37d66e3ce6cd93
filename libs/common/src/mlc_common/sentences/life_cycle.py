"""What Basware says of a document: pushes, statuses and answers. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

LIFE_CYCLE: dict[str, Entry] = {
    "PREBOOKED": Entry(
        "The invoice is prebooked; an invoice that the ledger holds already as prebooked is not completed yet.",
        "AP",
        "Complete the prebooked invoice in Epicor by hand.",
    ),
    "ABSENT_IN_BASWARE": Entry(
        "Basware knows no invoice of this id.",
        "integration",
        "Check that the push and the API user belong to the same Basware tenant.",
    ),
    "NOT_FOR_TRANSFER": Entry(
        "The invoice has the status {status} in Basware, which is not for this connector to act on.",
        "AP",
        "Nothing, unless the invoice was meant to be transferred; then start its transfer in Basware.",
    ),
    "PUSH_EXPIRED": Entry(
        "The push had expired at {expired} before it was handled; it was not acted on.",
        "integration",
        "Nothing: the next sweep picks the invoice up. Check why pushes wait if this recurs.",
    ),
    "PUSH_OF_ANOTHER_KIND": Entry(
        "The push is about {kind}, which this connector does not act on.",
        "integration",
        "Narrow the subscription in Basware to the document kinds that are in use.",
    ),
    "ANSWERED_BY_ANOTHER": Entry(
        "Basware holds the status {status} without our answer: somebody else answered this transfer.",
        "finance systems",
        "Compare the invoice in Basware with Epicor, and find out who else answers transfers.",
    ),
    "TRANSFERRED_ANEW": Entry(
        "Basware offers the invoice in a newer transfer (status {status}); this answer came too late for its own.",
        "AP",
        "Nothing: the newer transfer is answered by itself.",
    ),
    "NO_LONGER_AWAITED": Entry(
        "Basware no longer awaits an answer to this transfer: the invoice has the status {status}.",
        "AP",
        "Compare the invoice in Basware with Epicor; if it was withdrawn there, correct it in Epicor by hand.",
    ),
}
