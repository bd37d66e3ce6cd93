"""Overridden values: laid over the text as it was read; amounts and identity are not for overriding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mlc_basware.documents import AccountingDocument
from mlc_basware.overrides import changed, overridden
from mlc_common.failures import PermanentError
from mlc_common.people_events import Change

TEXT = """{"invoiceId": "i1", "processingStatus": "WaitingForTransfer", "companyCode": "US01", "supplierCode": "1",
 "currencyCode": "USD", "paymentBlock": false, "PaymentTermCode": "N30", "grossSum": 0.10,
 "codingRows": [{"rowIndex": 1, "accountCode": "6100", "netTotal": 0.1}, {"rowIndex": 4, "netTotal": 0.00}]}"""


def test_a_change_names_old_and_new_and_is_read_in_any_case() -> None:
    change = changed(TEXT, "paymenttermcode", "N60")

    assert change == Change(place="paymenttermcode", old="N30", new="N60")
    assert AccountingDocument.parse(overridden(TEXT, [change])).paymentTermCode == "N60"


def test_a_row_is_counted_from_1_and_what_it_lacked_is_added() -> None:
    change = changed(TEXT, "codingRows[2].accountCode", "6200")

    document = AccountingDocument.parse(overridden(TEXT, [change]))

    assert change.old is None
    assert [row.accountCode for row in document.codingRows] == ["6100", "6200"]
    assert [row.netTotal for row in document.codingRows] == [Decimal("0.1"), Decimal("0.00")]
    assert str(document.grossSum) == "0.10"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("grossSum", "grossSum is no text"),
        ("paymentBlock", "paymentBlock is no text"),
        ("codingRows[1].netTotal", "is no text"),
        ("invoiceNumber", "correct it in Basware"),
        ("supplierCode", "correct it in Basware"),
        ("referencePerson", "holds personal data"),
        ("codingRows[3].accountCode", "has 2 coding rows; there is no row 3"),
        ("codingRows[0].accountCode", "is no place"),
        ("accountCode", "is no member of Basware's document"),
        ("codingRows[1].nonsense", "is no member of Basware's rows"),
        ("codingRows", "is no member of Basware's document"),
        ("a b", "is no place"),
    ],
)
def test_what_cannot_be_overridden_is_said(place: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        changed(TEXT, place, "x")


def test_a_change_that_does_not_fit_is_a_permanent_failure() -> None:
    with pytest.raises(PermanentError, match="does not fit the document"):
        overridden(TEXT, [Change(place="codingRows[9].accountCode", old=None, new="1")])
