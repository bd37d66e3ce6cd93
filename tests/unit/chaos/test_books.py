"""The comparison after the faults: every kind of wrong is seeded once and found, and nothing is found in good books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chaos.books import Evidence, concerned, violations
from operator_console.demo_books import Books
from operator_console.demo_scenario import Expected
from operator_console.view import DocumentStatus, Phase

GOOD = Expected("doc-1", "NWM", "ACME", "A-1", "USD", Decimal("10.00"), Counter({("6100|10|200", Decimal("10.00")): 1}))
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def status(invoice_id: str, phase: Phase) -> DocumentStatus:
    return DocumentStatus("chaos", invoice_id, "1", phase, AT, AT, 1, answered=True)


def invoice(external: str = "doc-1") -> dict[str, Any]:
    return {
        "ExternalID": external,
        "Company": "NWM",
        "VendorNumVendorID": "ACME",
        "InvoiceNum": "A-1",
        "DocInvoiceAmt": Decimal("10.00"),
        "DocInvoiceVendorAmt": Decimal("10.00"),
        "APInvHed": [{"CurrencyCode": "USD"}],
        "APInvExp": [{"InvoiceLine": 1, "InvExpSeq": 1, "DocExpAmt": Decimal("10.00")}],
        "APInvExpTGLC": [{"InvoiceLine": 1, "InvExpSeq": 1, "GLAccount": "6100|10|200"}],
    }


def told(invoice_id: str, *, success: bool) -> dict[str, Any]:
    final = "Transferred" if success else "TransferFailed"
    return {"invoiceId": invoice_id, "processingStatus": final, "transferResponses": [{"success": success}]}


def good() -> Evidence:
    books = Books(
        ours=[status("doc-1", Phase.POSTED), status("doc-2", Phase.REFUSED)],
        basware=[told("doc-1", success=True), told("doc-2", success=False)],
        epicor=[invoice()],
        groups=[{"GroupID": "B1", "ActiveUserID": ""}],
    )
    return Evidence(
        posted=(GOOD,),
        refused=frozenset({"doc-2"}),
        promised=frozenset({"doc-1"}),
        pushed=frozenset({"doc-1", "doc-2"}),
        books=books,
        facts={
            "doc-1": Counter(["document_approved", "invoice_posted", "outcome_answered"]),
            "doc-2": Counter(["document_approved", "invoice_refused", "outcome_answered"]),
        },
        letters=(),
        awaited=4,
        cap=4,
        breaks=(),
    )


def with_books(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, books=replace(found.books, **changes))


def test_good_books_hold_nothing_wrong() -> None:
    assert violations(good()) == []


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (lambda e: replace(e, pushed=frozenset()), "the push of doc-1 was answered 200 and is not in the stream"),
        (with_books(epicor=[]), "Epicor holds doc-1 0 times"),
        (with_books(epicor=[invoice(), invoice()]), "Epicor holds doc-1 2 times"),
        (with_books(epicor=[invoice(), invoice("doc-2")]), "Epicor holds doc-2, which must not be there"),
        (with_books(basware=[told("doc-2", success=False)]), "Basware holds 0 answers for doc-1"),
        (with_books(groups=[{"GroupID": "B1", "ActiveUserID": "bwlink"}]), "group B1 is still locked in Epicor"),
        (
            lambda e: replace(e, facts={**e.facts, "doc-1": e.facts["doc-1"] + Counter(["invoice_posted"])}),
            "the stream holds invoice_posted of doc-1 2 times",
        ),
        (lambda e: replace(e, awaited=5), "5 calls to Epicor at once, 4 are allowed"),
        (lambda e: replace(e, letters=("dead letter 1",)), "dead letter 1"),
        (lambda e: replace(e, breaks=("reconcile: STUCK doc-1",)), "reconcile: STUCK doc-1"),
    ],
    ids=range(10),
)
def test_everything_wrong_is_found(spoiled: Callable[[Evidence], Evidence], said: str) -> None:
    assert said in violations(spoiled(good()))


def test_the_documents_that_sentences_speak_of_are_named() -> None:
    assert concerned(["Epicor holds doc-1, twice", "group B1 is locked"], ["doc-1", "doc-2"]) == ["doc-1"]
