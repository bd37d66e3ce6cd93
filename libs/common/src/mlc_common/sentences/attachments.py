"""What can become of attachments; their invoices are never touched. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

ATTACHMENTS: dict[str, Entry] = {
    "ATTACHMENTS_ABSENT": Entry(
        "Basware showed no attachments of the invoice within {hours} hours after its transfer.",
        "integration",
        "Nothing if the invoice has none; else switch OpenApi.SendInvoiceAttachments on in P2P (CMN_TENANT_SETTINGS).",
    ),
    "ATTACHMENT_GIVEN_UP": Entry(
        "The attachment could not be fetched from Basware within {hours} hours: {why}",
        "integration",
        "Mend what the sentence names, then take the file from Basware by hand.",
    ),
    "ATTACHMENT_NOT_IN_EPICOR": Entry(
        "The AP invoice goes without the attachment: {why}",
        "AP",
        "Attach the file in Epicor by hand; `ml-connector documents attachment` writes it out.",
    ),
}
