"""Every refusal a person can see: code, sentence, owner and remedy, in one place. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

Owner = Literal["AP", "finance systems", "integration"]
LONGEST_ANSWER = 250
"""Characters Basware accepts in a response message (Basware API reference, TransferResponseEntity)."""


class Finding(BaseModel):
    """One reason why a document is not posted, ready to be read by a person."""

    model_config = ConfigDict(frozen=True)

    code: str
    sentence: str
    owner: Owner
    remedy: str
    field: str | None = None


@dataclass(frozen=True)
class Entry:
    """A catalogue entry; `sentence` is a template filled with the case's values."""

    sentence: str
    owner: Owner
    remedy: str


CATALOGUE: dict[str, Entry] = {
    "UNKNOWN_COMPANY": Entry(
        "Company {company} is not part of this connection.",
        "integration",
        "Add the company pair to the connection file and apply it, then transfer the invoice again.",
    ),
    "NO_CODING_ROWS": Entry(
        "The invoice has no coding rows, so there is nothing to post.",
        "AP",
        "Code the invoice in Basware and transfer it again.",
    ),
    "NO_INVOICE_NUMBER": Entry(
        "The invoice has no invoice number.", "AP", "Enter the supplier's invoice number and transfer it again."
    ),
    "NUMBER_TOO_LONG": Entry(
        "Invoice number {number} is longer than Epicor's 50 characters.",
        "AP",
        "Shorten the invoice number in Basware and transfer the invoice again.",
    ),
    "NO_INVOICE_DATE": Entry(
        "The invoice has no invoice date.", "AP", "Enter the invoice date and transfer the invoice again."
    ),
    "ROWS_DO_NOT_ADD_UP": Entry(
        "The coding rows add up to {rows} {currency} net, but the invoice says {header}.",
        "AP",
        "Correct the coding so that both are equal and transfer the invoice again.",
    ),
    "TAX_DOES_NOT_ADD_UP": Entry(
        "The tax of the coding rows is {rows} {currency}, but the invoice says {header}.",
        "AP",
        "Correct the tax so that both are equal and transfer the invoice again.",
    ),
    "TOTAL_DOES_NOT_ADD_UP": Entry(
        "Net {net} plus tax {tax} is not the gross sum {gross} {currency}.",
        "AP",
        "Correct the sums of the invoice and transfer it again.",
    ),
    "NO_TOTAL": Entry(
        "The invoice has no gross sum.", "AP", "Enter the invoice's gross sum and transfer the invoice again."
    ),
    "NO_APPLY_DATE": Entry(
        "The invoice has no voucher date, which picks the accounting period.",
        "AP",
        "Enter the voucher date and transfer the invoice again.",
    ),
    "AMOUNT_TOO_FINE": Entry(
        "Coding row {row} has an amount finer than a cent: {amount}.",
        "AP",
        "Round the row's amount and transfer the invoice again.",
    ),
    "TAX_NOT_EXPECTED": Entry(
        "The invoice carries {tax} {currency} tax, but this connection posts invoices without tax.",
        "finance systems",
        "Let the connection post taxes as given, or correct the tax in Basware, and transfer the invoice again.",
    ),
    "SECOND_TAX": Entry(
        "The invoice carries a second tax of {tax} {currency} (taxSum2); such taxes are not posted yet.",
        "AP",
        "Enter the invoice in Epicor by hand.",
    ),
    "ROW_WITHOUT_AMOUNT": Entry(
        "Coding row {row} has no net amount.", "AP", "Enter the row's amount and transfer the invoice again."
    ),
    "ROW_WITHOUT_CODE": Entry(
        "Coding row {row} has no {field}, which is needed for the GL account.",
        "AP",
        "Complete the coding row and transfer the invoice again.",
    ),
    "CREDIT_NOTE": Entry(
        "The invoice is a credit note (gross {gross} {currency}); credit notes are not posted yet.",
        "AP",
        "Enter the credit note in Epicor by hand.",
    ),
    "CREDIT_NOTE_OR_NOT": Entry(
        "The invoice type is {type} and the gross sum is {gross} {currency}; only one of them says credit note.",
        "AP",
        "Correct the type or the sums in Basware and transfer it again; enter a credit note in Epicor by hand.",
    ),
    "PURCHASE_ORDER_LINE": Entry(
        "{place} belongs to a purchase order or goods receipt ({order}); such invoices are not posted yet.",
        "AP",
        "Enter the invoice in Epicor by hand, against its purchase order.",
    ),
    "PREBOOKED": Entry(
        "The invoice is prebooked; an invoice that the ledger holds already as prebooked is not completed yet.",
        "AP",
        "Complete the prebooked invoice in Epicor by hand.",
    ),
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
    "TAX_WITHOUT_CODE": Entry(
        "The invoice carries {tax} {currency} tax without a tax code.",
        "AP",
        "Choose a tax code in Basware and transfer the invoice again.",
    ),
    "UNKNOWN_TERMS": Entry(
        "Payment term {terms} does not exist in Epicor company {company}.",
        "finance systems",
        "Create the payment term in Epicor or map it in the connection, then transfer the invoice again.",
    ),
    "DUPLICATE": Entry(
        "Invoice {number} of supplier {vendor} already exists in Epicor ({where}); it did not come from this document.",
        "AP",
        "Check whether the invoice was entered before; if not, correct its number and transfer it again.",
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


def finding(code: str, /, *, field: str | None = None, **values: object) -> Finding:
    """The catalogue's entry `code`, filled with this case's values; `field` names the field a clerk must look at."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        sentence=entry.sentence.format(field=field, **values),
        owner=entry.owner,
        remedy=entry.remedy,
        field=field,
    )


def posted_text(*, company: str, group: str, number: str) -> str:
    """What Basware shows the clerk when the AP invoice stands in Epicor."""
    return f"Posted to Epicor AP, company {company}, group {group}, invoice {number}"[:LONGEST_ANSWER]


def answer_text(findings: tuple[Finding, ...]) -> str:
    """What Basware shows the clerk: as many whole sentences as fit 250 characters, and how many more there are."""
    text = ""
    for position, each in enumerate(findings):
        rest = len(findings) - position - 1
        tail = f" (+{rest} more)" if rest else ""
        longer = f"{text} {each.sentence}".strip()
        if len(longer) + len(tail) > LONGEST_ANSWER:
            more = f" (+{rest + 1} more)" if text else "..."
            return (text or longer[: LONGEST_ANSWER - 3]) + more
        text = longer
    return text or "Refused without a reason."
