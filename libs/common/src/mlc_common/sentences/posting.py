"""What can happen while an AP invoice is entered in Epicor. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

POSTING: dict[str, Entry] = {
    "DUPLICATE": Entry(
        "Invoice {number} of supplier {vendor} already exists in Epicor ({where}); it did not come from this document.",
        "AP",
        "Check whether the invoice was entered before; if not, correct its number and transfer it again.",
    ),
    "NEAR_DUPLICATE": Entry(
        "Invoice {number} looks like invoice {other} in Epicor company {company} ({where}): same sum, same date.",
        "AP",
        "Compare both; delete the one in Epicor that is too much, or release the one on hold.",
    ),
    "ALREADY_POSTED": Entry(
        "Epicor company {company} already holds this document as invoice {number} of supplier {vendor} ({where}).",
        "AP",
        "Correct that invoice in Epicor by hand; or, if it is wrong and unposted, delete it and transfer this again.",
    ),
    "SUPERSEDED": Entry(
        "The invoice was transferred anew before this transfer was posted; the newer transfer carries on.",
        "AP",
        "Nothing: the newer transfer is answered by itself.",
    ),
    "TAX_APART": Entry(
        "Epicor computes {epicor} {currency} tax, Basware has {given}.",
        "AP",
        "Compare the tax codes; correct the tax or the control total of the invoice in Epicor and release it there.",
    ),
    "TAX_ROUNDED": Entry(
        "The tax that Epicor computed was rounded otherwise than the supplier's and was set to {given} {currency}.",
        "AP",
        "Nothing: the invoice's tax and total are the supplier's.",
    ),
    "DUE_DATE_APART": Entry(
        "Epicor lets the invoice fall due on another day than Basware: {epicor} instead of {given}.",
        "AP",
        "Correct the due date or the terms of the invoice in Epicor before it is paid, if Basware's is right.",
    ),
    "ORIGINAL_NOT_FOUND": Entry(
        "The credit note names invoice {number}, which Epicor does not hold; it was entered without that reference.",
        "AP",
        "Nothing; name the original invoice in Epicor if it is there under another number.",
    ),
    "PERIOD_REFUSED": Entry(
        "Epicor does not take the apply date {day}: {message}",
        "AP",
        "Open the fiscal period in Epicor, or let the connection post on the first open day, and transfer it again.",
    ),
    "REFUSED_BY_EPICOR": Entry(
        "Epicor refused the invoice: {message}",
        "finance systems",
        "Correct what Epicor names and transfer the invoice again.",
    ),
    "NEEDS_A_PERSON": Entry(
        "Epicor asks a question that only a person can answer: {message}",
        "finance systems",
        "Enter this invoice in Epicor by hand, or switch the question off for the integration user.",
    ),
    "NOT_AS_SENT": Entry(
        "Epicor did not keep the invoice as it was sent: {difference}.",
        "finance systems",
        "Check the GL controls and directives in Epicor; the incomplete invoice was removed; transfer it again.",
    ),
    "POSTED_OTHERWISE": Entry(
        "Epicor holds this invoice differently and it is posted: {difference}.",
        "finance systems",
        "Compare the posted invoice in Epicor with Basware and correct it with a correction invoice.",
    ),
    "NOT_REMOVED": Entry(
        "Epicor did not keep the invoice as it was sent ({difference}) and would not delete it: {message}",
        "finance systems",
        "Delete the incomplete invoice in Epicor, then transfer the invoice again.",
    ),
    "HELD_OTHERWISE": Entry(
        "Epicor holds this invoice from an earlier transfer, unposted and different ({where}): {difference}.",
        "AP",
        "Delete the invoice in Epicor if Basware's is right, and transfer it again; otherwise leave it as it is.",
    ),
    "EPICOR_KEEPS_FAILING": Entry(
        "Epicor could not save the invoice in {tries} tries: {message}",
        "integration",
        "Look into Epicor's server log, then transfer the invoice again.",
    ),
}
