"""Reading entity sets of the Epicor emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

VENDORS = "Erp.BO.VendorSvc/Vendors"
ACCOUNTS = "Erp.BO.GLAccountSvc/GLAccounts"


async def test_a_vendor_is_found_by_its_id(epicor: Any) -> None:
    rows = await epicor.set_of(VENDORS, filter="VendorID eq '10432'", select="VendorNum,VendorID,Name")

    assert rows == [{"VendorNum": 101, "VendorID": "10432", "Name": "Great Lakes Fasteners LLC"}]


async def test_the_same_vendor_id_has_another_number_in_another_company(epicor: Any) -> None:
    numbers = [
        (await epicor.set_of(VENDORS, company=company, filter="VendorID eq '10477'"))[0]["VendorNum"]
        for company in ("NWM", "NWF")
    ]

    assert numbers == [108, 213]


async def test_a_page_is_never_longer_than_the_cap(epicor: Any) -> None:
    first = await epicor.set_of(ACCOUNTS, orderby="COACode,GLAccount1", top="500")
    rest = await epicor.set_of(ACCOUNTS, orderby="COACode,GLAccount1", top="500", skip="100")

    accounts = [row["GLAccount1"] for row in first + rest]
    assert (len(first), len(rest)) == (100, 23)
    assert accounts == sorted(accounts)
    assert len(set(accounts)) == 123


async def test_pages_can_be_taken_by_key(epicor: Any, change: Callable[..., None]) -> None:
    change(page_cap=10)
    numbers: list[int] = []

    while rows := await epicor.set_of(
        VENDORS, filter=f"VendorNum gt {numbers[-1] if numbers else 0}", orderby="VendorNum", select="VendorNum"
    ):
        numbers += [row["VendorNum"] for row in rows]

    assert numbers == list(range(101, 126))


async def test_the_count_is_of_all_rows(epicor: Any) -> None:
    answered = await epicor.client.get(f"NWM/{VENDORS}", params={"$count": "true", "$top": "2"})

    assert answered.json()["@odata.count"] == 25
    assert len(answered.json()["value"]) == 2


async def test_a_column_named_like_its_entity_has_an_alias(epicor: Any) -> None:
    (row,) = await epicor.set_of(ACCOUNTS, filter="GLAccount1 eq '6100|10|200'")
    company = (await epicor.set_of("Erp.BO.CompanySvc/Companies"))[0]
    wrong = await epicor.client.get(f"NWM/{ACCOUNTS}", params={"$filter": "GLAccount eq '6100|10|200'"})

    assert row["GLAcctDispGLAcctDisp"] == "6100-10-200"
    assert "GLAccount" not in row
    assert company["Company1"] == "NWM"
    assert wrong.json()["ErrorMessage"] == "Could not find a property named 'GLAccount' on type 'Erp.GLAccount'."


@pytest.mark.parametrize(
    "options",
    [
        {"$filter": "vendorid eq '10432'"},
        {"$filter": "VendorID = '10432'"},
        {"$filter": "VendorID eq 10432"},
        {"$filter": "VendorID eq '10432"},
        {"$filter": "(VendorID eq '10432'"},
        {"$filter": "VendorID eq"},
        {"$filter": "VendorID EQ '10432'"},
        {"$select": "VendorId"},
        {"$orderby": "Vendornum"},
        {"$orderby": "VendorNum down"},
        {"$top": "-1"},
        {"$Filter": "VendorNum eq 1"},
        {"$count": "yes"},
        {"$expand": "VendCnts"},
    ],
    ids=str,
)
async def test_a_bad_query_is_answered_400(epicor: Any, options: dict[str, str]) -> None:
    answered = await epicor.client.get(f"NWM/{VENDORS}", params=options)

    assert answered.status_code == 400
    assert answered.json()["ErrorMessage"]


async def test_an_entity_can_be_read_by_its_key(epicor: Any) -> None:
    vendor = await epicor.get(f"{VENDORS}('NWM',101)")
    absent = await epicor.get(f"{VENDORS}('NWM',999)")
    order = await epicor.set_of("Erp.BO.POSvc/POes", filter="PONum eq 4104", expand="PODetails")

    assert vendor.json()["VendorID"] == "10432"
    assert absent.status_code == 404
    assert [line["PartNum"] for line in order[0]["PODetails"]] == ["BRG-6205", "BRG-6308", "BLT-A42"]


async def test_master_data_is_there_for_both_companies(epicor: Any) -> None:
    async def codes(path: str, column: str, company: str) -> list[str]:
        return [row[column] for row in await epicor.set_of(path, company=company, select=column)]

    assert await codes("Erp.BO.SalesTaxSvc/SalesTaxes", "TaxCode", "NWM") == ["EXEMPT", "US-IL"]
    assert await codes("Erp.BO.SalesTaxSvc/SalesTaxes", "TaxCode", "NWF") == ["VAT0", "VAT14", "VAT24"]
    assert "2-10NET30" in await codes("Erp.BO.PurTermsSvc/PurTerms", "TermsCode", "NWF")
    assert len(await codes("Erp.BO.POSvc/POes", "PONum", "NWF")) == 5
    assert "350" in await codes("Erp.BO.COASegValuesSvc/COASegValues", "SegmentCode", "NWM")
    assert await codes("Erp.BO.COASvc/COASegments", "SegmentName", "NWM") == [
        "Natural account",
        "Department",
        "Cost centre",
    ]
    assert "EUR" in await codes("Erp.BO.CurrencySvc/Currencies", "CurrencyCode", "NWM")


async def test_invoices_are_found_in_both_search_sets(grouped: Any) -> None:
    await grouped.save(grouped.invoice("O'Neil 7/2"))
    query = {"filter": "VendorNum eq 101 and InvoiceNum eq 'O''Neil 7/2'", "select": "InvoiceNum,GroupID,Posted"}

    light = await grouped.set_of("Erp.BO.APInvSearchSvc/APInvSearches", **query)
    heavy = await grouped.set_of("Erp.BO.APInvoiceSvc/APInvoices", **query)
    accounts = await grouped.set_of("Erp.BO.APInvoiceSvc/APInvExpTGLCs", select="GLAccount,JournalCode")

    assert light == heavy == [{"InvoiceNum": "O'Neil 7/2", "GroupID": "BW261122", "Posted": False}]
    assert accounts == [{"GLAccount": "6100|10|200", "JournalCode": ""}]


async def test_heavy_services_may_answer_500_to_reads_only(grouped: Any, change: Callable[..., None]) -> None:
    change(broken_reads=frozenset({"Erp.BO.APInvoiceSvc"}))

    read = await grouped.get("Erp.BO.APInvoiceSvc/APInvoices")
    saved = await grouped.save(grouped.invoice())

    assert (read.status_code, saved.status_code) == (500, 200)
    assert (await grouped.held())["APInvHed"]


async def test_reading_a_missing_record_by_method_is_404(epicor: Any) -> None:
    vendor = await epicor.get("Erp.BO.VendorSvc/GetByID", vendorNum="101")
    absent = await epicor.get("Erp.BO.VendorSvc/GetByID", vendorNum="999")
    account = await epicor.get("Erp.BO.GLAccountSvc/GetByID", coACode="MAIN", glAccount="6100|10|200")
    mistyped = await epicor.get("Erp.BO.VendorSvc/GetByID", vendorNum="one")

    assert vendor.json()["returnObj"]["Vendor"][0]["VendorID"] == "10432"
    assert account.json()["returnObj"]["GLAccount"][0]["GLAccount"] == "6100|10|200"
    assert (absent.status_code, mistyped.status_code) == (404, 400)
