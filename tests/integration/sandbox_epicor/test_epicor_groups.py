"""AP invoice groups: made, used, locked, unlocked."""

from __future__ import annotations

from typing import Any

import pytest

from mlc_sandbox.epicor import EpicorWorld

GROUPS = "Erp.BO.APInvGrpSvc"
GROUP = "BW261122"


def holder(world: EpicorWorld) -> str:
    """Who has the group open."""
    row = world.group("NWM", GROUP)
    assert row is not None
    return str(row["ActiveUserID"])


async def test_a_new_group_is_nobodys(grouped: Any, world: EpicorWorld) -> None:
    assert holder(world) == ""


async def test_reading_a_group_takes_it_and_unlocking_gives_it_back(grouped: Any, world: EpicorWorld) -> None:
    read = await grouped.get(f"{GROUPS}/GetByID", groupID=GROUP)
    taken = holder(world)
    await grouped.call("UnlockGroup", {"InGroupID": GROUP}, service=GROUPS)

    assert read.json()["returnObj"]["APInvGrp"][0]["ActiveUserID"] == taken == "bwlink"
    assert holder(world) == ""


async def test_a_save_takes_the_group_even_when_it_is_refused(grouped: Any, world: EpicorWorld) -> None:
    answered = await grouped.save(grouped.invoice(VendorNum=999))

    assert answered.status_code == 400
    assert holder(world) == "bwlink"


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [("ActiveUserID", "jdoe", "in use by user jdoe"), ("PostInProcess", True, "being posted")],
)
async def test_a_group_that_is_taken_refuses(
    grouped: Any, world: EpicorWorld, column: str, value: Any, words: str
) -> None:
    row = world.group("NWM", GROUP)
    assert row is not None
    row[column] = value

    answered = await grouped.save(grouped.invoice())

    assert answered.status_code == 400
    assert words in answered.json()["ErrorMessage"]
    assert world.invoices == {}


async def test_unlocking_leaves_the_lock_of_somebody_else(grouped: Any, world: EpicorWorld) -> None:
    row = world.group("NWM", GROUP)
    assert row is not None
    row["ActiveUserID"] = "jdoe"

    await grouped.call("UnlockGroup", {"InGroupID": GROUP}, service=GROUPS)

    assert holder(world) == "jdoe"


async def test_a_group_must_be_there(epicor: Any) -> None:
    saved = await epicor.save(epicor.invoice())
    read = await epicor.get(f"{GROUPS}/GetByID", groupID=GROUP)

    assert (saved.status_code, read.status_code) == (400, 404)


async def test_a_group_is_made_once(grouped: Any) -> None:
    row = {"Company": "NWM", "GroupID": GROUP.lower(), "RowMod": "A"}

    answered = await grouped.call("Update", {"ds": {"APInvGrp": [row]}}, service=GROUPS)

    assert answered.status_code == 409
    assert "duplicate" in answered.json()["ErrorMessage"]


@pytest.mark.parametrize("group_id", ["", "TENLETTERS"])
async def test_a_group_id_has_a_width(epicor: Any, group_id: str) -> None:
    row = {"Company": "NWM", "GroupID": group_id, "RowMod": "A"}

    assert (await epicor.call("Update", {"ds": {"APInvGrp": [row]}}, service=GROUPS)).status_code == 400


async def test_only_an_empty_group_can_be_deleted(grouped: Any, world: EpicorWorld) -> None:
    await grouped.save(grouped.invoice())
    full = await grouped.call("DeleteByID", {"groupID": GROUP}, service=GROUPS)
    await grouped.call("DeleteByID", {"vendorNum": 101, "invoiceNum": "SI-1"})
    empty = await grouped.call("DeleteByID", {"groupID": GROUP}, service=GROUPS)

    assert (full.status_code, empty.status_code) == (400, 200)
    assert world.groups == {}


async def test_posting_a_group_moves_its_invoices_to_the_payables(
    grouped: Any, anonymous: Any, world: EpicorWorld
) -> None:
    await grouped.save(grouped.invoice())

    posted = await anonymous.post(f"/_sandbox/post/NWM/{GROUP}")

    assert posted.json() == {"posted": ["SI-1"]}
    assert world.groups == {}
    assert (await grouped.held())["APInvHed"][0]["OpenPayable"] is True


async def test_a_group_out_of_balance_is_not_posted(grouped: Any, anonymous: Any, world: EpicorWorld) -> None:
    await grouped.save(grouped.invoice(ScrDocInvoiceVendorAmt=1))

    refused = await anonymous.post(f"/_sandbox/post/NWM/{GROUP}")

    assert "does not agree" in refused.json()["error"]
    assert not any(invoice.posted for invoice in world.invoices.values())
