"""Compares three books when the demo is done: ours, Basware's and Epicor's. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from operator_console.demo_scenario import Expected, Scenario
from operator_console.view import DocumentStatus, Phase

Row = Mapping[str, Any]
FINAL = {True: "Transferred", False: "TransferFailed"}


@dataclass(frozen=True)
class Books:
    """What each side holds: our read model, Basware's documents, Epicor's AP invoices and groups."""

    ours: Sequence[DocumentStatus]
    basware: Sequence[Row]
    epicor: Sequence[Row]
    groups: Sequence[Row]


@dataclass(frozen=True)
class Counts:
    """The summary; every number but the first four should be nought."""

    approved: int
    posted: int
    refused: int
    answered: int
    duplicates: int
    unanswered: int

    def __str__(self) -> str:
        return (
            f"approved={self.approved} posted={self.posted} refused={self.refused} answered={self.answered} "
            f"duplicates={self.duplicates} unanswered={self.unanswered}"
        )


def count(books: Books) -> Counts:
    """The summary: what we say about approved, posted, refused and answered; what the far sides say about the rest."""
    ours = [status for status in books.ours if status.phase != Phase.NOTICED]
    known = {status.invoice_id for status in ours}
    twice = sum(found - 1 for found in _by_document(books.epicor).values())
    twice += sum(max(len(responses(document)) - 1, 0) for document in books.basware)
    waiting = [
        each for each in books.basware if each["invoiceId"] in known and each["processingStatus"] not in FINAL.values()
    ]
    return Counts(
        approved=len(ours),
        posted=sum(status.phase == Phase.POSTED for status in ours),
        refused=sum(status.phase == Phase.REFUSED for status in ours),
        answered=sum(status.answered for status in ours),
        duplicates=twice,
        unanswered=max(len(waiting), sum(not status.answered for status in ours)),
    )


def disagreements(plan: Scenario, books: Books) -> list[str]:
    """Everything in the books of the two far sides, and in ours, that is not as it must be; none when all agree."""
    return [
        *_in_epicor(plan, books.epicor),
        *_locked(books.groups),
        *_in_basware(plan, books.basware),
        *_ours(plan, books),
    ]


def _in_epicor(plan: Scenario, invoices: Sequence[Row]) -> Iterator[str]:
    held = _by_document(invoices)
    by_id = {str(invoice["ExternalID"]): invoice for invoice in invoices}
    for expected in plan.posted:
        if held[expected.invoice_id] != 1:
            yield f"Epicor holds {expected.invoice_id} {held[expected.invoice_id]} times"
            continue
        yield from _content(expected, by_id[expected.invoice_id])
    for stranger in held.keys() - {expected.invoice_id for expected in plan.posted}:
        yield f"Epicor holds {stranger}, which must not be there"


def _content(expected: Expected, invoice: Row) -> Iterator[str]:
    amounts = [Decimal(invoice[name]) for name in ("DocInvoiceAmt", "DocInvoiceVendorAmt")]
    held_and_meant = (
        (invoice["Company"], expected.company),
        (invoice["VendorNumVendorID"], expected.vendor),
        (invoice["InvoiceNum"], expected.number),
        (invoice["APInvHed"][0]["CurrencyCode"], expected.currency),
        *((amount, expected.total) for amount in amounts),
    )
    for held, meant in held_and_meant:
        if held != meant:
            yield f"Epicor holds {expected.invoice_id} with {held} instead of {meant}"
    found = bookings(invoice)
    for account, amount in (found - expected.bookings).elements():
        yield f"Epicor holds {expected.invoice_id} with {amount} on {account or 'no account'}, which must not be there"
    for account, amount in (expected.bookings - found).elements():
        yield f"Epicor holds {expected.invoice_id} without {amount} on {account}"


def bookings(invoice: Row) -> Counter[tuple[str, Decimal]]:
    """How often each amount stands on each GL account of an AP invoice: expense rows joined with their account rows."""
    amounts = {(row["InvoiceLine"], row["InvExpSeq"]): Decimal(row["DocExpAmt"]) for row in invoice["APInvExp"]}
    accounts = [(row["GLAccount"], (row["InvoiceLine"], row["InvExpSeq"])) for row in invoice["APInvExpTGLC"]]
    unaccounted = amounts.keys() - {place for _, place in accounts}
    found = Counter((account, amounts.get(place, Decimal(0))) for account, place in accounts)
    return found + Counter(("", amounts[place]) for place in unaccounted)


def _locked(groups: Sequence[Row]) -> Iterator[str]:
    return (f"group {group['GroupID']} is still locked in Epicor" for group in groups if group.get("ActiveUserID"))


def _in_basware(plan: Scenario, documents: Sequence[Row]) -> Iterator[str]:
    success = {expected.invoice_id: True for expected in plan.posted} | dict.fromkeys(plan.refused, False)
    by_id = {str(document["invoiceId"]): document for document in documents}
    for invoice_id, wanted in success.items():
        document = by_id.get(invoice_id)
        given = responses(document) if document else []
        if len(given) != 1:
            yield f"Basware holds {len(given)} answers for {invoice_id}"
        elif document and (given[0]["success"], document["processingStatus"]) != (wanted, FINAL[wanted]):
            yield f"Basware holds {invoice_id} as {document['processingStatus']}"
    for invoice_id in plan.only_forged:
        document = by_id.get(invoice_id, {})
        if responses(document) or document.get("acknowledgements"):
            yield f"Basware was told about {invoice_id}, which only a forged push spoke of"


def _ours(plan: Scenario, books: Books) -> Iterator[str]:
    phases = {status.invoice_id: status.phase for status in books.ours}
    wanted = {expected.invoice_id: Phase.POSTED for expected in plan.posted} | dict.fromkeys(
        plan.refused, Phase.REFUSED
    )
    for invoice_id, phase in wanted.items():
        if phases.get(invoice_id) != phase:
            yield f"we hold {invoice_id} as {phases.get(invoice_id, 'unknown')} instead of {phase}"
    for invoice_id in phases.keys() - wanted.keys():
        yield f"we hold {invoice_id}, which nobody may have told us about"


def responses(document: Row) -> Sequence[Row]:
    """The transfer responses that Basware took for a document."""
    return document.get("transferResponses") or []


def _by_document(invoices: Sequence[Row]) -> Counter[str]:
    return Counter(str(invoice["ExternalID"]) for invoice in invoices)
