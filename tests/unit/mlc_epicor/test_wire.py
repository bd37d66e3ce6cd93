"""Datasets keep every cent on the way out and in; filters quote what they must."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mlc_common.failures import PermanentError
from mlc_common.http import dump_json, load_json
from mlc_epicor.datasets import APInvDtlRow, APInvHedRow, APInvoiceDataset, Saved
from mlc_epicor.odata import any_of, both, chunks, collated, literal


def test_only_what_was_set_is_sent_with_exact_amounts_and_epicors_dates() -> None:
    header = APInvHedRow(VendorNum=101, InvoiceDate=date(2026, 1, 31), DocInvoiceVendorAmt=Decimal("1240.00"))
    line = APInvDtlRow(InvoiceLine=1, DocExtCost=Decimal("0.10"))

    assert dump_json(APInvoiceDataset(APInvHed=(header,), APInvDtl=(line,)).to_wire()).decode() == (
        '{"APInvHed":[{"VendorNum":101,"InvoiceDate":"2026-01-31T00:00:00","DocInvoiceVendorAmt":1240.00}],'
        '"APInvDtl":[{"InvoiceLine":1,"DocExtCost":0.10}]}'
    )


def test_an_answer_is_read_tolerantly_and_exactly() -> None:
    text = (
        '{"APInvHed":[{"VendorNum":101,"InvoiceNum":null,"DocInvoiceAmt":0.1,"DueDate":"2026-01-31T00:00:00",'
        '"Posted":null,"NewColumn":{"a":1}}],"APInvDtl":null,"RcvMisc":[]}'
    )
    held = APInvoiceDataset.read(load_json(text), what="test")

    assert held.header.DocInvoiceAmt == Decimal("0.1")
    assert held.header.DueDate == date(2026, 1, 31)
    assert (held.header.InvoiceNum, held.header.Posted, held.APInvDtl) == ("", False, ())


def test_an_answer_of_another_shape_is_named_by_its_places_and_no_value() -> None:
    with pytest.raises(PermanentError, match=r"APInvHed\.0\.VendorNum") as failure:
        APInvoiceDataset.read({"APInvHed": [{"VendorNum": "secret"}]}, what="test")

    assert "secret" not in str(failure.value)


def test_the_verdict_of_a_save_is_read_and_may_be_missing() -> None:
    said = Saved.read({"parameters": {"lUpdateRan": False, "opMessage": "a\nb", "opDUAMsg": "c"}}, what="test")

    assert (said.lUpdateRan, said.messages) == (False, "a b c")
    assert Saved.read({"parameters": {}}, what="test").lUpdateRan is None
    with pytest.raises(PermanentError):
        Saved.read({}, what="test")


@pytest.mark.parametrize(
    ("value", "text"),
    [("O'Neil", "'O''Neil'"), (101, "101"), (True, "true"), (Decimal("1.50"), "1.50")],
)
def test_a_filters_literal(value: str | int | Decimal, text: str) -> None:
    assert literal(value) == text


def test_conditions_are_joined() -> None:
    assert both("a eq 1", None, any_of("b", ["x", "y"])) == "a eq 1 and (b eq 'x' or b eq 'y')"
    assert both(None) is None
    assert [list(some) for some in chunks(["a", "b", "c"], 2)] == [["a", "b"], ["c"]]
    assert collated(" Ab ") == "ab"
