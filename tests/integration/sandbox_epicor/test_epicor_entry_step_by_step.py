"""The other ways into Epicor: the staged calls of a client, and the per-line entity sets that lose accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mlc_sandbox.exact_json import dumps, loads

SVC = "Erp.BO.APInvoiceSvc"
KEYS = {"vendorNum": 101, "invoiceNum": "SI-9"}


async def step(epicor: Any, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call; the tableset that it answers."""
    answered = await epicor.call(method, body)
    assert answered.status_code == 200, answered.text
    rows: dict[str, Any] = loads(answered.content)["parameters"]["ds"]
    return rows


async def test_a_client_can_enter_header_line_and_account_one_after_the_other(grouped: Any) -> None:
    rows = await step(grouped, "GetNewAPInvHedInvoice", {"ds": {}, "cGroupID": "BW261122"})
    rows = await step(grouped, "ChangeVendorID", {"ProposedVendorID": "10432", "confirmCheck": False, "ds": rows})
    date = {"ProposedInvoiceDate": "2026-11-03", "recalcAmts": ""}
    rows = await step(grouped, "ChangeInvoiceDateEx", {**date, "ds": rows})
    rows["APInvHed"][0] |= {"InvoiceNum": "SI-9", "ScrDocInvoiceVendorAmt": Decimal("50.00")}
    await grouped.save(rows)

    line = await step(grouped, "GetNewAPInvDtlMiscellaneous", {"ds": {}, "iVendorNum": 101, "cInvoiceNum": "SI-9"})
    line["APInvDtl"][0] |= {"Description": "Cleaning", "DocUnitCost": Decimal("50.00")}
    await grouped.save(line, cTableName="APInvDtl")

    expense = await step(grouped, "GetNewAPInvExp", {"ds": {}, **KEYS, "invoiceLine": 1})
    expense["APInvExp"][0]["DocExpAmt"] = Decimal("50.00")
    await grouped.save(expense, cTableName="APInvExp")

    account = await step(grouped, "GetNewAPInvExpTGLC", {"ds": {}, **KEYS, "invoiceLine": 1, "invExpSeq": 1})
    account["APInvExpTGLC"][0]["GLAccount"] = "6200|10|200"
    await grouped.save(account, cTableName="APInvExpTGLC")

    held = await grouped.held("SI-9")
    assert held["APInvHed"][0]["DocInvoiceVariance"] == 0
    assert held["APInvHed"][0]["TermsCode"] == "N30"
    assert held["APInvExp"][0]["ExpDispGLAcct"] == "6200-10-200"


async def post(epicor: Any, entity_set: str, row: dict[str, Any]) -> dict[str, Any]:
    """POST to an entity set; the row that was made."""
    headers = {"Content-Type": "application/json"}
    sent = {name: value for name, value in row.items() if name != "RowMod"}
    answered = await epicor.client.post(f"NWM/{SVC}/{entity_set}", content=dumps(sent), headers=headers)
    assert answered.status_code == 201, answered.text
    created: dict[str, Any] = loads(answered.content)
    return created


async def test_the_per_line_entity_sets_lose_the_account(grouped: Any) -> None:
    rows = grouped.invoice("SI-9", GroupID="BW261122")

    await post(grouped, "APInvoices", rows["APInvHed"][0])
    await post(grouped, "APInvDtls", rows["APInvDtl"][0])
    await post(grouped, "APInvExps", rows["APInvExp"][0])
    account = await post(grouped, "APInvExpTGLCs", rows["APInvExpTGLC"][0])

    held = await grouped.held("SI-9")
    assert (account["GLAccount"], account["SegValue1"]) == ("", "")
    assert [held["APInvExp"][0]["GLAccount"], held["APInvExpTGLC"][0]["GLAccount"]] == ["", ""]
    assert held["APInvHed"][0]["DocInvoiceAmt"] == Decimal("1000.00")


async def test_a_line_posted_alone_has_no_distribution_unless_asked_for(grouped: Any) -> None:
    rows = grouped.invoice("SI-9")
    await grouped.save({"APInvHed": rows["APInvHed"]})

    await post(grouped, "APInvDtls", rows["APInvDtl"][0])
    without = await grouped.held("SI-9")
    await post(grouped, "APInvDtls", {**rows["APInvDtl"][0], "InvoiceLine": 2, "UpdateExtCreateLineGL": True})
    with_one = await grouped.held("SI-9")

    assert without["APInvExp"] == []
    assert [row["GLAccount"] for row in with_one["APInvExpTGLC"]] == [""]


async def test_what_update_master_saved_keeps_its_account_beside_a_line_posted_alone(grouped: Any) -> None:
    rows = grouped.invoice("SI-9")
    await grouped.save(rows)

    await post(grouped, "APInvDtls", {**rows["APInvDtl"][0], "InvoiceLine": 2})

    assert (await grouped.held("SI-9"))["APInvExpTGLC"][0]["GLAccount"] == "6100|10|200"


async def test_an_account_is_validated_before_it_is_used(epicor: Any) -> None:
    body = {
        "COACode": "MAIN",
        "GLAccount": "6100|10|200",
        "ExtCompanyID": "",
        "RestrictID": "",
        "EffectiveDate": "2026-11-03",
        "ValidateDynamicSegment": True,
    }

    good = await epicor.call("ValidateGLAccount", body, service="Erp.BO.GLAccountSvc")
    bad = await epicor.call("ValidateGLAccount", {**body, "GLAccount": "6900|20|350"}, service="Erp.BO.GLAccountSvc")

    assert (good.status_code, good.json()) == (200, {})
    assert (bad.status_code, bad.json()["ErrorMessage"]) == (400, "GL Account 6900|20|350 is inactive.")
