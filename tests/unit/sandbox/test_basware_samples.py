"""The sample invoices: consistent to the cent, of many kinds, and made for the sandbox's own company."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mlc_sandbox import chart, company, orders
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.exact_json import dumps, loads
from mlc_sandbox.samples import (
    TODAY,
    approved_invoices,
    bad_invoices,
    bulk_invoices,
    large_invoice,
    order_invoices,
    unusual_invoices,
)

ERP = {"US01": "NWM", "FI01": "NWF"}
ACTIVE = {account.internal for account in chart.active_accounts()}
CENT = Decimal("0.01")


def rows_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = body["codingRows"] or []
    return rows


def total(body: dict[str, Any], name: str) -> Decimal:
    return sum((row.get(name, Decimal(0)) for row in rows_of(body)), Decimal(0))


def account_of(row: dict[str, Any]) -> str:
    return f"{row['accountCode']}|{row['dimCode1']}|{row['costCenterCode']}"


def on_the_wire(body: dict[str, Any]) -> dict[str, Any]:
    """The document as a reader gets it."""
    read: dict[str, Any] = loads(dumps(body))
    return read


def assert_adds_up(body: dict[str, Any]) -> None:
    assert body["netSum"] + body["taxSum1"] == body["grossSum"]
    assert total(body, "netTotal") == body["netSum"]
    if any("taxSum" in row for row in rows_of(body)):
        assert total(body, "taxSum") == body["taxSum1"]
    for row in rows_of(body):
        if "taxSum" in row:
            assert row["netTotal"] + row["taxSum"] == row["grossTotal"]


APPROVED = approved_invoices()


@pytest.mark.parametrize("body", APPROVED, ids=lambda body: body["invoiceNumber"])
def test_an_approved_invoice_could_be_posted_as_it_is(body: dict[str, Any]) -> None:
    body = on_the_wire(body)
    vendor = company.vendor(ERP[body["companyCode"]], body["supplierCode"])
    taxes = {tax.code for tax in company.TAXES if tax.company == vendor.company}
    codes = {row.get("taxCode") for row in rows_of(body)} | {body.get("taxCode")}
    assert violations("AccountingDocumentEntity", body, strict=False) == []
    assert not vendor.inactive
    assert not vendor.pay_hold
    assert rows_of(body)
    assert {account_of(row) for row in rows_of(body)} <= ACTIVE
    assert codes - {None} <= taxes
    assert_adds_up(body)
    assert all(
        amount == amount.quantize(CENT) for amount in (body["netSum"], body["taxSum1"]) if isinstance(amount, Decimal)
    )


def test_invoice_and_voucher_dates_lie_in_the_two_months_before() -> None:
    for body in APPROVED:
        for name in ("invoiceDate", "voucherDate"):
            day = date.fromisoformat(body[name][:10])
            assert TODAY - timedelta(days=61) <= day <= TODAY


def test_there_are_about_sixty_of_many_kinds() -> None:
    numbers = Counter(
        (body["companyCode"], body["supplierCode"], body["invoiceNumber"].casefold()) for body in APPROVED
    )
    rows = [len(rows_of(body)) for body in APPROVED]
    assert 58 <= len(APPROVED) <= 64
    assert len({body["invoiceId"] for body in APPROVED}) == len(APPROVED)
    assert max(numbers.values()) == 1
    assert {1, 2, 3, 4, 5, 6, 8} <= set(rows)
    assert {body["companyCode"] for body in APPROVED} == {"US01", "FI01"}
    assert len({body["supplierCode"] for body in APPROVED}) > 30


def test_taxes_come_in_rows_in_the_header_alone_mixed_and_not_at_all() -> None:
    kinds: Counter[str] = Counter()
    for body in APPROVED:
        codes = {row.get("taxCode") for row in rows_of(body)}
        kinds["header only"] += codes == {None} and body.get("taxCode") is not None
        kinds["none"] += codes == {None} and body.get("taxCode") is None
        kinds["two codes"] += len(codes - {None}) > 1
        kinds["in part"] += None in codes and len(codes) > 1
    assert min(kinds["header only"], kinds["none"], kinds["two codes"], kinds["in part"]) >= 1


def test_dates_are_written_in_every_form_that_is_documented() -> None:
    tails = {body["invoiceDate"][10:] for body in APPROVED}
    assert tails == {"T00:00:00Z", "", "T00:00:00", "T00:00:00+02:00", "T07:36:13.053Z", "T00:00:00.0000000"}


def test_invoice_numbers_have_blanks_slashes_small_letters_and_umlauts() -> None:
    numbers = [body["invoiceNumber"] for body in APPROVED]
    for part in (" ", "/", "&", "Ü", "Å", "ä"):
        assert any(part in number for number in numbers), part
    assert any(number.islower() for number in numbers)


def test_some_amounts_only_add_up_in_decimal() -> None:
    found = [
        body["invoiceNumber"]
        for body in APPROVED
        if sum(float(row["netTotal"]) for row in rows_of(body)) != float(body["netSum"])
    ]
    assert found


def test_row_indexes_have_gaps_and_members_appear_that_no_schema_knows() -> None:
    indexes = [[row["rowIndex"] for row in rows_of(body)] for body in APPROVED]
    assert any(each != list(range(1, len(each) + 1)) for each in indexes)
    assert all(len(set(each)) == len(each) for each in indexes)
    assert any(violations("AccountingDocumentEntity", body) for body in APPROVED)


def test_one_invoice_is_too_large_for_a_message() -> None:
    sizes = [len(dumps(body).encode()) for body in APPROVED]
    assert [size > 600 * 1024 for size in sizes].count(True) == 1
    assert len(rows_of(large_invoice())) == 900


def test_samples_are_the_same_every_time() -> None:
    assert dumps(approved_invoices()) == dumps(APPROVED)
    assert approved_invoices(date(2027, 3, 1))[0]["invoiceDate"].startswith("2027-02")


def test_bad_invoices_are_bad_in_the_way_their_name_says() -> None:
    bad = bad_invoices()
    known = {(vendor.company, vendor.vendor_id): vendor for vendor in company.VENDORS}
    every = {account.internal for account in chart.ACCOUNTS}

    def outside(name: str, accounts: set[str]) -> set[str]:
        return {account_of(row) for row in rows_of(bad[name])} - accounts

    assert ("NWM", bad["unknown_vendor"]["supplierCode"]) not in known
    assert known["NWM", bad["inactive_vendor"]["supplierCode"]].inactive
    assert outside("inactive_account", every) == set()
    assert outside("inactive_account", ACTIVE) == {"6720|50|610"}
    assert outside("unknown_account", every) == {"6199|10|200"}
    assert bad["totals_off_by_a_cent"]["netSum"] - total(bad["totals_off_by_a_cent"], "netTotal") == CENT
    assert bad["rows_off_by_a_cent"]["netSum"] - total(bad["rows_off_by_a_cent"], "netTotal") == CENT
    assert bad["no_coding_rows"]["codingRows"] == []
    assert bad["null_coding_rows"]["codingRows"] is None
    assert known["NWM", bad["several_defects"]["supplierCode"]].inactive
    assert len(outside("several_defects", ACTIVE)) == 2


def test_the_duplicate_has_vendor_and_number_of_an_earlier_invoice_and_is_another_document() -> None:
    earlier, duplicate = APPROVED[0], bad_invoices()["duplicate_number"]
    for name in ("companyCode", "supplierCode", "invoiceNumber"):
        assert duplicate[name] == earlier[name]
    assert duplicate["invoiceId"] != earlier["invoiceId"]
    assert duplicate["grossSum"] != earlier["grossSum"]


def test_bad_invoices_still_fit_the_wire_and_meet_no_approved_one() -> None:
    bodies = [on_the_wire(body) for body in bad_invoices().values()]
    assert [violations("AccountingDocumentEntity", body) for body in bodies] == [[]] * len(bodies)
    assert {body["invoiceId"] for body in bodies}.isdisjoint(body["invoiceId"] for body in APPROVED)


def test_bulk_invoices_add_up_and_differ_by_seed() -> None:
    first, second = bulk_invoices(200, seed=1), bulk_invoices(200, seed=2)
    assert len({body["invoiceId"] for body in first + second}) == 400
    assert dumps(bulk_invoices(200, seed=1)) == dumps(first)
    for body in map(on_the_wire, first):
        assert violations("AccountingDocumentEntity", body) == []
        assert_adds_up(body)
        assert {account_of(row) for row in rows_of(body)} <= ACTIVE


ORDERED = [*order_invoices(40, seed=3), *(each for name, each in unusual_invoices().items() if name.startswith("of "))]


@pytest.mark.parametrize("body", ORDERED, ids=lambda body: body["invoiceNumber"])
def test_an_invoice_of_an_order_is_matched_with_lines_of_its_supplier_at_their_price(body: dict[str, Any]) -> None:
    body = on_the_wire(body)
    assert violations("AccountingDocumentEntity", body, strict=False) == []
    assert_adds_up(body)
    known = {str(order.number): order for order in orders.ORDERS}
    named = [row for row in rows_of(body) if row.get("orderNumber")]
    assert named
    assert sorted({row["orderNumber"] for row in named}) == body["orderNumbers"]
    for row in named:
        order = known[row["orderNumber"]]
        line = order.lines[int(row["orderLineNumber"]) - 1]
        assert (order.company, order.vendor_id) == (ERP[body["companyCode"]], body["supplierCode"])
        assert row["matchedQuantity"] <= line.quantity
        assert abs(row["matchedQuantity"] * row["orderedNetPrice"] - row["netTotal"]) <= CENT / 2


def test_invoices_of_orders_of_one_seed_are_the_same_ones() -> None:
    assert order_invoices(7, seed=5) == order_invoices(7, seed=5)
    assert order_invoices(7, seed=5) != order_invoices(7, seed=6)
