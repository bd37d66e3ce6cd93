"""The content of an accounting document, apart from Basware's bookkeeping."""

from __future__ import annotations

import pytest

from mlc_basware.content import content_digest
from mlc_common.failures import PermanentError

PLAIN = '{"invoiceId": "1", "netSum": 10.50, "codingRows": [{"accountCode": "1"}, {"accountCode": "2", "text1": "a"}]}'


@pytest.mark.parametrize(
    "same",
    [
        '{"netSum": 10.5, "invoiceId": "1", "codingRows": [{"accountCode": "2", "text1": "a"}, {"accountCode": "1"}]}',
        '{"INVOICEID": "1", "Netsum": 1.05E1,"codingrows": [{"accountCode": "1"}, {"accountCode": "2", "text1": "a"}]}',
        PLAIN[:-1] + ', "processingStatus": "TransferInProgress", "lastUpdated": "2026-03-05T08:31:00.412Z"}',
        PLAIN[:-1] + ', "transferResponses": [{"externalCode": "x"}], "voucherNumber1": "1", "paymentBlock": true}',
        PLAIN[:-1] + ', "transferParameters": [{"key": "InvoiceBatchId", "value": "b"}], "attachments": []}',
        PLAIN[:-1] + ', "description": null}',
    ],
)
def test_bookkeeping_order_and_zeros_are_not_content(same: str) -> None:
    assert content_digest(same) == content_digest(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace("10.50", "10.51"),
        PLAIN.replace("10.50", '"10.50"'),
        PLAIN.replace('"text1": "a"', '"text1": "b"'),
        PLAIN.replace('{"accountCode": "1"}, ', ""),
        PLAIN[:-1] + ', "description": "new"}',
        PLAIN[:-1] + ', "prebooked": true}',
    ],
)
def test_everything_else_is_content(other: str) -> None:
    assert content_digest(other) != content_digest(PLAIN)


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_what_is_no_object_has_no_content(text: str) -> None:
    with pytest.raises(PermanentError):
        content_digest(text)
