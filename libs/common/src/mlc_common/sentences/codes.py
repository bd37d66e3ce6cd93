"""What can be wrong with the codes of a document, by what Epicor knows. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

CODES: dict[str, Entry] = {
    "UNKNOWN_VENDOR": Entry(
        "Supplier {vendor} does not exist in Epicor company {company}.",
        "AP",
        "Create the supplier in Epicor, or choose another supplier in Basware, and transfer the invoice again.",
    ),
    "INACTIVE_VENDOR": Entry(
        "Supplier {vendor} is inactive in Epicor company {company}.",
        "AP",
        "Reactivate the supplier in Epicor and transfer the invoice again.",
    ),
    "VENDOR_ON_HOLD": Entry(
        "Supplier {vendor} is on payment hold in Epicor company {company}.",
        "AP",
        "Release the supplier in Epicor; then release the AP invoice there, or transfer the refused one again.",
    ),
    "INVALID_ACCOUNT": Entry(
        "GL account {account} cannot be posted to in Epicor company {company}: {message}",
        "AP",
        "Choose an account that Epicor takes and transfer the invoice again.",
    ),
    "UNKNOWN_ACCOUNT": Entry(
        "GL account {account} does not exist in Epicor company {company}.",
        "AP",
        "Choose an existing account in Basware, or create it in Epicor, and transfer the invoice again.",
    ),
    "INACTIVE_ACCOUNT": Entry(
        "GL account {account} is inactive in Epicor company {company}.",
        "AP",
        "Choose an active account in Basware and transfer the invoice again.",
    ),
    "UNKNOWN_TAX_CODE": Entry(
        "Tax code {code} does not exist in Epicor company {company}.",
        "finance systems",
        "Create the tax code in Epicor or map it in the connection, then transfer the invoice again.",
    ),
    "UNKNOWN_TERMS": Entry(
        "Payment term {terms} does not exist in Epicor company {company}.",
        "finance systems",
        "Create the payment term in Epicor or map it in the connection, then transfer the invoice again.",
    ),
}
