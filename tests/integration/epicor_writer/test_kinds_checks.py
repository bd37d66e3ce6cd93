"""What Epicor itself checks, and what becomes of a document that it does not take as it is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_common.events import InvoicePosted, InvoiceRefused

from .conftest import STRATEGIES, UPDATE_MASTER, Change, Writer, approved, invoice, the_only, turned

pytestmark = STRATEGIES


def emulate(writer: Writer, **settings: Any) -> None:
    writer.world.settings = writer.world.settings.model_copy(update=settings)


def with_a_zero_row(body: dict[str, Any]) -> dict[str, Any]:
    """The document with one more row, which has no amount."""
    zero = dict.fromkeys(("netTotal", "grossTotal"), Decimal("0.00")) | dict.fromkeys(("taxSum", "taxCode"))
    row = body["codingRows"][0] | zero | {"externalCode": "zero", "rowIndex": 99}
    return body | {"codingRows": [*body["codingRows"], row]}


@pytest.mark.parametrize("how", ["refuse", "ask"])
async def test_a_closed_period_is_refused_with_what_to_do(writer: Writer, how: str) -> None:
    emulate(writer, period_closed_before=date(2030, 1, 1), closed_period=how)

    outcome = await writer.once(approved(invoice()))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["PERIOD_REFUSED"]
    assert "2026-10-23" in outcome.findings[0].sentence
    assert writer.invoices() == []


async def test_an_account_that_ends_before_the_apply_date_is_refused_before_anything_is_sent(writer: Writer) -> None:
    body = invoice()
    account = writer.world.master.accounts["NWM", "MAIN", "6330|20|330"]
    account["EffTo"] = "2026-10-22T00:00:00"

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["INACTIVE_ACCOUNT"]
    assert writer.calls(UPDATE_MASTER) == 0


async def test_an_account_is_validated_once_for_many_invoices_of_one_day(writer: Writer) -> None:
    for number in range(3):
        outcome = await writer.once(
            approved(invoice() | {"invoiceId": f"{number}" * 32, "invoiceNumber": f"N{number}"})
        )
        assert isinstance(outcome, InvoicePosted), outcome

    assert writer.calls("ValidateGLAccount") == 1


async def test_everything_that_is_wrong_is_told_at_once(writer: Writer) -> None:
    body = invoice() | {
        "paymentTermCode": "N99",
        "supplierCode": "10571",
        "taxCode": "NONE",
        "grossSum": Decimal("1.00"),
    }
    row = body["codingRows"][0]
    body["codingRows"] = [row | {"accountCode": "9999", "taxCode": "NONE"}]

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoiceRefused)
    assert {each.code for each in outcome.findings} == {
        "TOTAL_DOES_NOT_ADD_UP",
        "INACTIVE_VENDOR",
        "UNKNOWN_ACCOUNT",
        "UNKNOWN_TAX_CODE",
        "UNKNOWN_TERMS",
    }


async def test_a_credit_note_of_an_invoice_that_epicor_does_not_hold_is_entered_without_it(writer: Writer) -> None:
    credit = turned(invoice(), referenceNumber="NEVER-ENTERED", invoiceTypeName="Credit note")

    outcome = await writer.once(approved(credit))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.remarks or ()] == ["ORIGINAL_NOT_FOUND"]
    assert not the_only(writer).header.get("InvoiceRef")


async def test_rows_of_no_amount_are_left_out_where_epicor_takes_none(writer: Writer, rules: Change) -> None:
    emulate(writer, zero_lines="refuse")
    refused = await writer.once(approved(with_a_zero_row(invoice())))
    rules(zero_rows="leave out")

    outcome = await writer.once(approved(with_a_zero_row(invoice()), attempt="a2"))

    assert isinstance(refused, InvoiceRefused)
    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.lines == len(invoice()["codingRows"])


async def test_a_look_alike_is_found_among_many_invoices_of_one_sum(writer: Writer) -> None:
    emulate(writer, page_cap=2)
    for number in range(5):
        await writer.once(approved(invoice() | {"invoiceId": f"{number}" * 32, "invoiceNumber": f"RENT-{number}"}))

    outcome = await writer.once(approved(invoice() | {"invoiceId": "f" * 32, "invoiceNumber": "rent 04"}))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.held_for or ()] == ["NEAR_DUPLICATE"]
    assert "RENT-4" in (outcome.held_for or ())[0].sentence
