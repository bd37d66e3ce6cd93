"""Accounting documents are read tolerantly into exact values."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_basware.documents import AccountingDocument, CodingRow, TransferResponse, unknown_members
from mlc_common.failures import PermanentError

LEAST = {
    "invoiceId": "7c0d4a0be7f84a6d9b1d3b5a9e2f4c61",
    "processingStatus": "WaitingForTransfer",
    "companyCode": "US01",
    "supplierCode": "10432",
    "currencyCode": "USD",
    "paymentBlock": False,
}


def parse(**members: object) -> AccountingDocument:
    return AccountingDocument.parse(json.dumps(LEAST | members))


def parse_raw(members: str) -> AccountingDocument:
    return AccountingDocument.parse(json.dumps(LEAST)[:-1] + "," + members + "}")


def test_amounts_are_the_decimals_of_the_text() -> None:
    document = parse_raw('"netSum": 2480.00, "taxSum1": 0.1, "grossSum": -1E+2, "cashSum": 12345678901234567.89')

    assert [str(each) for each in (document.netSum, document.taxSum1, document.cashSum)] == [
        "2480.00",
        "0.1",
        "12345678901234567.89",
    ]
    assert document.grossSum == Decimal(-100)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_no_amount_loses_a_digit(amount: Decimal) -> None:
    row = parse_raw(f'"codingRows": [{{"externalCode": "1", "netTotal": {amount}, "num1": {amount}}}]').codingRows[0]

    assert row.netTotal == amount
    assert Decimal(row.value("num1") or "0") == amount


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-01-01", date(2021, 1, 1)),
        ("2026-03-02T00:00:00Z", date(2026, 3, 2)),
        ("2017-07-02T07:36:13.053Z", date(2017, 7, 2)),
        ("2026-03-02T23:59:59+02:00", date(2026, 3, 2)),
        ("2026-03-02T21:00:00-0800", date(2026, 3, 2)),
        ("2026-03-02T00:00:00.0000000", date(2026, 3, 2)),
        ("2026-03-02T00:00", date(2026, 3, 2)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01", None),
        ("", None),
        (None, None),
    ],
)
def test_a_business_date_is_the_calendar_date_as_written(text: str | None, day: date | None) -> None:
    assert parse(invoiceDate=text).invoiceDate == day


@pytest.mark.parametrize("text", ["02.03.2026", "2026-02-30", "2026-03-02 later", 20260302])
def test_a_date_in_another_form_is_refused_by_its_path(text: object) -> None:
    with pytest.raises(PermanentError, match="dueDate"):
        parse(dueDate=text)


def test_members_are_found_in_any_case_and_the_vendors_spelling_wins() -> None:
    document = parse(INVOICENUMBER="A-1", SupplierName="Acme", codingrows=[{"ExternalCode": "r1", "DIMCODE1": "20"}])

    assert document.invoiceNumber == "A-1"
    assert document.supplierName == "Acme"
    assert document.codingRows[0].value("dimCode1") == "20"
    assert parse(invoicenumber="old", invoiceNumber="new", INVOICENUMBER="older").invoiceNumber == "new"


def test_nulls_and_missing_members_are_the_same() -> None:
    document = parse(invoiceNumber=None, codingRows=None, transferParameters=None, paymentBlock=None, orderNumbers=None)

    assert document.invoiceNumber is None
    assert document.codingRows == ()
    assert document.batch is None
    assert document.paymentBlock is False


def test_unknown_members_do_no_harm_and_are_listed() -> None:
    document = parse(riskScore=4, codingRows=[{"externalCode": "1", "newDim": "x", "text1": "known"}])

    assert unknown_members(document) == {"riskScore", "codingRows.newDim"}
    assert unknown_members(parse(text60="known", numeric30=1)) == set()


def test_codes_sent_as_numbers_are_read_as_their_text() -> None:
    assert parse(supplierCode=10432).supplierCode == "10432"


def test_an_unknown_status_is_read_like_any_other() -> None:
    assert parse(processingStatus="SomethingNew").processingStatus == "SomethingNew"


@pytest.mark.parametrize(
    ("members", "field", "text"),
    [
        ({"accountCode": "6100"}, "accountCode", "6100"),
        ({"accountCode": "6100"}, "ACCOUNTCODE", "6100"),
        ({"dimCode10": 7}, "dimCode10", "7"),
        ({"text85": "  x "}, "text85", "x"),
        ({"costCenterCode": "   "}, "costCenterCode", None),
        ({}, "costCenterCode", None),
        ({"madeUp": "x"}, "madeUp", None),
        ({"externalCode": "1"}, "value", None),
        ({"date1": "2026-03-02"}, "date1", "2026-03-02"),
    ],
)
def test_a_coding_field_is_read_by_its_name(members: dict[str, object], field: str, text: str | None) -> None:
    assert CodingRow.model_validate(members).value(field) == text


def test_a_header_field_is_read_by_its_name() -> None:
    document = parse(paymentBlock=True, invoiceDate="2026-03-02T00:00:00Z", text7="seven")

    assert [document.value(name) for name in ("paymentBlock", "invoiceDate", "text7", "codingRows")] == [
        "true",
        "2026-03-02",
        "seven",
        None,
    ]


def test_the_batch_is_found_among_the_transfer_parameters() -> None:
    parameters = [{"key": "Other", "value": "1"}, {"Key": "invoicebatchid", "Value": " b-1 "}]

    assert parse(transferParameters=parameters).batch == "b-1"
    assert parse(transferParameters=[{"key": "InvoiceBatchId", "value": ""}]).batch is None


@pytest.mark.parametrize("missing", ["invoiceId", "processingStatus", "companyCode", "supplierCode", "currencyCode"])
def test_a_required_member_that_is_missing_is_named(missing: str) -> None:
    rest = {name: value for name, value in LEAST.items() if name != missing}

    with pytest.raises(PermanentError, match=missing):
        AccountingDocument.parse(json.dumps(rest))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"text"', '{"netSum": NaN}', "\xff", "[" * 100_000])
def test_what_is_no_document_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(PermanentError, match="accounting document"):
        AccountingDocument.parse(text)


def test_a_refusal_names_the_path_and_never_the_value() -> None:
    with pytest.raises(PermanentError, match=r"codingRows\.1\.netTotal") as refused:
        parse(codingRows=[{"externalCode": "1"}, {"externalCode": "2", "netTotal": "twelve"}])

    assert "twelve" not in str(refused.value)


def test_a_response_goes_out_without_what_is_not_known() -> None:
    response = TransferResponse(externalCode="1", success=False, responseMessage="No.", paymentBlock=False)

    assert response.to_wire() == {
        "externalCode": "1",
        "success": False,
        "responseMessage": "No.",
        "paymentBlock": False,
    }
