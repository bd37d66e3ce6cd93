"""Which AP invoice is which document's: by its Basware id, cut or not; by its key only where that cannot mislead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from operator_console.reconciliation.books import Books
from operator_console.reconciliation.invoice_sides import InEpicor, Side

from .reconciled import BASWARE, CLAIM, EPICOR, HERE, ID

SENT_ONLY = replace(HERE, posted=None, outcome=None)


def holding(*rows: InEpicor) -> Books:
    books = Books(basware={ID: BASWARE})
    books.add(rows)
    return books


@pytest.mark.parametrize(
    "row",
    [
        EPICOR,
        replace(EPICOR, external_id=ID.upper()),
        replace(EPICOR, external_id=ID[:20]),
        replace(EPICOR, external_id=ID, number="RENAMED", vendor_num=7),
        replace(EPICOR, external_id=""),
        replace(EPICOR, external_id="", group="MOVED", number="inv-1"),
    ],
)
def test_an_ap_invoice_is_the_documents(row: InEpicor) -> None:
    books = holding(row)

    assert books.take(HERE).rows == (row,)
    assert list(books.left()) == []


@pytest.mark.parametrize(
    "row",
    [
        replace(EPICOR, external_id=ID[:19]),
        replace(EPICOR, external_id="another document's"),
        replace(EPICOR, external_id="", number="ANOTHER"),
        replace(EPICOR, external_id="", company="NWF"),
    ],
)
def test_an_ap_invoice_is_somebody_elses(row: InEpicor) -> None:
    assert holding(row).take(HERE).rows == ()


def test_a_number_that_a_clerk_entered_first_is_not_ours_for_having_been_tried() -> None:
    by_hand = replace(EPICOR, external_id="", group="CLERK")

    assert holding(by_hand).take(SENT_ONLY).rows == ()
    assert holding(replace(by_hand, group=CLAIM.group)).take(SENT_ONLY).rows != ()


def test_what_stands_under_our_key_instead_is_named_and_still_somebodys() -> None:
    other = replace(EPICOR, external_id="another document's")
    books = holding(other)

    assert books.take(HERE).foreign == other
    assert [case.basware for case in books.left()] == []


def test_what_nobody_claims_is_left_with_its_document() -> None:
    lonely = replace(EPICOR, external_id="", number="LONELY")
    first, second = holding(EPICOR, lonely).left()

    assert (first.basware, first.rows, second.basware, second.rows) == (BASWARE, (EPICOR,), None, (lonely,))


def test_two_documents_that_claim_one_invoice_are_told_at_the_second() -> None:
    books = holding(replace(EPICOR, external_id=""))
    twin = replace(HERE, invoice_id="twin")

    assert books.take(HERE).claimed_too is None
    assert books.take(twin).claimed_too == ID


def test_a_side_is_unsure_for_the_companies_that_could_not_be_read() -> None:
    books = holding(EPICOR)
    books.unsure_companies.add("NWF")

    assert books.look(HERE).unsure == frozenset()
    assert books.look(replace(HERE, posted=None, sent=None)).unsure == {Side.EPICOR}
    books.unsure_companies.add("NWM")
    assert books.look(HERE).unsure == {Side.EPICOR}
