"""What people decided about a transfer: hold it, return it, or that its invoice stands in Epicor already. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from epicor_writer.decision import place_of
from epicor_writer.reference import same_key
from mlc_basware.documents import AccountingDocument
from mlc_basware.overrides import overridden
from mlc_common.catalogue import Finding, finding
from mlc_common.events import (
    DocumentApproved,
    DocumentHeld,
    DocumentOverridden,
    DocumentReleased,
    DocumentReturned,
    Event,
    InvoiceLinked,
)
from mlc_common.failures import TransientError
from mlc_common.settings import Timings
from mlc_epicor.datasets import APInvoiceDataset


@dataclass(frozen=True)
class Decided:
    """What is in force for one attempt.

    A hold and a link are about the document and last over its transfers; a return ends one transfer.
    """

    held: DocumentHeld | None = None
    returned: DocumentReturned | None = None
    linked: InvoiceLinked | None = None


def decided(history: Iterable[Event], attempt: str) -> Decided:
    """The decisions in force; `history` in stream order, the last fact of each kind and attempt is enough."""
    held, returned, linked = None, None, None
    for event in history:
        match event:
            case DocumentHeld():
                held = event
            case DocumentReleased():
                held = None
            case DocumentReturned() if event.attempt == attempt:
                returned = event
            case InvoiceLinked():
                linked = event
    return Decided(held, returned, linked)


def approved(history: Iterable[Event], attempt: str) -> DocumentApproved | None:
    """The approval that a decision about an attempt belongs to."""
    found = (event for event in history if isinstance(event, DocumentApproved) and event.attempt == attempt)
    return next(found, None)


def as_decided(event: DocumentApproved, history: Iterable[Event]) -> AccountingDocument:
    """The document as it is to be entered: as Basware gave it, with what people have overridden.

    Raises:
        PermanentError: it cannot be read.
    """
    found = [each for each in history if isinstance(each, DocumentOverridden) and each.attempt == event.attempt]
    text = overridden(event.document, found[-1].changes) if found else event.document
    return AccountingDocument.parse(text)


def returned(decision: DocumentReturned) -> tuple[Finding, ...]:
    """Why the transfer is refused."""
    return (finding("RETURNED", by=decision.by, reason=decision.reason),)


def changed_since(linked: InvoiceLinked, document: AccountingDocument, history: Iterable[Event]) -> tuple[Finding, ...]:
    """Why the link is not about this document any more: it came back as another one than the person saw.

    Raises:
        PermanentError: what the person saw cannot be read.
    """
    values = {"number": linked.invoice_num, "company": linked.company, "by": linked.by}
    seen = approved(history, linked.attempt)
    if seen is None:
        return (finding("LINKED_DOCUMENT_CHANGED", what="all that the person saw", **values),)
    before, now = _known_by(AccountingDocument.parse(seen.document)), _known_by(document)
    other = [what for what, value in now.items() if value != before[what]]
    return (finding("LINKED_DOCUMENT_CHANGED", what=", ".join(other), **values),) if other else ()


def _known_by(document: AccountingDocument) -> dict[str, object]:
    """What a person compares with the AP invoice, by the words of the field."""
    return {
        "company": same_key(document.companyCode),
        "supplier": same_key(document.supplierCode),
        "number": same_key(document.invoiceNumber or ""),
        "date": document.invoiceDate,
        "gross sum": document.grossSum,
        "currency": same_key(document.currencyCode),
    }


def unlinkable(linked: InvoiceLinked, held: APInvoiceDataset | None) -> tuple[Finding, ...]:
    """Why the AP invoice cannot be confirmed as the document: it is not what the person saw."""
    values = {"number": linked.invoice_num, "company": linked.company, "by": linked.by}
    if held is None:
        return (finding("LINKED_IS_GONE", **values),)
    header = held.header
    if header.ExternalID.strip() and same_key(header.ExternalID) != same_key(linked.invoice_id):
        return (finding("LINKED_IS_ANOTHERS", other=header.ExternalID.strip(), **values),)
    seen = (linked.invoice_date, linked.total, same_key(linked.currency))
    if (header.InvoiceDate, header.DocInvoiceAmt, same_key(header.CurrencyCode)) != seen:
        return (finding("LINKED_CHANGED", where=place_of(header), **values),)
    return ()


def wait_while_held(decisions: Decided, timings: Timings) -> None:
    """Go no further while a person holds the document back.

    Raises:
        TransientError: somebody does; a release is taken up at once, and this is only looked at now and then.
    """
    if decisions.held is not None:
        sentence = finding("HELD_BY_A_PERSON", by=decisions.held.by, reason=decisions.held.reason).sentence
        raise TransientError(sentence, retry_after=timings.retry_ceiling, counts=False)
