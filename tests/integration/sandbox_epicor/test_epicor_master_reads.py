"""GetRows and BAQs of master data: all where-clauses, pages, children; and master data by the thousand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mlc_sandbox.serve import Running, running

_VENDOR_TABLES = (
    "Vendor VendorAttch EntityGLC TaxExempt Partner PEVendWhldHist VendRestriction VendBank VendBankAttch VendCntMain "
    "VenMFBill VendorPP VenPPMFBill VenPPUPSEmail VendPPRestriction VendCnt VendCntAttch VenUPSEmail VendRemitTo"
)
VENDOR_TABLES = _VENDOR_TABLES.split()
HEADERS = {"x-api-key": "sandbox-only-api-key"}
BASIC = ("bwlink", "sandbox-only-password")


async def ask(far_sides: Running, path: str, **params: Any) -> httpx.Response:
    async with httpx.AsyncClient(auth=BASIC, headers=HEADERS) as client:
        return await client.get(f"{far_sides.epicor}/api/v2/odata/NWM/{path}", params=params)


def clauses(tables: list[str], **wanted: str) -> dict[str, Any]:
    return {f"whereClause{table}": wanted.get(table, "1=0") for table in tables} | {"pageSize": 10, "absolutePage": 0}


async def numbers(far_sides: Running, page: int) -> list[int]:
    given = clauses(VENDOR_TABLES, Vendor="") | {"absolutePage": page}
    answer = (await ask(far_sides, "Erp.BO.VendorSvc/GetRows", **given)).json()
    return [row["VendorNum"] for row in answer["returnObj"]["Vendor"]]


async def test_a_missing_where_clause_is_refused() -> None:
    async with running() as far_sides:
        given = clauses(VENDOR_TABLES, Vendor="")
        del given["whereClauseVendRemitTo"]
        answer = await ask(far_sides, "Erp.BO.VendorSvc/GetRows", **given)

    assert answer.status_code == 400
    assert answer.json()["ErrorMessage"] == "Parameter whereClauseVendRemitTo is not found in the input object"


@pytest.mark.parametrize(("first", "same"), [(0, False), (1, True)])
async def test_pages_begin_where_the_tenant_says(first: int, same: bool) -> None:
    async with running() as far_sides:
        world = far_sides.epicor_world
        world.settings = world.settings.model_copy(update={"first_page": first})
        pages = [await numbers(far_sides, page) for page in range(4)]

    assert (pages[0] == pages[1]) is same
    assert len({number for page in pages for number in page}) == 25
    assert pages[-1] == ([] if first == 0 else pages[-1])


async def test_more_pages_are_told_and_a_clause_narrows() -> None:
    async with running() as far_sides:
        some = clauses(VENDOR_TABLES, Vendor="VendorNum >= 103 AND VendorNum <= 105 AND Inactive = false")
        found = (await ask(far_sides, "Erp.BO.VendorSvc/GetRows", **some)).json()
        everything = (await ask(far_sides, "Erp.BO.VendorSvc/GetRows", **clauses(VENDOR_TABLES, Vendor=""))).json()

    assert {row["VendorNum"] for row in found["returnObj"]["Vendor"]} <= {103, 104, 105}
    assert (found["parameters"]["morePages"], everything["parameters"]["morePages"]) == (False, True)
    assert everything["returnObj"]["VendBank"] == []


async def test_children_come_with_their_parents() -> None:
    tables = ["SalesTax", "LangDesc", "SalesTRC", "EntityGLC", "SalesTxc", "TaxBox", "TaxRate", "EffRateEntityGLC"]
    tables += ["TaxBoxEffRate", "TaxGRate", "PLSAFTCode"]
    async with running() as far_sides:
        found = await ask(far_sides, "Erp.BO.SalesTaxSvc/GetRows", **clauses(tables, SalesTax="", TaxRate=""))

    tableset = found.json()["returnObj"]
    assert {row["TaxCode"] for row in tableset["TaxRate"]} == {row["TaxCode"] for row in tableset["SalesTax"]} != set()


async def test_a_baq_names_its_columns_after_the_table_and_takes_the_options_of_a_list() -> None:
    query = {"$select": "Vendor_VendorNum", "$filter": "Vendor_VendorNum gt 103", "$orderby": "Vendor_VendorNum"}
    async with running() as far_sides:
        found = (await ask(far_sides, "BaqSvc/MLVendor/Data", **query, **{"$top": "2"})).json()
        absent = await ask(far_sides, "BaqSvc/Nobody/Data")

    assert found["value"] == [{"Vendor_VendorNum": 104}, {"Vendor_VendorNum": 105}]
    assert absent.status_code == 404


async def test_a_set_can_be_empty_that_is_not_and_refuse_a_filter_by_revision() -> None:
    async with running() as far_sides:
        world = far_sides.epicor_world
        none, wrong = frozenset({"Erp.BO.VendorSvc"}), {"filters_revisions": False}
        world.settings = world.settings.model_copy(update={"empty_reads": none, **wrong})
        empty = await ask(far_sides, "Erp.BO.VendorSvc/Vendors")
        refused = await ask(far_sides, "Erp.BO.GLAccountSvc/GLAccounts", **{"$filter": "SysRevID gt 5"})

    assert (empty.status_code, empty.json()["value"]) == (200, [])
    assert refused.status_code == 400


async def test_thousands_are_added_and_changed_through_the_control_plane() -> None:
    async with running() as far_sides, httpx.AsyncClient() as client:
        control = f"{far_sides.epicor_root}/_sandbox/master"
        amount = {"company": "NWM", "vendors": 1000, "accounts": 2000}
        await client.post(f"{control}/seed", json=amount)
        order = {"company": "NWM", "table": "Vendor", "count": 1000, "every": 100, "set": {"City": "Elsewhere"}}
        changed = await client.post(f"{control}/change", json=order)
        page = {"$filter": "City eq 'Elsewhere'", "$select": "VendorID,SysRevID"}
        found = (await ask(far_sides, "Erp.BO.VendorSvc/Vendors", **page)).json()["value"]
        after = "COACode gt 'MAIN' or (COACode eq 'MAIN' and (GLAccount1 gt '7010|D50|900'))"
        accounts = {"$filter": after, "$select": "GLAccount1", "$orderby": "COACode,GLAccount1", "$top": "2"}
        following = (await ask(far_sides, "Erp.BO.GLAccountSvc/GLAccounts", **accounts)).json()["value"]

    assert changed.json() == {"changed": 10}
    assert len(found) == 10
    assert min(row["SysRevID"] for row in found) > 88_112_000
    assert [row["GLAccount1"] for row in following] == ["7010|D51|900", "7010|D52|900"]
