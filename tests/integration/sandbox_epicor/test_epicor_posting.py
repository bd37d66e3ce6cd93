"""Posting a group: the check before, the agent's time, the error log, and what a locked group refuses."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.exact_json import loads

GROUP = "BW261122"
POSTER = "Erp.PROC.APInvoicePostSvc"
AT_ONCE = {"agentID": "SystemTaskAgent", "agentSchedNum": 0, "agentTaskNum": 0, "maintProgram": ""}


async def parameters(epicor: Any, group: str = GROUP) -> dict[str, Any]:
    answered = await epicor.client.get(f"NWM/{POSTER}/GetNewParameters")
    assert answered.status_code == 200, answered.text
    rows: dict[str, Any] = loads(answered.content)["returnObj"]
    rows["APInvoicePostParam"][0]["GroupID"] = group
    return rows


async def submit(epicor: Any, **changed: Any) -> Any:
    body = {"ds": await parameters(epicor), **AT_ONCE, **changed}
    return await epicor.call("SubmitToAgent", body, service=POSTER)


async def check(epicor: Any, group: str = GROUP) -> Any:
    return await epicor.call("PrePostGroupInvoices", {"PostGroupID": group}, service="Erp.BO.APInvGrpSvc")


async def entered(epicor: Any, **header: Any) -> None:
    """One invoice in the group, which nobody has open."""
    await epicor.save(epicor.invoice("SI-9", **header))
    await epicor.call("UnlockGroup", {"InGroupID": GROUP}, service="Erp.BO.APInvGrpSvc")


def group_row(world: EpicorWorld) -> dict[str, Any]:
    (row,) = world.groups.values()
    return row


async def test_a_submitted_group_is_posted_by_the_agent_and_is_gone(grouped: Any, world: EpicorWorld) -> None:
    await entered(grouped)

    assert loads((await check(grouped)).content)["parameters"] == {
        "ReturnMessage": "",
        "VarianceMessage": "",
        "TaxCalcFlag": False,
    }
    answered = await submit(grouped)

    assert (answered.status_code, answered.json()) == (200, {})
    assert (await grouped.held("SI-9"))["APInvHed"][0]["Posted"] is True
    assert world.groups == {}


async def test_an_agent_takes_its_time_and_has_the_group_meanwhile(
    grouped: Any, world: EpicorWorld, clock: Any, change: Callable[..., None]
) -> None:
    await entered(grouped)
    change(posting_queue=15, posting_takes=30)

    await submit(grouped)
    assert (await grouped.held("SI-9"))["APInvHed"][0]["Posted"] is False
    assert not group_row(world)["PostInProcess"]
    clock.forward(20)
    again = await submit(grouped)

    assert (again.status_code, again.json()["ErrorMessage"]) == (400, f"Group {GROUP} is being posted.")
    assert (await check(grouped)).status_code == 400
    clock.forward(30)
    assert (await grouped.held("SI-9"))["APInvHed"][0]["Posted"] is True


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({"ScrDocInvoiceVendorAmt": Decimal("1.00")}, "Invoice SI-9: Invoice Total does not agree with vendor's total"),
        ({"InvoiceHeld": True}, "Invoice SI-9: Invoice is on hold"),
    ],
)
async def test_what_cannot_be_posted_is_told_in_the_groups_error_log(
    grouped: Any, world: EpicorWorld, header: dict[str, Any], error: str
) -> None:
    await entered(grouped)
    world.invoice("NWM", 101, "SI-9").header.update(header)
    world.invoice("NWM", 101, "SI-9").header["DocInvoiceVariance"] = Decimal("ScrDoc" in str(header))

    await submit(grouped)

    assert (await grouped.held("SI-9"))["APInvHed"][0]["Posted"] is False
    row = group_row(world)
    assert (row["PostErrorLog"], row["PostInProcess"]) == (error, False)


async def test_a_variance_is_told_before_posting(grouped: Any, world: EpicorWorld) -> None:
    await entered(grouped)
    world.invoice("NWM", 101, "SI-9").header["DocInvoiceVariance"] = Decimal("0.01")

    assert "SI-9" in loads((await check(grouped)).content)["parameters"]["VarianceMessage"]


async def test_an_invoice_without_lines_is_not_posted(grouped: Any, world: EpicorWorld) -> None:
    rows = grouped.invoice("SI-9")
    await grouped.save({"APInvHed": rows["APInvHed"]})
    await grouped.call("UnlockGroup", {"InGroupID": GROUP}, service="Erp.BO.APInvGrpSvc")

    answered = await grouped.call("RunDirect", {"ds": await parameters(grouped)}, service=POSTER)

    assert answered.status_code == 200
    assert group_row(world)["PostErrorLog"] == "Invoice SI-9: Invoice with no detail"


@pytest.mark.parametrize("left_out", ["ds", "agentID", "agentSchedNum", "agentTaskNum", "maintProgram"])
async def test_every_parameter_is_asked_for(grouped: Any, left_out: str) -> None:
    body = {"ds": await parameters(grouped), **AT_ONCE}
    del body[left_out]

    answered = await grouped.call("SubmitToAgent", body, service=POSTER)

    message = f"Parameter {left_out} is not found in the input object"
    assert (answered.status_code, answered.json()["ErrorMessage"]) == (400, message)


async def test_an_unknown_agent_an_unknown_group_and_a_group_in_use_are_refused(
    grouped: Any, world: EpicorWorld
) -> None:
    await entered(grouped)

    assert (await submit(grouped, agentID="Nobody")).status_code == 400
    assert (await submit(grouped, ds=await parameters(grouped, "NONE"))).status_code == 400
    assert (await check(grouped, "NONE")).status_code == 400
    group_row(world)["ActiveUserID"] = "mkowalski"
    assert (await submit(grouped)).status_code == 400
    assert (await check(grouped)).status_code == 400


async def test_copies_of_one_new_row_collide(grouped: Any) -> None:
    """What happens to clients that send the row of one GetNew call again and again."""
    rows = grouped.invoice("SI-9")
    await grouped.save({"APInvHed": rows["APInvHed"]})
    asked = {"ds": {}, "iVendorNum": 101, "cInvoiceNum": "SI-9"}
    new = loads((await grouped.call("GetNewAPInvDtlMiscellaneous", asked)).content)["parameters"]["ds"]
    row = new["APInvDtl"][0]

    answered = await grouped.save({"APInvDtl": [row, row | {"InvoiceLine": 2}]})

    assert answered.status_code == 409
    assert (await grouped.held("SI-9"))["APInvDtl"] == []


async def test_a_new_debit_memo_and_a_new_tax_come_with_their_keys(grouped: Any) -> None:
    new = await grouped.call("GetNewAPInvHedDebitMemo", {"ds": {}, "cGroupID": GROUP})
    assert loads(new.content)["parameters"]["ds"]["APInvHed"][0]["DebitMemo"] is True
    await grouped.save(grouped.invoice("SI-9"))
    asked = {"ds": {}, "vendorNum": 101, "invoiceNum": "SI-9", "taxCode": "US-IL", "rateCode": "STD"}

    tax = loads((await grouped.call("GetNewAPInvTax", asked)).content)["parameters"]["ds"]["APInvTax"][0]

    assert (tax["TaxCode"], tax["RateCode"], tax["ECAcquisitionSeq"], tax["RowMod"]) == ("US-IL", "STD", 0, "A")
    absent = await grouped.call("GetNewAPInvTax", asked | {"invoiceNum": "NONE"})
    assert absent.status_code == 404


async def test_a_changed_currency_brings_its_rate(grouped: Any) -> None:
    new = loads((await grouped.call("GetNewAPInvHedInvoice", {"ds": {}, "cGroupID": GROUP})).content)
    asked = {"ProposedCurrencyCode": "EUR", "vRateGrpCode": "MAIN", "ds": new["parameters"]["ds"]}

    found = loads((await grouped.call("ChangeCurrencyMaster", asked)).content)["parameters"]

    row = found["ds"]["APInvHed"][0]
    assert (row["CurrencyCode"], row["ExchangeRate"], found["vExchangeRate"]) == (
        "EUR",
        Decimal("1.085"),
        Decimal("1.085"),
    )
    unknown = await grouped.call("ChangeCurrencyMaster", asked | {"ProposedCurrencyCode": "XXX"})
    assert unknown.status_code == 400
