"""Invoices that look alike: by number, sum, date and kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.duplicates import near_duplicates, plain
from epicor_writer.handlers import identities
from epicor_writer.invoice import Draft
from mlc_common.events import DocumentApproved
from mlc_epicor.datasets import APInvHedRow


def other(**members: Any) -> APInvHedRow:
    """An invoice of somebody else that looks like the draft's in every respect."""
    alike = {
        "Company": "NWM",
        "InvoiceNum": "inv 088214",
        "InvoiceDate": date(2026, 10, 28),
        "DocInvoiceAmt": Decimal("324.75"),
        "CurrencyCode": "USD",
        "GroupID": "AP11",
    }
    return APInvHedRow(**alike | members)


def approved(**members: Any) -> DocumentApproved:
    body = {"invoice_id": "d1", "supplier_code": "10432", "company_code": "US01", "invoice_number": "INV-88214"}
    known = {"connection": "demo", "attempt": "a1", "seen_by": "push", "status": "x", "currency": "USD"}
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return DocumentApproved.model_validate(known | body | members | {"at": at, "document": "{}"})


@pytest.mark.parametrize(
    ("number", "alike"),
    [("SI-0042", "si 42"), ("2026/0007", "2026-7"), ("0000123", "123"), ("A.B-1", "ab1"), ("Ä-1", "ä1"), ("0", "00")],
)
def test_numbers_that_people_write_alike_are_alike(number: str, alike: str) -> None:
    assert plain(number) == plain(alike)


@pytest.mark.parametrize(("number", "another"), [("100", "10"), ("42", "420"), ("A1", "B1"), ("10-2", "10-20")])
def test_other_numbers_are_others(number: str, another: str) -> None:
    assert plain(number) != plain(another)


def test_an_invoice_that_looks_like_another_one_names_it(draft: Draft) -> None:
    (found,) = near_duplicates(draft, [other(InvoiceNum="X"), other()])

    assert found.code == "NEAR_DUPLICATE"
    assert "inv 088214" in found.sentence


@pytest.mark.parametrize(
    "members",
    [
        {"InvoiceDate": date(2026, 10, 29)},
        {"DocInvoiceAmt": Decimal("324.76")},
        {"CurrencyCode": "EUR"},
        {"DebitMemo": True},
        {"InvoiceNum": "INV-88214"},
        {"ExternalID": "7c0d4a0be7f84a6d9b1d3b5a9e2f4c61"},
    ],
)
def test_another_sum_date_currency_or_kind_and_itself_are_no_look_alikes(draft: Draft, members: dict[str, Any]) -> None:
    assert near_duplicates(draft, [other(**members)]) == ()


def test_the_very_number_in_the_sister_company_is_a_look_alike(draft: Draft) -> None:
    assert near_duplicates(draft, [other(Company="NWF", InvoiceNum="INV-88214")]) != ()


def test_a_credit_note_is_compared_by_its_sum_as_entered(draft: Draft) -> None:
    credit = replace(draft, credit=True)

    assert near_duplicates(credit, [other(DebitMemo=True, DocInvoiceAmt=Decimal("-324.75"))]) != ()


def test_look_alikes_of_one_supplier_wait_for_each_other() -> None:
    first = identities(approved())

    assert identities(approved(invoice_id="d2", company_code="FI01", invoice_number="inv 088214"))[1] == first[1]
    assert identities(approved(supplier_code="10433"))[1] != first[1]
    assert identities(approved(invoice_number="...")) != identities(approved(invoice_number="---"))
