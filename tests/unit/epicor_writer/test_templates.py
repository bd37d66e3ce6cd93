"""Texts and columns made of a document: whose member a name is, what reads as a column's kind, what is said else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.draft import to_draft
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.readback import differences
from epicor_writer.reference import Vendor
from epicor_writer.templates import extra_columns, extra_findings, fill, of_line
from mlc_basware.documents import AccountingDocument
from mlc_common.company_rules import CompanyPair
from mlc_common.http import dump_json
from mlc_common.posting_rules import ExtraField, Posting
from mlc_epicor.datasets import APInvoiceDataset

from .conftest import TODAY, row

Document = Callable[..., AccountingDocument]


def column(text: str, kind: str, **members: Any) -> dict[str, ExtraField]:
    return {"Field_c": ExtraField.model_validate({"template": text, "type": kind, **members})}


def test_a_template_of_a_line_takes_the_rows_member_before_the_documents(document: Document) -> None:
    made = document(text1="whole", text2="both", text60="far", codingRows=[row(1, "300.00", "24.75", text1="part")])
    value = of_line(made.codingRows[0], made)

    assert fill("{text1} {document.text1} {text2}| {text60} {invoiceNumber}", value) == "part whole | far INV-88214"


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("0.1", "number", Decimal("0.1")),
        ("-12345678901234567.89", "number", Decimal("-12345678901234567.89")),
        ("2026-10-28T00:00:00Z", "date", date(2026, 10, 28)),
        ("Yes", "flag", True),
        ("0", "flag", False),
        ("a  b", "text", "a b"),
    ],
)
def test_a_column_gets_a_value_of_its_kind(text: str, kind: str, found: object) -> None:
    made = extra_columns(column(text, kind), lambda _: None)

    assert made == {"Field_c": found}
    assert type(made["Field_c"]) is type(found)
    assert list(extra_findings(column(text, kind), lambda _: None, place="The invoice")) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [("12,50", "number"), ("NaN", "number"), ("Infinity", "number"), ("28.10.2026", "date"), ("0001-01-01", "date"),
     ("perhaps", "flag")],
)  # fmt: skip
def test_what_does_not_read_as_the_columns_kind_is_told_and_not_dropped(text: str, kind: str) -> None:
    (found,) = extra_findings(column(text, kind), lambda _: None, place="Coding row 4")

    assert found.code == "NOT_OF_THE_COLUMNS_KIND"
    assert all(word in found.sentence for word in ("Coding row 4", text, kind, "Field_c"))
    assert extra_columns(column(text, kind), lambda _: None) == {}


def test_a_column_whose_text_is_empty_is_left_alone() -> None:
    assert extra_columns(column("{text1}", "number"), lambda _: None) == {}
    assert list(extra_findings(column("{text1}", "number"), lambda _: None, place="The invoice")) == []


def test_a_long_text_is_cut_to_the_column() -> None:
    assert extra_columns(column("abcdef", "text", longest=4), lambda _: None) == {"Field_c": "abc…"}


def test_a_faulty_column_of_a_row_is_a_reason_beside_the_others(document: Document, pair: CompanyPair) -> None:
    rules = Posting.model_validate({"line_fields": {"Km_c": {"template": "{text1}", "type": "number"}}})
    rows = [row(7, "300.00", "24.75", taxCode="US-IL", text1="far")]

    found = to_draft(document(codingRows=rows, invoiceNumber=""), pair, rules, today=TODAY)

    assert not isinstance(found, Draft)
    assert [each.code for each in found] == ["NO_INVOICE_NUMBER", "NOT_OF_THE_COLUMNS_KIND"]
    assert "Coding row 7" in found[1].sentence


@pytest.fixture
def sent(document: Document, pair: CompanyPair) -> APInvoiceDataset:
    """A dataset with columns of the connection's own."""
    rules = Posting.model_validate(
        {
            "header_fields": {
                "Contract_c": {"template": "{contractNumber}"},
                "Received_c": {"template": "{voucherDate}", "type": "date"},
                "Urgent_c": {"template": "{paymentBlock}", "type": "flag"},
            },
            "line_fields": {"Km_c": {"template": "{num1}", "type": "number"}},
        }
    )
    made = to_draft(
        document(
            contractNumber="C-9",
            voucherDate="2026-10-30",
            codingRows=[row(1, "300.00", "24.75", taxCode="US-IL", num1=Decimal("0.30"))],
        ),
        pair,
        rules,
        today=TODAY,
    )
    assert isinstance(made, Draft)
    return to_dataset(made, Vendor(101, "10432"), group_id="B2610280")


def with_total(sent: APInvoiceDataset, **header: object) -> APInvoiceDataset:
    computed = {"DocInvoiceAmt": Decimal("324.75"), "DocInvoiceVariance": Decimal(0), **header}
    return sent.model_copy(update={"APInvHed": (sent.header.model_copy(update=computed),)})


def test_columns_of_the_connections_own_go_over_the_wire_exactly(sent: APInvoiceDataset) -> None:
    wire = dump_json(sent.to_wire()).decode()

    assert '"Contract_c":"C-9"' in wire
    assert '"Received_c":"2026-10-30T00:00:00"' in wire
    assert '"Urgent_c":false' in wire
    assert '"Km_c":0.30' in wire


def test_columns_that_come_back_as_they_were_sent_are_no_difference(sent: APInvoiceDataset) -> None:
    held = with_total(sent, Received_c="2026-10-30T00:00:00", Contract_c="C-9 ")

    assert differences(sent, held) == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"Contract_c": "C-8"}, "column Contract_c holds C-8 instead of C-9"),
        ({"Contract_c": None}, "column Contract_c holds nothing instead of C-9"),
        ({"Received_c": "2026-10-29T00:00:00"}, "column Received_c holds 2026-10-29T00:00:00 instead of 2026-10-30"),
        ({"Urgent_c": True}, "column Urgent_c holds True instead of False"),
    ],
)
def test_a_column_that_comes_back_otherwise_is_a_difference(
    sent: APInvoiceDataset, header: dict[str, object], said: str
) -> None:
    held = with_total(sent, Received_c="2026-10-30T00:00:00")
    held = with_total(held, **header)

    assert differences(sent, held) == [said]


def test_a_column_of_a_line_that_epicor_drops_is_a_difference(sent: APInvoiceDataset) -> None:
    held = with_total(sent)
    line = type(sent.APInvDtl[0]).model_validate(sent.APInvDtl[0].model_dump(exclude={"Km_c"}))

    assert differences(sent, held.model_copy(update={"APInvDtl": (line,)})) == [
        "line 1 column Km_c holds nothing instead of 0.30"
    ]


def test_dynamic_segments_that_epicor_does_not_keep_are_a_difference(document: Document) -> None:
    segments = [{"field": "accountCode"}, {"field": "projectCode", "dynamic": True}]
    pair = CompanyPair.model_validate({"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments})
    rows = [row(1, "300.00", "24.75", taxCode="US-IL", projectCode="P-7")]
    made = to_draft(document(codingRows=rows), pair, Posting(), today=TODAY)
    assert isinstance(made, Draft)
    sent = to_dataset(made, Vendor(101, "10432"), group_id="B2610280")
    (account,) = sent.APInvExpTGLC
    lost = account.model_copy(update={"SegValue2": ""})

    assert (account.GLAccount, (account.model_extra or {})["SegValue2"]) == ("6100", "P-7")
    assert differences(sent, with_total(sent)) == []
    assert differences(sent, with_total(sent).model_copy(update={"APInvExpTGLC": (lost,)})) == [
        "line 1 lacks the dynamic segments of 6100-P-7"
    ]
