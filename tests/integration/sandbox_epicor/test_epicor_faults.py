"""Scripted faults on the Epicor emulator, as a client on a real socket meets them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.exact_json import loads

SVC = "Erp.BO.APInvoiceSvc"


async def script(anonymous: httpx.AsyncClient, *faults: dict[str, Any]) -> None:
    """Append faults through the control plane."""
    answered = await anonymous.post("/_sandbox/faults", json=list(faults))
    assert answered.status_code == 200, answered.text


def parameters(answered: httpx.Response) -> dict[str, Any]:
    """The out parameters of a method."""
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = loads(answered.content)["parameters"]
    return found


async def test_a_connection_dropped_before_the_call_saves_nothing(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "drop_before", "path": "UpdateMaster"})

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await grouped.save(grouped.invoice())

    assert world.invoices == {}
    assert (await grouped.save(grouped.invoice())).status_code == 200


async def test_a_connection_dropped_after_the_commit_leaves_the_invoice(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "drop_after", "path": "UpdateMaster"})

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await grouped.save(grouped.invoice())

    assert list(world.invoices) == [("NWM", 101, "si-1")]
    assert (world.calls.log[-1]["status"], world.calls.log[-1]["invoice"]) == (0, "SI-1")
    assert world.calls.in_flight == 0
    assert len((await grouped.held())["APInvExpTGLC"]) == 1


async def test_a_call_given_up_while_it_is_delayed_is_still_saved_later(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "delay", "path": "UpdateMaster", "seconds": 0.3})
    grouped.client.timeout = httpx.Timeout(0.1)

    with pytest.raises(httpx.ReadTimeout):
        await grouped.save(grouped.invoice())

    assert world.invoices == {}
    await asyncio.sleep(0.4)
    assert list(world.invoices) == [("NWM", 101, "si-1")]


async def test_an_answer_can_be_late_although_the_save_was_quick(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "delay_after", "path": "UpdateMaster", "seconds": 0.5})

    saving = asyncio.create_task(grouped.save(grouped.invoice()))
    await asyncio.sleep(0.25)

    assert list(world.invoices) == [("NWM", 101, "si-1")]
    assert not saving.done()
    assert (await saving).status_code == 200


async def test_a_status_is_answered_with_retry_after_and_body(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    fault = {
        "kind": "status",
        "path": "UpdateMaster",
        "status": 429,
        "retry_after": 3,
        "body": {"ErrorMessage": "slow"},
    }
    await script(anonymous, fault)

    answered = await grouped.save(grouped.invoice())

    assert (answered.status_code, answered.headers["retry-after"]) == (429, "3")
    assert answered.json() == {"ErrorMessage": "slow"}


async def test_a_gateways_html_can_be_played(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "status", "path": "GetByID", "status": 502, "body": "<html>Bad Gateway</html>"})

    answered = await grouped.get(f"{SVC}/GetByID", vendorNum="101", invoiceNum="SI-1")

    assert (answered.status_code, answered.text) == (502, "<html>Bad Gateway</html>")
    assert answered.headers["content-type"].startswith("text/plain")


async def test_update_master_can_answer_200_and_have_done_nothing(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "not_run", "path": "UpdateMaster"})

    out = parameters(await grouped.save(grouped.invoice()))

    assert (out["lUpdateRan"], out["requiresUserInput"]) == (False, False)
    assert world.invoices == {}


async def test_update_master_can_ask_for_a_person(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "user_input", "path": "UpdateMaster"})

    out = parameters(await grouped.save(grouped.invoice()))

    assert (out["lUpdateRan"], out["requiresUserInput"]) == (False, True)
    assert out["opMessage"]
    assert world.invoices == {}


async def test_accounts_can_be_lost_although_all_else_was_saved(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "blank_accounts", "path": "UpdateMaster"})

    out = parameters(await grouped.save(grouped.invoice()))

    held = await grouped.held()
    assert out["lUpdateRan"] is True
    assert [(row["GLAccount"], row["SegValue1"]) for row in held["APInvExpTGLC"]] == [("", "")]
    assert len(held["APInvDtl"]) == 1


async def test_a_save_can_stop_half_way(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "half_written", "path": "UpdateMaster"})

    answered = await grouped.save(grouped.invoice())

    held = await grouped.held()
    assert answered.status_code == 500
    assert (len(held["APInvHed"]), held["APInvDtl"], held["APInvExp"], held["APInvTax"]) == (1, [], [], [])


async def test_a_group_can_be_taken_by_somebody_else(
    grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld
) -> None:
    await script(anonymous, {"kind": "group_locked", "path": "UpdateMaster"})

    first = await grouped.save(grouped.invoice())
    second = await grouped.save(grouped.invoice())

    assert [first.status_code, second.status_code] == [400, 400]
    assert "in use by user" in second.json()["ErrorMessage"]
    assert world.invoices == {}


async def test_a_fault_fires_on_every_nth_matching_call_so_many_times(
    grouped: Any, anonymous: httpx.AsyncClient
) -> None:
    await script(anonymous, {"kind": "status", "path": "UpdateMaster", "status": 503, "every": 3, "times": 2})

    saved = [await grouped.save(grouped.invoice(f"SI-{number}")) for number in range(10)]

    assert [index for index, answered in enumerate(saved) if answered.status_code == 503] == [2, 5]


async def test_a_fault_can_name_one_invoice(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    in_body = {"kind": "status", "path": "UpdateMaster", "match": '"SI-2"', "status": 500}
    in_query = {"kind": "status", "path": "GetByID", "match": "invoiceNum=SI 3", "status": 500}
    await script(anonymous, in_body, in_query)

    saved = [(await grouped.save(grouped.invoice(number))).status_code for number in ("SI-1", "SI-2", "SI 3")]
    read = await grouped.get(f"{SVC}/GetByID", vendorNum="101", invoiceNum="SI 3")

    assert (saved, read.status_code) == ([200, 500, 200], 500)


async def test_one_method_of_http_can_be_hit(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "status", "method": "get", "status": 500, "times": -1})

    assert (await grouped.save(grouped.invoice())).status_code == 200
    assert (await grouped.get("Erp.BO.VendorSvc/Vendors")).status_code == 500


async def test_faults_can_be_looked_at_and_taken_away(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "status", "path": "UpdateMaster", "times": -1})
    await grouped.save(grouped.invoice())

    (fault,) = (await anonymous.get("/_sandbox/faults")).json()["faults"]
    cleared = await anonymous.delete("/_sandbox/faults")

    assert (fault["seen"], fault["fired"]) == (1, 1)
    assert cleared.json() == {"faults": []}
    assert (await grouped.save(grouped.invoice())).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "explode"},
        {"kind": "delay", "minutes": 1},
        {"kind": "delay", "seconds": -1},
        {"kind": "status", "status": 199},
        {"kind": "status", "times": 0},
        {"kind": "status", "every": 0},
        {"kind": "status", "path": "("},
        {"path": "UpdateMaster"},
        "delay",
    ],
    ids=str,
)
async def test_a_fault_that_could_never_be_meant_is_refused(anonymous: httpx.AsyncClient, fault: Any) -> None:
    answered = await anonymous.post("/_sandbox/faults", json=[{"kind": "delay"}, fault])

    assert answered.status_code == 400
    assert (await anonymous.get("/_sandbox/faults")).json() == {"faults": []}


async def test_the_control_plane_is_never_hit(anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "drop_before", "times": -1})

    assert (await anonymous.get("/_sandbox/state")).status_code == 200


async def test_calls_at_the_same_time_are_counted(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await script(anonymous, {"kind": "delay", "path": "Vendors", "seconds": 0.2, "times": -1})
    began = time.monotonic()

    await asyncio.gather(*(grouped.get("Erp.BO.VendorSvc/Vendors") for _ in range(5)))

    calls = (await anonymous.get("/_sandbox/calls")).json()
    assert (calls["max_in_flight"], calls["in_flight"]) == (5, 0)
    assert time.monotonic() - began < 0.9
