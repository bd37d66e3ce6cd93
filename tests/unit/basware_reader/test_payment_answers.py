"""What Basware is told of a payment: complete, in time, within its lengths, and only when it is true."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from basware_reader.payment_answers import content_of, is_told, payment_code, to_payment_response
from mlc_basware.documents import AccountingDocument
from mlc_basware.payments import payment_codes
from mlc_common.connection import ConnectionDocument
from mlc_common.events import DocumentApproved, PaymentSeen
from mlc_common.http import dump_json
from mlc_common.payment_events import Payment, Picture
from mlc_sandbox.basware.fields import violations

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
CONNECTION = ConnectionDocument.model_validate(
    {
        "name": "demo",
        "epicor": {"base_url": "https://erp.example/live"},
        "companies": [
            {
                **{"basware": "US01", "epicor": "NWM", "currency": "USD", "terms": {"NET30": "N30"}},
                "segments": [{"field": "accountCode"}],
            }
        ],
    }
)


def seen(**picture: Any) -> PaymentSeen:
    given = {"standing": "paid", "currency": "USD", "invoice_amount": Decimal(100), "balance": Decimal(0)}
    whole = {"paid": Decimal(100), "day": date(2026, 11, 3), "terms": "N30"}
    return PaymentSeen(
        connection="demo", at=AT, invoice_id="i1", attempt="b1", number=1, company="NWM", vendor_num=101,
        invoice_num="INV-1", picture=Picture.model_validate(given | whole | picture),
    )  # fmt: skip


def approved(**members: Any) -> DocumentApproved:
    body = {
        **{"invoiceId": "i1", "processingStatus": "Transferred", "companyCode": "US01", "supplierCode": "1"},
        **{"currencyCode": "USD", "grossSum": Decimal(100), "paymentTermCode": "OWN", "paymentMethod": "As agreed"},
    }
    return DocumentApproved(
        connection="demo", at=AT, invoice_id="i1", attempt="b1", seen_by="push", status="WaitingForTransfer",
        company_code="US01", supplier_code="1", currency="USD", document=dump_json(body | members).decode(),
    )  # fmt: skip


def told(event: PaymentSeen, document: DocumentApproved | None = None) -> dict[str, Any]:
    return to_payment_response(event, document=CONNECTION, approved=document).to_wire()


@pytest.mark.parametrize(
    ("standing", "before", "is_to_be_told"),
    [
        ("paid", False, True),
        ("partly paid", False, True),
        ("voided", False, False),
        ("voided", True, True),
        ("settled without payment", False, False),
        ("settled without payment", True, True),
        ("open", True, True),
        ("pay hold", False, False),
        ("unclear", True, False),
        ("not posted", True, False),
    ],
)
def test_nothing_is_told_of_what_nobody_paid_unless_it_was_told_otherwise(
    standing: str, before: bool, is_to_be_told: bool
) -> None:
    assert is_told(seen(standing=standing).picture, before=before) is is_to_be_told


def test_the_terms_are_those_that_basware_knows_and_what_epicor_lacks_is_the_documents_own() -> None:
    assert told(seen())["paymentTermCode"] == "NET30"
    assert told(seen(terms="X9"))["paymentTermCode"] == "X9"
    assert told(seen(terms=None), approved())["paymentTermCode"] == "OWN"
    assert told(seen(), approved())["paymentMethod"] == "As agreed"


def test_the_date_is_always_said() -> None:
    assert told(seen())["paymentDate"] == "2026-11-03T00:00:00Z"
    assert told(seen(day=None))["paymentDate"] == "2026-11-22T00:00:00Z"


def test_amounts_have_the_sign_that_the_document_has() -> None:
    credit = seen(invoice_amount=Decimal(-100), paid=Decimal(-98), discount=Decimal(-2))

    positive = told(credit, approved(grossSum=Decimal(100)))
    negative = told(credit, approved(grossSum=Decimal(-100)))

    assert (positive["paidTotal"], positive["cashDiscount"]) == (98, 2)
    assert (negative["paidTotal"], negative["cashDiscount"]) == (-98, -2)


def test_many_payments_fit_the_lengths_and_no_name_is_cut_in_half() -> None:
    payments = tuple(
        Payment(head=7000 + n, number="5" * 30, amount=Decimal(1), method="M" * 40, reference=f"PAYMENT-{n:030}")
        for n in range(40)
    )

    body = told(seen(payments=payments))

    assert violations("PaymentResponseEntity", body) == []
    assert all(len(each) == 38 for each in body["paymentNumber"].split(", "))


def test_the_code_follows_from_document_and_change() -> None:
    first, second = seen(), seen().model_copy(update={"number": 2})

    assert payment_code(first) == payment_code(seen())
    assert len({payment_code(first), payment_code(first, 1), payment_code(second)}) == 3


def test_the_content_is_the_same_whatever_the_code_and_the_zeros() -> None:
    one, other = seen(paid=Decimal("100.00")), seen(paid=Decimal(100)).model_copy(update={"number": 2})
    responses = [to_payment_response(each, document=CONNECTION, approved=None) for each in (one, other)]
    plain = [each.model_copy(update={"responseMessage": None, "paymentMessage": None}) for each in responses]

    assert content_of(plain[0]) == content_of(plain[1])
    assert content_of(responses[0]) != content_of(responses[0].model_copy(update={"paymentBlock": True}))


def test_the_codes_that_a_document_holds_are_read_in_any_case() -> None:
    body = {"paymentResponses": [{"ExternalCode": "a"}, {"externalCode": "b"}, None]}
    plain = approved(**body).document

    assert payment_codes(AccountingDocument.parse(plain)) == {"a", "b"}
    assert payment_codes(AccountingDocument.parse(approved().document)) == frozenset()
