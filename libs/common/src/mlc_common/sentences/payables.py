"""What can happen while the group of an AP invoice is posted; where the invoice stands is told before. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

_THEN = "post its group there, and transfer the invoice again: it is found and confirmed."

PAYABLES: dict[str, Entry] = {
    "GROUP_NOT_POSTED": Entry("Epicor does not post it: {message}", "AP", f"Correct what Epicor names, {_THEN}"),
    "GROUP_VARIANCE": Entry(
        "Epicor finds a variance in it: {message}", "AP", f"Compare lines and control total in Epicor, {_THEN}"
    ),
    "GROUP_ASKS": Entry(
        "Epicor asks a question before posting that only a person can answer: {message}",
        "finance systems",
        f"Settle the question in Epicor's set-up, or answer it, {_THEN}",
    ),
    "GROUP_SHARED": Entry(
        "Its group holds other invoices too ({others}), which must not be posted with it.",
        "AP",
        f"Move the other invoices to another group or check them, {_THEN}",
    ),
    "GROUP_BUSY": Entry("Its group cannot be posted: {message}.", "AP", f"Let the group be closed in Epicor, {_THEN}"),
    "POSTING_NOT_SEEN": Entry(
        "Epicor was asked to post it and has not done so within {minutes} minutes.",
        "finance systems",
        f"Look into Epicor's System Monitor and task agent, {_THEN}",
    ),
    "GONE_FROM_EPICOR": Entry(
        "The invoice was entered in Epicor as {number} of supplier {vendor} and was deleted before it was posted.",
        "AP",
        "Ask who deleted it; transfer the invoice again if it is to be entered.",
    ),
}
