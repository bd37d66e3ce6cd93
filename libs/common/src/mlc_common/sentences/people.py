"""What people decided. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

PEOPLE: dict[str, Entry] = {
    "HELD_BY_A_PERSON": Entry(
        "{by} holds the invoice back: {reason}",
        "AP",
        "Decide: ml-connector release ID enters it, return ID sends it back, link ID confirms what Epicor holds.",
    ),
    "RETURNED": Entry(
        "{by} returned the invoice: {reason}",
        "AP",
        "Correct what the sentence names and transfer the invoice again.",
    ),
    "LINKED_IS_GONE": Entry(
        "{by} said that invoice {number} in Epicor company {company} is this one, but Epicor holds no such invoice.",
        "AP",
        "Transfer the invoice again; it is linked when the invoice is there, or link it to another one.",
    ),
    "LINKED_IS_ANOTHERS": Entry(
        "{by} said that invoice {number} in Epicor company {company} is this one, but it came from Basware document "
        "{other}.",
        "AP",
        "Compare both documents in Basware; one of them is too much.",
    ),
    "LINKED_CHANGED": Entry(
        "{by} said that invoice {number} in Epicor company {company} is this one ({where}), but since then its date, "
        "sum or currency was changed.",
        "AP",
        "Compare both and link the invoice again, then transfer it again.",
    ),
    "LINKED_DOCUMENT_CHANGED": Entry(
        "{by} said that invoice {number} in Epicor company {company} is this one, but Basware has transferred another "
        "content since then: {what}.",
        "AP",
        "Compare both; if they are the same all the same, link the invoice again, then transfer it again.",
    ),
}
