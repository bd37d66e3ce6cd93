"""Debit memos, currencies, computed taxes, and what is refused where tenants differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_sandbox.epicor import EpicorWorld

Change = Callable[..., None]
AMOUNTS = {
    "APInvHed": (("DocInvoiceVendorAmt", "ScrDocInvoiceVendorAmt"),),
    "APInvDtl": (("DocExtCost", "ScrDocExtCost"), ("VendorQty", "ScrVendorQty")),
    "APInvExp": (("DocExpAmt", "DocScrExpAmt"),),
    "APInvTax": (("DocTaxAmt", "ScrDocTaxAmt"), ("DocTaxableAmt", "ScrDocTaxableAmt")),
}


def debit_memo(grouped: Any, number: str = "CM-1", **header: Any) -> dict[str, list[dict[str, Any]]]:
    """A credit of 1082.50: shown positive, stored negative."""
    rows: dict[str, list[dict[str, Any]]] = grouped.invoice(number, DebitMemo=True, **header)
    for table, pairs in AMOUNTS.items():
        for row in rows[table]:
            row.update({stored: -row[shown] for stored, shown in pairs})
    return rows


def untaxed(grouped: Any, *lines: str, **header: Any) -> dict[str, list[dict[str, Any]]]:
    """An invoice with these lines and no tax rows; the control total is that of the lines."""
    rows: dict[str, list[dict[str, Any]]] = grouped.invoice(
        lines=tuple((line, "6100|10|200") for line in lines), tax="0", **header
    )
    return rows | {"APInvTax": []}


def said(answered: Any) -> str:
    """What Epicor answered to a refused call."""
    assert answered.status_code == 400, answered.text
    return str(answered.json()["ErrorMessage"])


@pytest.mark.parametrize(("sign", "total"), [("negative", "-1082.50"), ("as entered", "1082.50")])
async def test_a_debit_memo_is_stored_in_the_sign_of_the_tenant(
    grouped: Any, change: Change, sign: str, total: str
) -> None:
    change(debit_memo_sign=sign)

    answered = await grouped.save(debit_memo(grouped))

    assert answered.status_code == 200, answered.text
    held = await grouped.held("CM-1")
    (header,) = held["APInvHed"]
    assert (header["DocInvoiceAmt"], header["DocInvoiceVariance"]) == (Decimal(total), 0)
    assert header["ScrDocInvoiceVendorAmt"] == Decimal("1082.50")
    assert held["APInvDtl"][0]["ScrDocExtCost"] == Decimal("1000.00")


@pytest.mark.parametrize(
    ("table", "changed", "words"),
    [
        ("APInvHed", {"ScrDocInvoiceVendorAmt": Decimal(-5), "DocInvoiceVendorAmt": Decimal(5)}, "entered positive"),
        ("APInvHed", {"DocInvoiceVendorAmt": Decimal("1082.50")}, "contradict"),
        ("APInvDtl", {"DocExtCost": Decimal("1000.00")}, "contradict"),
        ("APInvHed", {"InvoiceRef": "NOT-THERE"}, "Invoice Reference"),
        ("APInvHed", {"InvoiceRef": "CM-0"}, "Invoice Reference"),
    ],
)
async def test_a_debit_memo_is_refused(grouped: Any, table: str, changed: dict[str, Any], words: str) -> None:
    await grouped.save(debit_memo(grouped, "CM-0"))
    rows = debit_memo(grouped)
    rows[table][0].update(changed)

    assert words in said(await grouped.save(rows))


async def test_a_debit_memo_names_the_invoice_it_credits(grouped: Any) -> None:
    await grouped.save(grouped.invoice("SI-1"))

    answered = await grouped.save(debit_memo(grouped, ScrInvoiceRef="SI-1"))

    assert answered.status_code == 200, answered.text
    assert (await grouped.held("CM-1"))["APInvHed"][0]["InvoiceRef"] == "SI-1"


@pytest.mark.parametrize(
    ("currency", "amount", "rate"), [("EUR", "10.25", "1.085"), ("JPY", "1025", "0.00667"), ("KWD", "10.125", "3.2605")]
)
async def test_a_foreign_currency_has_the_rate_of_the_table_and_its_own_decimals(
    grouped: Any, currency: str, amount: str, rate: str
) -> None:
    answered = await grouped.save(untaxed(grouped, amount, CurrencyCode=currency))

    assert answered.status_code == 200, answered.text
    (header,) = (await grouped.held())["APInvHed"]
    assert (header["ExchangeRate"], header["DocInvoiceAmt"]) == (Decimal(rate), Decimal(amount))
    assert header["InvoiceAmt"] == round(Decimal(amount) * Decimal(rate), 2)


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "10.5"), ("USD", "10.125")])
async def test_an_amount_finer_than_its_currency_is_refused(grouped: Any, currency: str, amount: str) -> None:
    assert "decimals of the currency" in said(await grouped.save(untaxed(grouped, amount, CurrencyCode=currency)))


async def test_a_locked_rate_stays(grouped: Any) -> None:
    rate = Decimal("1.25")
    await grouped.save(untaxed(grouped, "10.00", CurrencyCode="EUR", ExchangeRate=rate, LockRate=True))

    (header,) = (await grouped.held())["APInvHed"]
    assert (header["ExchangeRate"], header["InvoiceAmt"]) == (rate, Decimal("12.50"))


@pytest.mark.parametrize(("rounded", "tax"), [("invoice", "2.48"), ("line", "2.49")])
async def test_taxes_are_computed_by_liability_and_category(
    grouped: Any, change: Change, rounded: str, tax: str
) -> None:
    change(tax_rounded=rounded)
    rows = untaxed(grouped, "10.03", "10.03", "10.03", "50.00", ReadyToCalc=True)
    rows["APInvDtl"][3]["TaxCatID"] = "EXEMPT"

    answered = await grouped.save(rows)

    assert answered.status_code == 200, answered.text
    held = await grouped.held()
    assert {row["TaxCode"]: row["DocTaxAmt"] for row in held["APInvTax"]} == {"US-IL": Decimal(tax), "EXEMPT": 0}
    assert held["APInvHed"][0]["DocInvoiceVariance"] == -Decimal(tax)


async def test_a_computed_tax_that_a_person_changed_is_not_computed_again(grouped: Any) -> None:
    await grouped.save(untaxed(grouped, "100.00", ReadyToCalc=True))
    (tax,) = (await grouped.held())["APInvTax"]

    changed = tax | {"DocTaxAmt": Decimal("8.24"), "ScrDocTaxAmt": Decimal("8.24"), "Manual": True, "RowMod": "U"}
    answered = await grouped.save({"APInvTax": [changed]})

    assert answered.status_code == 200, answered.text
    (held,) = (await grouped.held())["APInvTax"]
    assert (held["DocTaxAmt"], held["Manual"]) == (Decimal("8.24"), True)


@pytest.mark.parametrize(("ready", "taxes"), [({}, 1), ({"ReadyToCalc": False}, 0)])
async def test_a_tenant_may_compute_unless_it_is_told_not_to(
    grouped: Any, change: Change, ready: dict[str, Any], taxes: int
) -> None:
    change(taxes_unasked=True)

    await grouped.save(untaxed(grouped, "100.00", **ready))

    assert len((await grouped.held())["APInvTax"]) == taxes


async def test_an_unknown_tax_category_is_refused(grouped: Any) -> None:
    rows = untaxed(grouped, "100.00", ReadyToCalc=True)
    rows["APInvDtl"][0]["TaxCatID"] = "NONE"

    assert "Tax Category" in said(await grouped.save(rows))


async def test_a_line_of_no_amount_is_taken_or_not(grouped: Any, change: Change) -> None:
    change(zero_lines="refuse")
    refused = await grouped.save(untaxed(grouped, "100.00", "0.00"))
    change(zero_lines="accept")

    assert "must have an amount" in said(refused)
    assert (await grouped.save(untaxed(grouped, "100.00", "0.00"))).status_code == 200


async def test_a_closed_period_may_be_a_question(grouped: Any, change: Change) -> None:
    change(period_closed_before=date(2026, 11, 4), closed_period="ask")

    answered = (await grouped.save(grouped.invoice())).json()["parameters"]

    assert answered["lUpdateRan"] is False
    assert "closed fiscal period" in answered["opMessage"]


async def test_an_account_is_refused_outside_its_days(grouped: Any, world: EpicorWorld) -> None:
    world.master.accounts["NWM", "MAIN", "6100|10|200"]["EffTo"] = "2026-11-02T00:00:00"
    asked = {"COACode": "MAIN", "GLAccount": "6100|10|200", "ExtCompanyID": "", "RestrictID": ""}
    asked |= {"EffectiveDate": "2026-11-03T00:00:00", "ValidateDynamicSegment": True}

    assert "not effective" in said(await grouped.save(grouped.invoice()))
    assert "not effective" in said(await grouped.call("ValidateGLAccount", asked, service="Erp.BO.GLAccountSvc"))
    earlier = await grouped.save(grouped.invoice(ApplyDate="2026-11-02"))
    assert earlier.status_code == 200, earlier.text
