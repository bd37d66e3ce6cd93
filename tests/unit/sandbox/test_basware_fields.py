"""What the Basware emulator says of a body that breaks the published schema."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_sandbox.basware.fields import violations

DOCUMENT = {
    "invoiceId": "1",
    "processingStatus": "WaitingForTransfer",
    "companyCode": "US01",
    "supplierCode": "10432",
    "currencyCode": "USD",
    "paymentBlock": False,
}


def test_a_complete_document_breaks_nothing() -> None:
    assert violations("AccountingDocumentEntity", DOCUMENT) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"netSum": "12.50"}, "The field netSum must be of type number."),
        ({"netSum": True}, "The field netSum must be of type number."),
        ({"cashPercent": Decimal("100.01")}, "The field cashPercent must be between 0 and 100."),
        ({"originService": Decimal("1.5")}, "The field originService must be of type integer."),
        ({"codingRows": {}}, "The field codingRows must be an array."),
        ({"codingRows": [{}]}, "The field codingRows[0].externalCode is required."),
        ({"codingRows": [1]}, "codingRows[0]. must be an object."),
        ({"orderNumbers": [4501]}, "The field orderNumbers[0] must be of type string."),
        ({"processingStatus": "Approved"}, "The field processingStatus must be one of"),
        ({"lastUpdated": None}, "The field lastUpdated must not be null."),
        ({"supplierCode": None}, "The field supplierCode is required."),
        ({"invoiceDate": "2026-11-22 09:00"}, "The field invoiceDate must be a date-time."),
        ({"invoicenumber": "x"}, "The field invoicenumber is not known."),
    ],
)
def test_each_defect_has_its_sentence(changes: dict[str, Any], sentence: str) -> None:
    (found,) = violations("AccountingDocumentEntity", DOCUMENT | changes)
    assert found.startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        "2021-01-01",
        "2021-01-01T00:00:00",
        "2021-01-01T00:00:00Z",
        "2021-01-01T00:00:00.1234567",
        "2017-07-02T07:36:13.053+02:00",
    ],
)
def test_every_documented_form_of_a_date_is_taken(text: str) -> None:
    assert violations("AccountingDocumentEntity", DOCUMENT | {"invoiceDate": text}) == []


def test_what_the_vendor_adds_is_only_a_violation_in_what_is_posted() -> None:
    body = DOCUMENT | {"brandNew": 1, "codingRows": [{"externalCode": "1", "brandNew": 2}]}
    assert violations("AccountingDocumentEntity", body, strict=False) == []
    assert len(violations("AccountingDocumentEntity", body)) == 2
