"""What Basware is told, and what its document says about that."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from basware_reader.answers import Awaited, Found, Lost, Verdict, external_code, interim_code, to_response, verdict
from basware_reader.approvals import IN_PROGRESS, WAITING, Attempt, Sight
from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.events import InvoicePosted, InvoiceRefused

AT = datetime(2026, 11, 22, 9, 30, 1, 999_000, tzinfo=UTC)
CONNECTION = ConnectionDocument.model_validate(
    {
        "name": "northwind",
        "epicor": {"base_url": "https://erp.example/live", "source_system": "EPICOR"},
        "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}],
    }
)


def posted(**members: object) -> InvoicePosted:
    return InvoicePosted.model_validate(
        {
            "connection": "northwind",
            "at": AT,
            "invoice_id": "i1",
            "attempt": "b1",
            "connection_version": 1,
            "company": "NWM",
            "vendor_num": 101,
            "vendor_id": "10432",
            "invoice_num": "INV-88214",
            "group_id": "B1122A",
            "voucher": "118822",
            "voucher_2": "INV-88214",
            "total": Decimal("2684.60"),
            "currency": "USD",
            "lines": 2,
        }
        | members
    )


def refused(*codes: str) -> InvoiceRefused:
    findings = tuple(finding(code, company="NWM", vendor="10432", account="6200-10-200") for code in codes)
    return InvoiceRefused(
        connection="northwind", at=AT, invoice_id="i1", attempt="b1", connection_version=1, findings=findings
    )


def test_a_posted_invoice_is_answered_with_its_voucher() -> None:
    assert to_response(posted(), document=CONNECTION, company_code="US01").to_wire() == {
        "externalCode": external_code(posted()),
        "success": True,
        "responseMessage": "Posted to Epicor AP, company NWM, group B1122A, invoice INV-88214",
        "sourceSystem": "EPICOR-NWM",
        "voucherNumber1": "118822",
        "voucherNumber2": "INV-88214",
        "transferDate": "2026-11-22T09:30:01Z",
        "paymentBlock": False,
    }


def test_an_invoice_in_the_payables_is_answered_as_posted() -> None:
    response = to_response(posted(in_payables=True), document=CONNECTION, company_code="US01")

    assert response.success
    assert response.responseMessage == "Posted to Epicor's payables, company NWM, group B1122A, invoice INV-88214"


def test_an_invoice_on_hold_is_answered_as_entered_and_not_posted() -> None:
    held = posted(in_payables=False, payment_block=True, held_for=(finding("SUPERSEDED"),))
    response = to_response(held, document=CONNECTION, company_code="US01")

    assert (response.success, response.paymentBlock, response.voucherNumber1) == (True, True, "118822")
    assert response.responseMessage.startswith(
        "Entered in Epicor AP, company NWM, group B1122A, invoice INV-88214, on hold and not posted: The invoice was"
    )


def test_an_invoice_that_could_not_be_posted_is_a_failure_that_says_where_it_stands() -> None:
    stays = posted(in_payables=False, not_posted=(finding("GROUP_NOT_POSTED", message="Period 11 is closed."),))
    text = (
        "Entered in Epicor AP, company NWM, group B1122A, invoice INV-88214, but not posted: "
        "Epicor does not post it: Period 11 is closed."
    )
    response = to_response(stays, document=CONNECTION, company_code="US01")

    assert (response.success, response.voucherNumber1, response.responseMessage) == (False, None, text)
    interim = interim_code("northwind", "i1", "b1")
    late = verdict(seen("TransferFailed", answers=(interim,)), (OURS,), outcome=stays, code=external_code(stays))
    assert isinstance(late, Lost)
    assert text in late.sentence


def test_a_refusal_is_answered_with_its_reasons_and_without_a_voucher() -> None:
    response = to_response(refused("UNKNOWN_VENDOR", "UNKNOWN_ACCOUNT"), document=CONNECTION, company_code="US01")

    assert response.success is False
    assert response.responseMessage == (
        "Supplier 10432 does not exist in Epicor company NWM. "
        "GL account 6200-10-200 does not exist in Epicor company NWM."
    )
    assert response.sourceSystem == "EPICOR-NWM"
    assert "voucherNumber1" not in response.to_wire()
    assert response.to_wire()["paymentBlock"] is False


def test_every_length_is_kept() -> None:
    long = posted(voucher="9" * 40, voucher_2="8" * 50, invoice_num="7" * 300, payment_block=True)
    far = CONNECTION.model_copy(update={"epicor": CONNECTION.epicor.model_copy(update={"source_system": "E" * 32})})

    response = to_response(long, document=far, company_code="US01")
    refusal = to_response(refused(*["UNKNOWN_ACCOUNT"] * 20), document=far, company_code="US01")

    assert len(response.responseMessage or "") == 250
    assert (response.voucherNumber1, response.voucherNumber2) == ("9" * 25, "8" * 25)
    assert response.sourceSystem == "E" * 32
    assert response.paymentBlock is True
    assert 150 < len(refusal.responseMessage or "") <= 250


def test_a_company_that_left_the_connection_is_still_answered() -> None:
    assert to_response(refused("UNKNOWN_COMPANY"), document=CONNECTION, company_code="GONE").sourceSystem == "EPICOR"


def test_a_retry_is_the_same_answer_and_another_outcome_is_another() -> None:
    codes = {
        external_code(each) for each in (posted(), posted(attempt="b2"), posted(invoice_id="i2"), refused("NO_TOTAL"))
    }

    assert external_code(posted()) == external_code(posted(at=datetime(2027, 1, 1, tzinfo=UTC), found=True))
    assert len(codes) == 4
    assert all(len(code) == 36 for code in codes)


def seen(status: str, *, batch: str | None = "b1", updated: str = "L2", answers: tuple[str, ...] = ()) -> Sight:
    return Sight(status, batch, updated, "A", frozenset(answers))


OURS = Attempt("b1", Sight(WAITING, "b1", "L1", "A"), "US01", acknowledged=True)


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        pytest.param(seen(IN_PROGRESS), Awaited(), id="in progress"),
        pytest.param(seen(WAITING), Awaited(), id="waiting, the acknowledge was lost"),
        pytest.param(seen(IN_PROGRESS, batch=None), Awaited(), id="in progress, the batch vanished"),
        pytest.param(seen("Transferred", answers=("ours",)), Found(), id="taken"),
        pytest.param(seen(WAITING, batch="b2", answers=("ours",)), Found(), id="taken, and transferred anew since"),
        pytest.param(seen("SomethingNew", answers=("ours",)), Found(), id="taken, in a status nobody knows"),
    ],
)
def test_what_the_document_says_about_our_answer(sight: Sight, expected: Verdict) -> None:
    assert verdict(sight, (OURS,), outcome=posted(), code="ours") == expected


@pytest.mark.parametrize(
    ("sight", "status", "sentence"),
    [
        pytest.param(None, "absent", "stands in Epicor", id="gone"),
        pytest.param(seen("Transferred", answers=("other",)), "Transferred", "somebody else", id="answered by another"),
        pytest.param(seen("TransferFailed", answers=("other",)), "TransferFailed", "somebody", id="failed by another"),
        pytest.param(seen("TransferFailed"), "TransferFailed", "given the transfer up", id="given up unanswered"),
        pytest.param(seen("Removed"), "Removed", "stands in Epicor", id="removed"),
        pytest.param(seen("Completed"), "Completed", "no longer awaits", id="completed"),
        pytest.param(seen("SomethingNew"), "SomethingNew", "no longer awaits", id="a status nobody knows"),
        pytest.param(seen(WAITING, batch="b2"), WAITING, "newer transfer", id="transferred anew"),
    ],
)
def test_an_answer_that_can_never_be_taken(sight: Sight | None, status: str, sentence: str) -> None:
    found = verdict(sight, (OURS,), outcome=posted(), code="ours")

    assert isinstance(found, Lost)
    assert found.status == status
    assert sentence in found.sentence


def test_a_transfer_given_up_after_an_earlier_answer_of_ours_is_not_blamed_on_somebody_else() -> None:
    earlier = Attempt(
        "b0", Sight(WAITING, "b0", "L0", "A"), "US01", acknowledged=True, settled="before", repeats=("again",)
    )

    found = verdict(seen("TransferFailed", answers=("before", "again")), (earlier, OURS), outcome=posted(), code="ours")

    assert isinstance(found, Lost)
    assert "given the transfer up" in found.sentence


def test_an_answer_to_an_attempt_that_a_later_one_replaced_is_lost() -> None:
    later = Attempt("b2", Sight(WAITING, "b2", "L3", "A"), "US01", acknowledged=True)

    assert isinstance(verdict(seen(IN_PROGRESS, batch="b2"), (OURS, later), outcome=posted(), code="ours"), Lost)
    assert verdict(seen(IN_PROGRESS, batch="b2"), (OURS, later), outcome=posted(attempt="b2"), code="ours") == Awaited()


@pytest.mark.parametrize(
    ("outcome", "sentence"), [(posted(), "Posted to Epicor AP, company NWM"), (refused("UNKNOWN_VENDOR"), "10432")]
)
def test_an_outcome_that_came_after_still_working_is_told_truthfully(
    outcome: InvoicePosted | InvoiceRefused, sentence: str
) -> None:
    interim = interim_code("northwind", "i1", "b1")

    found = verdict(seen("TransferFailed", answers=(interim,)), (OURS,), outcome=outcome, code="ours")

    assert isinstance(found, Lost)
    assert "still working" in found.sentence
    assert sentence in found.sentence
