"""Every kind of document the mapping knows, entered in the emulator and read back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mlc_common.events import InvoicePosted, InvoiceRefused

from .conftest import STRATEGIES, Change, Writer, approved, invoice, the_only, turned

pytestmark = STRATEGIES


def scaled(body: dict[str, Any], currency: str, places: int) -> dict[str, Any]:
    """The document in another currency, its sums rounded to so many decimals; one row, no tax."""
    row = dict(body["codingRows"][0])
    net = Decimal("12345.678").quantize(Decimal(1).scaleb(-places))
    row |= {"netTotal": net, "grossTotal": net, "taxSum": None, "taxCode": None, "taxPercent": None}
    sums = {"netSum": net, "grossSum": net, "taxSum1": None, "taxCode": None, "taxPercent1": None}
    return body | sums | {"currencyCode": currency, "codingRows": [row]}


@pytest.mark.parametrize("sign", ["negative", "as entered"])
async def test_negative_sums_become_a_debit_memo_entered_positive(writer: Writer, sign: Any) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"debit_memo_sign": sign})
    body = turned(invoice(), invoiceTypeName="Credit note")

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    assert held.header["DebitMemo"]
    assert held.header["ScrDocInvoiceVendorAmt"] == -body["grossSum"]
    assert held.header["DocInvoiceAmt"] == (body["grossSum"] if sign == "negative" else -body["grossSum"])
    assert held.header["DocInvoiceVariance"] == 0
    assert outcome.total == body["grossSum"]


async def test_a_type_that_says_credit_note_turns_positive_sums_into_a_debit_memo(
    writer: Writer, rules: Change
) -> None:
    rules(invoice_types={"CR": {"kind": "credit note"}}, credit_notes={"convention": "type"})
    body = invoice() | {"invoiceTypeCode": "CR"}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    assert the_only(writer).header["DocInvoiceAmt"] == -body["grossSum"] == outcome.total


async def test_a_credit_note_with_its_invoices_number_gets_the_suffix_and_names_the_invoice(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body))
    credit = turned(body, invoiceId="c" * 32, referenceNumber=body["invoiceNumber"], invoiceTypeName="Credit note")

    outcome = await writer.once(approved(credit))

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.invoice_num == body["invoiceNumber"] + "-CN"
    held = next(each for each in writer.invoices() if each.header["DebitMemo"])
    assert held.header["InvoiceRef"] == body["invoiceNumber"]


async def test_a_credit_note_under_its_suffix_is_found_after_a_lost_answer(writer: Writer, strategy: str) -> None:
    body = invoice()
    await writer.once(approved(body))
    credit = turned(body, invoiceId="c" * 32, invoiceTypeName="Credit note")
    writer.fault("drop_after")

    outcome = await writer.until_settled(approved(credit))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found is (strategy == "single"), "what one lost answer leaves of a staged one is made anew"
    assert len(writer.invoices()) == 2


async def test_a_credit_note_transferred_again_is_the_one_that_stands_under_the_suffix(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body))
    credit = turned(body, invoiceId="c" * 32, invoiceTypeName="Credit note")
    first = await writer.once(approved(credit))

    again = await writer.once(approved(credit, attempt="a2"))

    assert isinstance(first, InvoicePosted)
    assert isinstance(again, InvoicePosted), again
    assert (again.invoice_num, again.found) == (first.invoice_num, True)
    assert len(writer.invoices()) == 2


async def test_epicors_own_rate_is_left_alone(writer: Writer) -> None:
    outcome = await writer.once(approved(scaled(invoice(), "EUR", 2)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert the_only(writer).header["ExchangeRate"] == Decimal("1.085")


@pytest.mark.parametrize(("given", "home"), [("1.0912", "13471.60"), ("0.9164", "13471.93")])
async def test_basware_rate_is_locked_in_the_direction_that_its_sums_prove(
    writer: Writer, rules: Change, given: str, home: str
) -> None:
    rules(exchange_rates={"source": "basware", "rate_group": "MAIN"})
    body = scaled(invoice(), "EUR", 2)
    body |= {"exchangeRateCompany": Decimal(given), "netSumCompany": Decimal(home), "currencyCodeCompany": "USD"}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer).header
    assert held["LockRate"]
    assert abs(held["ExchangeRate"] * body["netSum"] - Decimal(home)) <= Decimal("0.05")


async def test_a_rate_that_its_sums_do_not_prove_is_refused(writer: Writer, rules: Change) -> None:
    rules(exchange_rates={"source": "basware"})
    body = scaled(invoice(), "EUR", 2)
    body |= {"exchangeRateCompany": Decimal("1.2"), "netSumCompany": Decimal("9.99"), "currencyCodeCompany": "SEK"}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["OTHER_HOME_CURRENCY", "RATE_DOES_NOT_FIT"]


@pytest.mark.parametrize(("currency", "places", "amount"), [("JPY", 0, "12346"), ("KWD", 3, "12345.678")])
async def test_currencies_without_cents_and_with_thousandths_are_exact(
    writer: Writer, currency: str, places: int, amount: str
) -> None:
    outcome = await writer.once(approved(scaled(invoice(), currency, places)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert the_only(writer).header["DocInvoiceAmt"] == Decimal(amount)


@pytest.mark.parametrize(("action", "posted"), [("hold", True), ("post", True), ("refuse", False)])
async def test_a_vendor_on_payment_hold(writer: Writer, rules: Change, action: str, posted: bool) -> None:
    rules(vendor_on_hold=action)
    body = invoice() | {"supplierCode": "10593", "companyCode": "US01", "paymentTermCode": None}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted) is posted, outcome
    if isinstance(outcome, InvoicePosted):
        held_for = [each.code for each in outcome.held_for or ()]
        assert held_for == (["VENDOR_ON_HOLD"] if action == "hold" else [])
        assert outcome.payment_block is the_only(writer).header["InvoiceHeld"] is (action == "hold")


async def test_a_document_without_rows_becomes_one_line_where_the_connection_says_so(
    writer: Writer, rules: Change
) -> None:
    account = {"accountCode": "6100", "dimCode1": "10", "costCenterCode": "200"}
    rules(without_rows="one line", default_account=account)
    body = invoice()
    tax = Decimal(body["taxSum1"] or 0)
    body |= {"codingRows": [], "taxCode": body["codingRows"][0].get("taxCode")}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    assert [line["DocExtCost"] for line in held.lines.values()] == [body["grossSum"] - tax]
    assert [row["GLAccount"] for row in held.accounts.values()] == ["6100|10|200"]


async def test_zero_rows_gaps_and_five_hundred_rows_are_kept_as_they_are(writer: Writer) -> None:
    body = invoice()
    row = {name: value for name, value in body["codingRows"][0].items() if name not in ("taxCode", "taxPercent")}
    amounts = [Decimal("0.01") * (number % 7) for number in range(500)]
    rows = [
        row
        | {"externalCode": f"r{number}", "rowIndex": number * 3 + 1, "netTotal": net, "grossTotal": net, "taxSum": None}
        for number, net in enumerate(amounts)
    ]
    body |= {"codingRows": rows, "netSum": sum(amounts), "grossSum": sum(amounts), "taxSum1": Decimal(0)}
    body |= {"taxCode": None, "taxPercent1": None}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    assert [line["DocExtCost"] for _, line in sorted(held.lines.items())] == amounts
    assert held.header["DocInvoiceVariance"] == 0


async def test_an_account_that_epicor_does_not_take_on_the_day_is_refused_with_its_words(writer: Writer) -> None:
    refusal = {
        "HttpStatus": 400,
        "ReasonPhrase": "REST API Exception",
        "ErrorMessage": "Account 6100-10-200 is restricted.",
        "ErrorType": "Ice.Common.BusinessObjectException",
    }
    writer.fault("status", path="ValidateGLAccount", status=400, body=refusal, times=-1)

    outcome = await writer.once(approved(invoice()))

    assert isinstance(outcome, InvoiceRefused)
    assert {each.code for each in outcome.findings} == {"INVALID_ACCOUNT"}
    assert "restricted" in outcome.findings[0].sentence


@pytest.mark.parametrize(
    ("action", "posted", "held"), [("hold", True, True), ("post", True, False), ("refuse", False, False)]
)
async def test_an_invoice_that_looks_like_another_one(
    writer: Writer, rules: Change, action: str, posted: bool, held: bool
) -> None:
    rules(near_duplicates=action)
    body = invoice() | {"invoiceNumber": "SI-0042"}
    await writer.once(approved(body))

    outcome = await writer.once(approved(body | {"invoiceId": "d" * 32, "invoiceNumber": "si 42"}))

    assert isinstance(outcome, InvoicePosted) is posted, outcome
    assert [each.header["InvoiceHeld"] for each in writer.invoices()] == [False, *([held] if posted else [])]
    if isinstance(outcome, InvoiceRefused):
        assert [each.code for each in outcome.findings] == ["NEAR_DUPLICATE"]


async def test_the_same_invoice_in_the_sister_company_is_entered_on_hold(writer: Writer) -> None:
    body = scaled(invoice(), "EUR", 2) | {"supplierCode": "10477", "paymentTermCode": None}
    await writer.once(approved(body))

    outcome = await writer.once(
        approved(body | {"invoiceId": "d" * 32, "companyCode": "FI01", "currencyCodeCompany": "EUR"})
    )

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.held_for or ()] == ["NEAR_DUPLICATE"]


async def test_equal_sums_and_dates_under_other_numbers_are_no_duplicates(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body))

    outcome = await writer.once(approved(body | {"invoiceId": "d" * 32, "invoiceNumber": "ANOTHER-1"}))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.held_for is None
