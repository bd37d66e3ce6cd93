"""Attachments of the Epicor emulator: files and rows, and where tenants may differ."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from mlc_sandbox.epicor import EpicorWorld

from .conftest import GROUP, Epicor

FILES = "Ice.BO.AttachmentSvc"
KEY = {"vendorNum": 101, "invoiceNum": "SI-1"}
NAME = {"docTypeID": "", "parentTable": "APInvHed", "fileName": "a.pdf"}
UPLOAD = NAME | {"data": base64.b64encode(b"%PDF").decode()}


@pytest.fixture
async def entered(epicor: Epicor) -> Epicor:
    """An invoice stands in its group, which nobody has open."""
    await epicor.open_group()
    assert (await epicor.save(epicor.invoice())).status_code == 200
    await unlock(epicor)
    return epicor


async def unlock(epicor: Epicor) -> None:
    await epicor.call("UnlockGroup", {"InGroupID": GROUP}, service="Erp.BO.APInvGrpSvc")


async def attach(epicor: Epicor, **columns: Any) -> Any:
    """A row from GetNew, filled in and saved; the answer."""
    new = await epicor.call("GetNewAPInvHedAttch", {"ds": {}, **KEY})
    assert new.status_code == 200, new.text
    (row,) = new.json()["parameters"]["ds"]["APInvHedAttch"]
    return await epicor.call("Update", {"ds": {"APInvHedAttch": [row | {"FileName": "x"} | columns]}})


async def test_a_row_is_saved_numbered_and_read_back_and_its_group_is_open_then(
    entered: Epicor, world: EpicorWorld
) -> None:
    for name in ("a.pdf", "b.pdf"):
        assert (await attach(entered, FileName=name, DrawDesc="one")).status_code == 200
        await unlock(entered)

    rows = (await entered.held())["APInvHedAttch"]
    assert [(row["DrawingSeq"], row["FileName"], row["XFileRefNum"]) for row in rows] == [
        (1, "a.pdf", 1),
        (2, "b.pdf", 2),
    ]
    assert world.groups["NWM", GROUP.casefold()]["ActiveUserID"] == ""


async def test_a_group_that_somebody_has_open_takes_no_attachment(entered: Epicor, world: EpicorWorld) -> None:
    world.groups["NWM", GROUP.casefold()]["ActiveUserID"] = "mkowalski"

    assert "in use" in (await attach(entered)).json()["ErrorMessage"]


@pytest.mark.parametrize(("setting", "status"), [("accept", 200), ("refuse", 400)])
async def test_a_posted_invoice_takes_one_or_does_not(
    entered: Epicor, world: EpicorWorld, setting: str, status: int
) -> None:
    world.settings = world.settings.model_copy(update={"attachments_on_posted": setting})
    world.post_group("NWM", GROUP)

    assert (await attach(entered)).status_code == status


@pytest.mark.parametrize("wrong", [{"FileName": ""}, {"DocTypeID": "NONE"}, {"Colour": "red"}, {"InvoiceNum": "none"}])
async def test_a_wrong_row_is_refused(entered: Epicor, wrong: dict[str, Any]) -> None:
    assert (await attach(entered, **wrong)).status_code in (400, 404)


async def test_a_long_description_may_be_cut(entered: Epicor, world: EpicorWorld) -> None:
    world.settings = world.settings.model_copy(update={"attachment_descriptions": "cut"})
    await attach(entered, DrawDesc="x" * 40)

    assert (await entered.held())["APInvHedAttch"][0]["DrawDesc"] == "x" * 30


async def test_a_file_is_kept_under_its_name_and_its_path_is_the_answer(epicor: Epicor, world: EpicorWorld) -> None:
    before = await epicor.call("FileExists", NAME, service=FILES)
    answered = await epicor.call("UploadFile", UPLOAD, service=FILES)
    after = await epicor.call("FileExists", NAME, service=FILES)

    assert (before.json()["returnObj"], after.json()["returnObj"]) == (False, True)
    assert answered.json()["returnObj"].endswith("APInvHed\\a.pdf")
    assert [file["sha256"] for file in world.files.values()] == [hashlib.sha256(b"%PDF").hexdigest()]


@pytest.mark.parametrize(
    "wrong",
    [{"fileName": "../a.pdf"}, {"fileName": "a\\b"}, {"data": "§"}, {"parentTable": "Part"}, {"docTypeID": "NONE"}],
)
async def test_a_wrong_upload_is_refused(epicor: Epicor, world: EpicorWorld, wrong: dict[str, str]) -> None:
    assert (await epicor.call("UploadFile", UPLOAD | wrong, service=FILES)).status_code == 400
    assert not world.files


async def test_a_second_file_of_a_name_and_a_large_one_may_be_refused(epicor: Epicor, world: EpicorWorld) -> None:
    world.settings = world.settings.model_copy(update={"same_file_name": "refuse", "largest_upload": 4})
    first, second, large = [
        await epicor.call("UploadFile", body, service=FILES)
        for body in (UPLOAD, UPLOAD, UPLOAD | {"fileName": "b", "data": base64.b64encode(b"12345").decode()})
    ]

    assert (first.status_code, second.status_code, large.status_code) == (200, 400, 413)


async def test_update_master_takes_no_attachment(entered: Epicor) -> None:
    row = {"VendorNum": 101, "InvoiceNum": "SI-1", "FileName": "x", "RowMod": "A"}

    assert (await entered.save({"APInvHedAttch": [row]})).status_code == 400
