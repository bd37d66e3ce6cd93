"""What UpdateMaster saves, computes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.exact_json import loads

SVC = "Erp.BO.APInvoiceSvc"
TWO_LINES = (("600.00", "6100|10|200"), ("400.00", "6100|10|310"))
FLAGS = {
    "requiresUserInput": False,
    "opMessage": "",
    "opMsgChkBankRef": "",
    "opChkRevMsg": "",
    "lEnableGenLegalNum": False,
    "lUpdateRan": True,
    "opDUAMsg": "",
}


async def test_one_call_saves_header_lines_accounts_and_tax(grouped: Any) -> None:
    answered = await grouped.save(grouped.invoice(lines=TWO_LINES))

    out = loads(answered.content)["parameters"]
    held = await grouped.held()
    assert {name: out[name] for name in FLAGS} == FLAGS
    assert out["grpTotalInvAmt"] == Decimal("1082.50")
    assert len(out["ds"]) == 30
    assert [row["GLAccount"] for row in held["APInvExpTGLC"]] == ["6100|10|200", "6100|10|310"]
    assert [row["ExpDispGLAcct"] for row in held["APInvExp"]] == ["6100-10-200", "6100-10-310"]
    assert [row["DocExtCost"] for row in held["APInvDtl"]] == [Decimal("600.00"), Decimal("400.00")]
    assert held["APInvHed"] == out["ds"]["APInvHed"]


async def test_the_server_fills_what_it_computes(grouped: Any) -> None:
    await grouped.save(grouped.invoice(ScrDocInvoiceVendorAmt=Decimal("1082.49"), TermsCode="2-10NET30"))

    (header,) = (await grouped.held())["APInvHed"]
    assert header["DocInvoiceAmt"] == Decimal("1082.50")
    assert header["DocInvoiceVariance"] == Decimal("-0.01")
    assert header["DueDate"] == "2026-12-03T00:00:00"
    assert (header["FiscalYear"], header["FiscalPeriod"]) == (2026, 11)
    assert (header["Posted"], header["OpenPayable"], header["LegalNumber"]) == (False, False, "")
    assert (header["EntryPerson"], header["GroupID"]) == ("bwlink", "BW261122")
    assert header["SysRevID"] > 0
    assert header["SysRowID"]


async def test_amounts_keep_their_digits_on_the_wire(grouped: Any) -> None:
    answered = await grouped.save(grouped.invoice(lines=(("0.10", "6100|10|200"), ("0.20", "6100|10|310")), tax="0.00"))

    assert '"DocInvoiceAmt":0.30,' in answered.text
    assert '"DocInvoiceVariance":0.00,' in answered.text


@pytest.mark.parametrize(
    "name",
    ["ds", "cGroupID", "cTableName", "runChkCPay", "runChkBankRef", "runChkRevChrg", "suppressUserPrompts"],
)
async def test_each_of_the_seven_parameters_is_required(grouped: Any, name: str) -> None:
    body = grouped.update_master(grouped.invoice())
    del body[name]

    answered = await grouped.call("UpdateMaster", body)

    assert answered.status_code == 400
    assert answered.json()["ErrorMessage"] == f"Parameter {name} is not found in the input object"


@pytest.mark.parametrize(
    "changes",
    [
        {"lRunChecks": True},
        {"cgroupID": "BW261122"},
        {"suppressUserPrompts": "true"},
        {"cTableName": "apinvhed"},
        {"ds": []},
        {"ds": {"APInvHeader": []}},
        {"ds": {"APInvHed": [{"vendorNum": 101, "RowMod": "A"}]}},
        {"ds": {"APInvHed": [{"VendorNum": "101", "RowMod": "A"}]}},
        {"ds": {"APInvHed": [{"VendorNum": 101, "RowMod": "Add"}]}},
        {"ds": {"APInvHed": {"VendorNum": 101}}},
        {"ds": {"APLnTax": [{"TaxCode": "US-IL", "RowMod": "A"}]}},
    ],
)
async def test_what_the_interface_does_not_know_is_refused(grouped: Any, changes: dict[str, Any]) -> None:
    answered = await grouped.save(grouped.invoice(), **changes)

    assert answered.status_code == 400
    assert (await grouped.set_of(f"{SVC}/APInvoices")) == []


HEADERS = [
    ({"VendorNum": 999}, "VendorNum", "Supplier"),
    ({"VendorNum": 123}, "VendorNum", "inactive"),
    ({"VendorNumVendorID": "10433"}, "VendorNumVendorID", "not VendorNum 101"),
    ({"TermsCode": "N31"}, "TermsCode", "TermsCode"),
    ({"CurrencyCode": "XXX"}, "CurrencyCode", "CurrencyCode"),
    ({"TaxRegionCode": "MOON"}, "TaxRegionCode", "TaxRegionCode"),
    ({"InvoiceDate": None}, "InvoiceDate", "Invoice Date"),
    ({"InvoiceDate": "3rd of November"}, "InvoiceDate", "not a date"),
    ({"InvoiceNum": "x" * 51}, "InvoiceNum", "50"),
    ({"GroupID": "OTHER"}, "GroupID", "OTHER"),
    ({"Posted": True}, "Posted", "posted"),
    ({"DebitMemo": True}, "ScrDocInvoiceVendorAmt", "contradict"),
    ({"DebitMemo": True, "ScrDocInvoiceVendorAmt": -1, "DocInvoiceVendorAmt": 1}, "ScrDocInvoiceVendorAmt", "positive"),
    ({"InvoiceRef": "SI-0001"}, "InvoiceRef", "existing invoice"),
    ({"ScrDocInvoiceVendorAmt": Decimal("1.001")}, "ScrDocInvoiceVendorAmt", "2 decimals"),
    ({"Company": "NWF"}, "Company", "company NWM"),
]


@pytest.mark.parametrize(("header", "column", "words"), HEADERS, ids=lambda value: str(value)[:40])
async def test_a_header_is_refused(grouped: Any, header: dict[str, Any], column: str, words: str) -> None:
    rows = grouped.invoice()
    rows["APInvHed"][0] |= header

    answered = await grouped.save({"APInvHed": rows["APInvHed"]})

    body = answered.json()
    assert (answered.status_code, body["ErrorType"]) == (400, "Ice.Common.BusinessObjectException")
    assert (body["ErrorDetails"][0]["Table"], body["ErrorDetails"][0]["Field"]) == ("APInvHed", column)
    assert words in body["ErrorMessage"]


CHILDREN = [
    ("APInvDtl", {"InvoiceNum": "SI-2"}, "no APInvHed"),
    ("APInvDtl", {"VendorNum": 102}, "no APInvHed"),
    ("APInvDtl", {"LineType": "R"}, "InvoiceSelectedLines"),
    ("APInvExp", {"InvoiceLine": 7}, "no line 7"),
    ("APInvExpTGLC", {"InvExpSeq": 2}, "no distribution 2"),
    ("APInvExpTGLC", {"Key3": "1"}, "Key3"),
    ("APInvExpTGLC", {"RelatedToFile": "APInvDtl"}, "RelatedToFile"),
    ("APInvExpTGLC", {"RecordType": ""}, "RecordType"),
    ("APInvExpTGLC", {"BookID": "IFRS"}, "Book"),
    ("APInvExpTGLC", {"SegValue3": "210"}, "SegValue3"),
    ("APInvExpTGLC", {"GLAccount": "9999|10|200"}, "9999|10|200 is not valid"),
    ("APInvExpTGLC", {"GLAccount": "6900|20|350"}, "6900|20|350 is inactive"),
    ("APInvExpTGLC", {"GLAccount": "6100-10-200"}, "not valid"),
    ("APInvTax", {"TaxCode": "VAT24"}, "Tax Code"),
    ("APInvTax", {"RateCode": "RED"}, "Rate Code"),
]


@pytest.mark.parametrize(("table", "changes", "words"), CHILDREN, ids=lambda value: str(value)[:40])
async def test_one_wrong_row_refuses_the_whole_save(
    grouped: Any, world: EpicorWorld, table: str, changes: dict[str, Any], words: str
) -> None:
    rows = grouped.invoice(lines=TWO_LINES)
    rows[table][-1] |= changes

    answered = await grouped.save(rows)

    assert answered.status_code == 400
    assert words in answered.json()["ErrorMessage"]
    assert world.invoices == {}


@pytest.mark.parametrize("number", ["SI-1", "si-1", "SI-1   "])
async def test_the_same_number_of_the_same_vendor_is_a_duplicate(grouped: Any, number: str) -> None:
    await grouped.save(grouped.invoice("SI-1"))

    answered = await grouped.save(grouped.invoice(number))

    assert answered.status_code == 409
    assert answered.json()["ErrorType"] == "Ice.Common.DuplicateRecordException"


@pytest.mark.parametrize(
    ("status", "words"), [(400, "This is a duplicate entry"), (500, "unexpected internal problem")]
)
async def test_a_duplicate_is_refused_as_the_tenant_does(
    grouped: Any, change: Callable[..., None], status: int, words: str
) -> None:
    change(duplicate=status)
    await grouped.save(grouped.invoice())

    answered = await grouped.save(grouped.invoice())

    assert answered.status_code == status
    assert words in answered.json()["ErrorMessage"]


async def test_another_vendor_or_company_may_have_the_same_number(grouped: Any, world: EpicorWorld) -> None:
    await grouped.open_group(company="NWF")
    finnish = grouped.invoice(Company="NWF", VendorNum=201, CurrencyCode="EUR")
    finnish["APInvTax"] = []

    first = await grouped.save(grouped.invoice())
    second = await grouped.save(grouped.invoice(VendorNum=102))
    third = await grouped.save(finnish, company="NWF")

    assert [answered.status_code for answered in (first, second, third)] == [200, 200, 200]
    assert sorted(world.invoices) == [("NWF", 201, "si-1"), ("NWM", 101, "si-1"), ("NWM", 102, "si-1")]


async def test_an_update_needs_the_present_revision(grouped: Any) -> None:
    await grouped.save(grouped.invoice())
    (line,) = (await grouped.held())["APInvDtl"]
    change = {**line, "ScrDocExtCost": Decimal("900.00"), "RowMod": "U"}

    first = await grouped.save({"APInvDtl": [change]})
    again = await grouped.save({"APInvDtl": [change]})

    assert (first.status_code, again.status_code) == (200, 400)
    assert "modified by another user" in again.json()["ErrorMessage"]
    held = await grouped.held()
    assert held["APInvHed"][0]["DocInvoiceAmt"] == Decimal("982.50")
    assert held["APInvDtl"][0]["SysRowID"] == line["SysRowID"]


async def test_an_account_can_be_given_later(grouped: Any) -> None:
    rows = grouped.invoice()
    rows["APInvExpTGLC"][0] |= {"GLAccount": "", "SegValue1": "", "SegValue2": "", "SegValue3": ""}
    await grouped.save(rows)
    (account,) = (await grouped.held())["APInvExpTGLC"]
    assert account["GLAccount"] == ""

    await grouped.save({"APInvExpTGLC": [{**account, "GLAccount": "6200|10|200", "RowMod": "U"}]})

    held = await grouped.held()
    assert held["APInvExpTGLC"][0]["SegValue1"] == "6200"
    assert held["APInvExp"][0]["GLAccount"] == "6200|10|200"


async def test_deleting_a_line_takes_its_accounts_along(grouped: Any) -> None:
    await grouped.save(grouped.invoice(lines=TWO_LINES))
    line = (await grouped.held())["APInvDtl"][1]

    await grouped.save({"APInvDtl": [{**line, "RowMod": "D"}]})

    held = await grouped.held()
    assert [len(held[table]) for table in ("APInvDtl", "APInvExp", "APInvExpTGLC")] == [1, 1, 1]
    assert held["APInvHed"][0]["DocInvoiceAmt"] == Decimal("682.50")


async def test_an_unposted_invoice_can_be_deleted_a_posted_one_not(grouped: Any, world: EpicorWorld) -> None:
    for number in ("SI-1", "SI-2"):
        await grouped.save(grouped.invoice(number))
    deleted = await grouped.call("DeleteByID", {"vendorNum": 101, "invoiceNum": "SI-1"})
    world.post_group("NWM", "BW261122")

    refused = await grouped.call("DeleteByID", {"vendorNum": 101, "invoiceNum": "SI-2"})
    absent = await grouped.get(f"{SVC}/GetByID", vendorNum="101", invoiceNum="SI-1")

    assert (deleted.status_code, refused.status_code, absent.status_code) == (200, 400, 404)
    assert absent.json()["ErrorType"] == "Ice.Common.RecordNotFoundException"
    assert (await grouped.held("SI-2"))["APInvHed"][0]["Posted"] is True


async def test_a_save_trigger_may_double_the_distribution(grouped: Any, change: Callable[..., None]) -> None:
    change(auto_expense=True)

    await grouped.save(grouped.invoice())

    held = await grouped.held()
    assert [row["DocExpAmt"] for row in held["APInvExp"]] == [Decimal("1000.00"), Decimal("1000.00")]
    assert [row["GLAccount"] for row in held["APInvExpTGLC"]] == ["6100|10|200", "6999|10|200"]


async def test_a_closed_period_is_refused(grouped: Any, change: Callable[..., None]) -> None:
    change(period_closed_before=date(2026, 11, 4))

    answered = await grouped.save(grouped.invoice())
    later = await grouped.save(grouped.invoice(ApplyDate="2026-11-04"))

    assert "closed fiscal period" in answered.json()["ErrorMessage"]
    assert later.status_code == 200


async def test_legal_numbers_are_assigned_where_the_company_wants_them(
    grouped: Any, change: Callable[..., None]
) -> None:
    change(legal_numbers=True)
    await grouped.save(grouped.invoice("SI-1"))
    await grouped.save(grouped.invoice("SI-2"))

    assert (await grouped.held("SI-2"))["APInvHed"][0]["LegalNumber"] == "NWM-000002"


async def test_a_tax_that_is_not_manual_is_computed(grouped: Any) -> None:
    rows = grouped.invoice(lines=(("10.10", "6100|10|200"),), tax="99.00")
    rows["APInvTax"][0]["Manual"] = False

    await grouped.save(rows)

    assert (await grouped.held())["APInvTax"][0]["DocTaxAmt"] == Decimal("0.83")


async def test_every_column_is_answered_where_that_is_asked_for(grouped: Any, change: Callable[..., None]) -> None:
    change(full_rows=True)
    await grouped.save(grouped.invoice())

    (header,) = (await grouped.held())["APInvHed"]

    assert len(header) > 500
    assert (header["CPayCheckNum"], header["CPayCheckDate"]) == (0, None)
