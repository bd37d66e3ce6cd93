"""Taxes that Epicor computes: met to the cent, rounded otherwise, or apart; and tenants that compute unasked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mlc_common.events import InvoicePosted, InvoiceRefused

from .conftest import STRATEGIES, UPDATE_MASTER, Change, Writer, approved, invoice, the_only, turned

CHANGE = '"RowMod":"U"'
"""Stands only in saves that change what is there."""


@pytest.fixture
def computing(rules: Change) -> None:
    """A connection that leaves the tax to Epicor."""
    categories = {"EXEMPT": "EXEMPT"}
    rules(pairs={"tax_categories": categories}, tax="epicor computes", tax_tolerance="0.05")


def taxed(*nets: str, tax: str, codes: tuple[str, ...] = ()) -> dict[str, Any]:
    """An invoice with these rows and this tax, which stands at the header."""
    body = invoice()
    row = body["codingRows"][0] | {"taxSum": None, "grossTotal": None}
    rows = [
        row | {"externalCode": f"r{place}", "rowIndex": place, "netTotal": Decimal(net), "taxCode": code}
        for place, (net, code) in enumerate(zip(nets, codes or ("US-IL",) * len(nets), strict=True))
    ]
    net = sum(map(Decimal, nets))
    sums = {"netSum": net, "taxSum1": Decimal(tax), "grossSum": net + Decimal(tax)}
    return body | sums | {"codingRows": rows, "taxCode": "US-IL"}


def emulate(writer: Writer, **settings: Any) -> None:
    writer.world.settings = writer.world.settings.model_copy(update=settings)


def saves(writer: Writer) -> int:
    return writer.calls(UPDATE_MASTER)


@pytest.mark.usefixtures("computing")
async def test_a_tax_that_epicor_computes_alike_needs_one_save(writer: Writer) -> None:
    body = taxed("100.00", "50.00", "30.00", tax="12.38", codes=("US-IL", "US-IL", "EXEMPT"))

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    assert {row["TaxCode"]: row["DocTaxAmt"] for row in held.taxes.values()} == {
        "US-IL": Decimal("12.38"),
        "EXEMPT": Decimal(0),
    }
    assert (held.header["DocInvoiceVariance"], saves(writer)) == (0, 1)
    assert (outcome.held_for, outcome.remarks, outcome.payment_block) == (None, None, False)


@STRATEGIES
@pytest.mark.usefixtures("computing")
@pytest.mark.parametrize("sign", ["invoice", "negative", "as entered"])
async def test_a_tax_that_epicor_rounds_otherwise_is_set_to_the_suppliers(writer: Writer, sign: str) -> None:
    emulate(writer, tax_rounded="line", debit_memo_sign="negative" if sign == "invoice" else sign)
    body = taxed("10.03", "10.03", "10.03", tax="2.48")
    body = body if sign == "invoice" else turned(body, invoiceTypeName="Credit note")

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    (tax,) = held.taxes.values()
    assert (tax["ScrDocTaxAmt"], tax["Manual"]) == (Decimal("2.48"), True)
    assert (held.header["DocInvoiceVariance"], held.header["InvoiceHeld"]) == (0, False)
    assert outcome.total == body["grossSum"]
    assert [each.code for each in outcome.remarks or ()] == ["TAX_ROUNDED"]
    assert outcome.held_for is None


@STRATEGIES
@pytest.mark.usefixtures("computing")
@pytest.mark.parametrize("full_rows", [False, True])
async def test_a_tax_too_far_from_basware_s_is_entered_on_hold(writer: Writer, full_rows: bool) -> None:
    emulate(writer, full_rows=full_rows)
    body = taxed("100.00", tax="8.31")

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    assert (held.header["InvoiceHeld"], held.header["DocInvoiceVariance"]) == (True, Decimal("0.06"))
    assert [each.code for each in outcome.held_for or ()] == ["TAX_APART"]
    assert "8.25 USD tax, Basware has 8.31" in (outcome.held_for or ())[0].sentence
    assert outcome.payment_block


@STRATEGIES
@pytest.mark.usefixtures("computing")
async def test_a_tax_exactly_at_the_tolerance_is_settled(writer: Writer) -> None:
    outcome = await writer.once(approved(taxed("100.00", tax="8.30")))

    assert isinstance(outcome, InvoicePosted), outcome
    assert (the_only(writer).header["DocInvoiceVariance"], outcome.held_for) == (0, None)


@pytest.mark.usefixtures("computing")
async def test_a_settling_save_without_an_answer_is_looked_up_and_not_made_twice(writer: Writer) -> None:
    emulate(writer, tax_rounded="line")
    writer.fault("drop_after", match=CHANGE)
    event = approved(taxed("10.03", "10.03", "10.03", tax="2.48"))

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert (the_only(writer).header["DocInvoiceVariance"], saves(writer)) == (0, 2)
    assert [each.code for each in outcome.remarks or ()] == ["TAX_ROUNDED"]


@pytest.mark.usefixtures("computing")
async def test_a_tax_that_epicor_lets_nobody_change_is_entered_on_hold(writer: Writer) -> None:
    emulate(writer, tax_rounded="line")
    writer.fault("not_run", match=CHANGE)

    outcome = await writer.once(approved(taxed("10.03", "10.03", "10.03", tax="2.48")))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.held_for or ()] == ["TAX_APART"]
    assert (the_only(writer).header["InvoiceHeld"], saves(writer)) == (True, 3)


@pytest.mark.usefixtures("computing")
async def test_an_invoice_that_can_be_neither_settled_nor_held_is_taken_back_and_refused(writer: Writer) -> None:
    writer.fault("not_run", match=CHANGE, times=-1)

    outcome = await writer.until_settled(approved(taxed("100.00", tax="8.28")))

    assert isinstance(outcome, InvoiceRefused), outcome
    assert [each.code for each in outcome.findings] == ["NOT_AS_SENT"]
    assert writer.invoices() == []


@STRATEGIES
@pytest.mark.parametrize(("mode", "tax"), [("as given", "8.25"), ("none", "0.00")])
async def test_a_tenant_that_computes_unasked_computes_nothing_beside(
    writer: Writer, rules: Change, mode: str, tax: str
) -> None:
    emulate(writer, taxes_unasked=True)
    rules(tax=mode)
    body = taxed("100.00", tax=tax)

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted), outcome
    assert the_only(writer).header["DocInvoiceAmt"] == body["grossSum"]


@STRATEGIES
async def test_the_tax_liability_of_the_company_is_sent_and_read_back(writer: Writer, rules: Change) -> None:
    rules(pairs={"tax_region": "IL"}, tax="epicor computes")

    outcome = await writer.once(approved(taxed("100.00", tax="8.25")))

    assert isinstance(outcome, InvoicePosted), outcome
    assert the_only(writer).header["TaxRegionCode"] == "IL"
