"""Questions about payments: inclusive, in key order, and never from a later instant than is safe."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest

from mlc_epicor.questions_about_payments import (
    ODATA,
    WHERE,
    InstantForm,
    after,
    changed_since,
    newest,
    of_heads,
    of_invoices,
    start_of,
)
from mlc_sandbox.epicor.odata_filter import predicate

TEN = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("watermark", "overlap", "form", "start"),
    [
        ("2026-11-22T09:00:00.412", TEN, "local", "2026-11-22T08:50:00"),
        ("2026-11-22T09:00:00.412Z", TEN, "zoned", "2026-11-22T08:50:00Z"),
        ("2026-11-22T09:00:00-06:00", TEN, "zoned", "2026-11-22T14:50:00Z"),
        ("2026-11-22T00:00:00", timedelta(0), "local", "2026-11-21T00:00:00"),
        ("2026-11-22T00:00:00", timedelta(days=2), "local", "2026-11-20T00:00:00"),
        ("2026-11-22T09:00:00", TEN, "zoned", "2026-11-21T09:00:00Z"),
        ("2026-11-22T09:00:00Z", TEN, "local", "2026-11-21T09:00:00"),
    ],
)
def test_the_next_look_begins_before_the_newest_change(
    watermark: str, overlap: timedelta, form: InstantForm, start: str
) -> None:
    assert start_of(watermark, overlap, form) == start


def test_the_newest_change_is_kept_as_it_was_written() -> None:
    assert newest("2026-11-22T09:00:00", "", "2026-11-22T09:00:00.500") == "2026-11-22T09:00:00.500"
    assert newest("2026-11-22T09:00:00-06:00", "2026-11-22T14:00:00Z") == "2026-11-22T09:00:00-06:00"
    assert newest("", "") == ""


def test_the_instant_itself_is_asked_for_in_both_languages() -> None:
    assert changed_since(ODATA, "ChangeDate", "2026-11-22T09:00:00") == "ChangeDate ge 2026-11-22T09:00:00"
    assert changed_since(WHERE, "ChangeDate", "2026-11-22T09:00:00") == "ChangeDate >= '2026-11-22T09:00:00'"


def test_a_quote_in_a_number_does_not_end_it() -> None:
    asked = of_invoices(ODATA, [(101, "o'neil")], vendor="VendorNum", number="InvoiceNum")

    assert asked == "((VendorNum eq 101 and InvoiceNum eq 'o''neil'))"
    assert of_heads(WHERE, [1, 2]) == "(HeadNum = 1 OR HeadNum = 2)"


def test_after_any_row_come_exactly_those_that_follow_it() -> None:
    columns = {"HeadNum": "number", "APTranNo": "number", "InvoiceNum": "string", "Voided": "boolean"}
    keys = sorted(product((1, 2), (1, 2), ("A", "B"), (False, True)))
    rows = [
        dict(zip(columns, (Decimal(head), Decimal(place), number, voided), strict=True))
        for head, place, number, voided in keys
    ]

    for place, key in enumerate(keys):
        holds = predicate(after(tuple(zip(columns, key, strict=True))), columns, entity="APTran")
        assert [row for row in rows if holds(row)] == rows[place + 1 :]
