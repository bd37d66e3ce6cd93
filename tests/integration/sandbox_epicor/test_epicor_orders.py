"""Purchase orders in the emulator: what it refuses, what it defaults, and how receipts become invoice lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mlc_sandbox.epicor import EpicorWorld

from .conftest import Body

KEYS = {"Company": "NWM", "VendorNum": 104, "InvoiceNum": "SI-1"}
LINE = {"InvoiceLine": 1, "LineType": "U", "PONum": 4104, "POLine": 1, "PORelNum": 1, "ScrVendorQty": 10, "RowMod": "A"}


def header(amount: str, **more: Any) -> Body:
    head = {**KEYS, "InvoiceDate": "2026-11-03T00:00:00", "TermsCode": "N30", "CurrencyCode": "USD"}
    return {**head, "ScrDocInvoiceVendorAmt": Decimal(amount), "RowMod": "A", **more}


async def enter(grouped: Any, line: Body, *, amount: str = "74.20", **more: Any) -> Any:
    return await grouped.save({"APInvHed": [header(amount, **more)], "APInvDtl": [{**KEYS, **line}]})


async def test_a_line_takes_cost_unit_part_and_account_from_its_order(grouped: Any, world: EpicorWorld) -> None:
    answered = await enter(grouped, LINE)

    assert answered.status_code == 200, answered.text
    (invoice,) = world.invoices.values()
    line = invoice.lines[1]
    assert [line[name] for name in ("PUM", "PartNum", "DocUnitCost", "DocExtCost")] == [
        "EA", "BRG-6205", Decimal("7.42"), Decimal("74.20"),
    ]  # fmt: skip
    assert [row["GLAccount"] for row in invoice.accounts.values()] == ["5010|20|310"]
    assert invoice.header["DocInvoiceVariance"] == 0


async def test_the_account_of_a_line_can_come_up_blank(grouped: Any, world: EpicorWorld, change: Any) -> None:
    change(order_accounts="blank")

    await enter(grouped, LINE)

    (invoice,) = world.invoices.values()
    assert [row["GLAccount"] for row in invoice.accounts.values()] == [""]


WRONG: list[tuple[Body, str]] = [
    ({"POLine": 0}, "all be given"),
    ({"PORelNum": 0}, "all be given"),
    ({"PONum": 0, "POLine": 0, "PORelNum": 0}, "all be given"),
    ({"PONum": 9999}, "of this supplier"),
    ({"PONum": 4101}, "of this supplier"),
    ({"POLine": 9}, "PO Line"),
    ({"PORelNum": 2}, "PO Release"),
    ({"PUM": "KG"}, "unit of measure"),
    ({"ScrVendorQty": 0}, "must be positive"),
    ({"CostPerCode": "X"}, "Cost Per Code"),
    ({"PackSlip": "PS-4104-2-1"}, "takes no receipt"),
    ({"LineType": "M"}, "takes no purchase order"),
    ({"LineType": "R"}, "InvoiceSelectedLines"),
    ({"LineType": "A"}, "M, U and R only"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_line_that_does_not_fit_its_order_is_refused(
    grouped: Any, world: EpicorWorld, changes: Body, words: str
) -> None:
    answered = await enter(grouped, {**LINE, **changes})

    assert answered.status_code == 400
    assert words in answered.json()["ErrorMessage"]
    assert world.invoices == {}


@pytest.mark.parametrize(("order", "vendor"), [(4111, 107), (4112, 112), (4113, 119)])
async def test_an_order_that_is_closed_not_approved_or_void_takes_no_unreceived_line(
    grouped: Any, order: int, vendor: int
) -> None:
    keys = {"VendorNum": vendor}
    rows = {"APInvHed": [header("1.00", **keys)], "APInvDtl": [{**KEYS, **LINE, **keys, "PONum": order}]}

    answered = await grouped.save(rows)

    assert answered.status_code == 400
    assert "Purchase Order is" in answered.json()["ErrorMessage"]


async def test_a_debit_memo_takes_no_unreceived_line(grouped: Any) -> None:
    answered = await enter(grouped, LINE, DebitMemo=True)

    assert "debit memo" in answered.json()["ErrorMessage"]


async def billing(grouped: Any, *, number: str = "SI-1", order: int = 4104) -> Body:
    asked = {"ds": {}, "InVendorNum": 104, "InInvoiceNum": number, "InPONum": order}
    answered = await grouped.call("GetAPUninvoicedReceipts", asked)
    rows: Body = answered.json()["parameters"]["ds"]
    return rows


async def select(grouped: Any, rows: Body, **changes: Any) -> Any:
    rows["APUninvoicedRcptLines"][0] |= {"SelectLine": True, "RowMod": "U", **changes}
    asked = {"InVendorNum": 104, "InPurPoint": "", "InPONum": 4104, "InPackSlip": "PS-4104-2-1", "InDropShip": False}
    return await grouped.call(
        "SelectUninvoicedRcptLines", {**asked, "ds": rows, "InvoiceNum": "SI-1", "InGRNIClearing": False}
    )


async def invoiced(grouped: Any) -> Any:
    selected = await select(grouped, await billing(grouped))
    return await grouped.call("InvoiceSelectedLines", {"ds": selected.json()["parameters"]["ds"]})


async def test_a_selected_receipt_becomes_a_line_and_is_uninvoiced_no_more(grouped: Any, world: EpicorWorld) -> None:
    await grouped.save({"APInvHed": [header("1516.00")]})

    answered = await invoiced(grouped)

    assert answered.status_code == 200, answered.text
    (invoice,) = world.invoices.values()
    line = invoice.lines[1]
    assert [line[name] for name in ("LineType", "PONum", "PackSlip", "ScrVendorQty", "DocExtCost")] == [
        "R", 4104, "PS-4104-2-1", 80, Decimal("1516.00"),
    ]  # fmt: skip
    assert (await billing(grouped))["APUninvoicedRcptLines"] == []
    (receipt,) = await grouped.set_of("Erp.BO.ReceiptSvc/RcvDtls", filter="PackSlip eq 'PS-4104-2-1'")
    assert (receipt["Invoiced"], receipt["InvoiceNum"], receipt["SupplierUnInvcReceiptQty"]) == (True, "SI-1", 0)
    (release,) = await grouped.set_of("Erp.BO.POSvc/PORels", filter="PONum eq 4104 and POLine eq 2")
    assert release["InvoicedQty"] == 80


async def test_a_receipt_is_invoiced_once(grouped: Any, world: EpicorWorld) -> None:
    await grouped.save({"APInvHed": [header("1516.00")]})
    selected = (await select(grouped, await billing(grouped))).json()["parameters"]["ds"]
    await grouped.call("InvoiceSelectedLines", {"ds": selected})

    answered = await grouped.call("InvoiceSelectedLines", {"ds": selected})

    assert "invoiced already" in answered.json()["ErrorMessage"]
    assert len(next(iter(world.invoices.values())).lines) == 1


async def test_no_more_than_the_receipt_can_be_invoiced(grouped: Any, world: EpicorWorld) -> None:
    await grouped.save({"APInvHed": [header("1516.00")]})
    await invoiced(grouped)
    (line,) = (await grouped.held(vendor=104))["APInvDtl"]

    answered = await grouped.save({"APInvDtl": [{**line, "ScrVendorQty": 81, "RowMod": "U"}]})

    assert "exceeds the uninvoiced receipt quantity" in answered.json()["ErrorMessage"]


async def test_the_distribution_of_a_receipt_line_follows_its_amount(grouped: Any, world: EpicorWorld) -> None:
    await grouped.save({"APInvHed": [header("1516.00")]})
    await invoiced(grouped)
    (line,) = (await grouped.held(vendor=104))["APInvDtl"]
    changed = {name: value for name, value in line.items() if name not in ("ScrDocExtCost", "DocExtCost")}

    await grouped.save({"APInvDtl": [{**changed, "ScrVendorQty": 40, "VendorQty": 40, "RowMod": "U"}]})

    (invoice,) = world.invoices.values()
    assert [row["DocExpAmt"] for row in invoice.expenses.values()] == [Decimal("758.00")]


async def test_a_line_is_selected_by_a_changed_row_only(grouped: Any) -> None:
    await grouped.save({"APInvHed": [header("1516.00")]})

    answered = await select(grouped, await billing(grouped), RowMod="")

    assert "RowMod U" in answered.json()["ErrorMessage"]


async def test_nothing_selected_and_no_header_are_refused(grouped: Any) -> None:
    answered = await grouped.call("InvoiceSelectedLines", {"ds": {}})
    assert "No receipt lines are selected" in answered.json()["ErrorMessage"]

    asked = {"ds": {}, "InVendorNum": 104, "InInvoiceNum": "NONE", "InPONum": 4104}
    assert (await grouped.call("GetAPUninvoicedReceipts", asked)).status_code == 404


async def test_lines_of_a_further_receipt_are_fetched_where_only_the_first_is_shown(grouped: Any, change: Any) -> None:
    change(receipt_lines="first receipt")
    await grouped.save({"APInvHed": [header("1.00")]})
    rows = await billing(grouped, order=4110)
    assert [row["PackSlip"] for row in rows["APUninvoicedRcptLines"]] == ["PS-4110-2-1"]
    assert len(rows["APUninvoicedReceipts"]) == 2

    asked = {"VendorNum": 104, "PurPoint": "", "PackSlip": "PS-4110-2-2", "isFirstReceipt": False, "ds": rows}
    answered = await grouped.call("GetAPUninvoicedReceiptLines", {**asked, "InvoiceNum": "SI-1", "InPONum": 4110})

    found = answered.json()["parameters"]["ds"]["APUninvoicedRcptLines"]
    assert [row["PackSlip"] for row in found] == ["PS-4110-2-1", "PS-4110-2-2"]


async def test_the_change_methods_fill_a_line_in_and_refuse_what_is_not_there(grouped: Any) -> None:
    await grouped.save({"APInvHed": [header("74.20")]})
    new = await grouped.call("GetNewAPInvDtlUnreceived", {"ds": {}, "iVendorNum": 104, "cInvoiceNum": "SI-1"})
    rows = new.json()["parameters"]["ds"]
    for method, name, number in (("ChangePONum", "PONum", 4104), ("ChangePOLine", "POLine", 1)):
        rows = (await grouped.call(method, {f"Proposed{name}": number, "ds": rows})).json()["parameters"]["ds"]

    missing = await grouped.call("ChangePORelNum", {"ProposedPORelNum": 5, "ds": rows})
    rows = (await grouped.call("ChangePORelNum", {"ProposedPORelNum": 1, "ds": rows})).json()["parameters"]["ds"]
    done = (await grouped.call("ChangeVendorQty", {"ProposedVendorQty": 10, "ds": rows})).json()["parameters"]["ds"]

    assert "PO Release" in missing.json()["ErrorMessage"]
    assert done["APInvDtl"][0]["ScrDocExtCost"] == 74.2
    assert (await grouped.save({"APInvDtl": done["APInvDtl"]})).status_code == 200


@pytest.mark.parametrize(
    ("where", "in_set", "expanded"),
    [("everywhere", 3, 3), ("not in their set", 0, 3), ("by method only", 0, 0)],
)
async def test_lines_of_orders_can_be_missing_from_their_set(
    epicor: Any, change: Any, where: str, in_set: int, expanded: int
) -> None:
    change(order_lines=where)

    alone = await epicor.set_of("Erp.BO.POSvc/PODetails", filter="PONUM eq 4104")
    (order,) = await epicor.set_of("Erp.BO.POSvc/POes", filter="PONum eq 4104", expand="PODetails")
    by_method = (await epicor.get("Erp.BO.POSvc/GetByID", poNum="4104")).json()["returnObj"]

    assert (len(alone), len(order.get("PODetails", []))) == (in_set, expanded)
    assert len(by_method["PODetail"]) == 3


async def test_receipts_of_an_order_are_told_by_its_method(epicor: Any) -> None:
    answered = await epicor.call("GetPOReceipts", {"ipPONum": 4110}, service="Erp.BO.POSvc")

    rows = answered.json()["returnObj"]["POReceipts"]
    assert [(row["PackSlip"], row["VendorQty"]) for row in rows] == [("PS-4110-2-1", 30), ("PS-4110-2-2", 20)]
