"""The control plane of the Epicor emulator: state, invoices, calls, settings, reset."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx

from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.exact_json import loads

SECRETS = ("sandbox-only-password", "sandbox-only-api-key", "sandbox-only-secret")


async def test_the_state_shows_what_there_is_and_no_secret(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await grouped.save(grouped.invoice())

    answered = await anonymous.get("/_sandbox/state")

    state = answered.json()
    assert (state["invoices"], state["posted"], len(state["groups"])) == (1, 0, 1)
    assert [company["vendors"] for company in state["companies"]] == [25, 15]
    assert not any(secret in answered.text for secret in SECRETS)


async def test_the_invoices_are_shown_with_all_their_rows(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    await grouped.save(grouped.invoice())

    (invoice,) = loads((await anonymous.get("/_sandbox/invoices")).content)["invoices"]

    assert (invoice["InvoiceNum"], invoice["GroupID"], invoice["Posted"]) == ("SI-1", "BW261122", False)
    assert invoice["DocInvoiceAmt"] == Decimal("1082.50")
    assert [len(invoice[table]) for table in ("APInvDtl", "APInvExp", "APInvExpTGLC", "APInvTax")] == [1, 1, 1, 1]


async def test_calls_are_logged_with_their_subject_and_no_credential(
    grouped: Any, anonymous: httpx.AsyncClient
) -> None:
    await grouped.save(grouped.invoice())
    await grouped.client.get("NWM/Erp.BO.VendorSvc/Vendors", params={"api-key": "sandbox-only-api-key"})

    answered = await anonymous.get("/_sandbox/calls")

    *_, saved, read = answered.json()["calls"]
    assert saved == {
        "method": "POST",
        "path": "/sandbox/api/v2/odata/NWM/Erp.BO.APInvoiceSvc/UpdateMaster",
        "status": 200,
        "at": "2026-11-22T09:00:00.000Z",
        "company": "NWM",
        "vendor": 101,
        "invoice": "SI-1",
    }
    assert read["path"].endswith("/Vendors")
    assert not any(secret in answered.text for secret in SECRETS)


async def test_settings_can_be_changed_but_not_the_credentials(grouped: Any, anonymous: httpx.AsyncClient) -> None:
    changed = await anonymous.post("/_sandbox/settings", json={"period_closed_before": "2026-12-01", "page_cap": 7})
    secret = await anonymous.post("/_sandbox/settings", json={"api_key": "another"})
    unknown = await anonymous.post("/_sandbox/settings", json={"page_caps": 7})

    assert (changed.status_code, secret.status_code, unknown.status_code) == (200, 400, 400)
    assert (await grouped.save(grouped.invoice())).status_code == 400
    assert len(await grouped.set_of("Erp.BO.VendorSvc/Vendors")) == 7


async def test_a_reset_starts_anew(grouped: Any, anonymous: httpx.AsyncClient, world: EpicorWorld) -> None:
    await grouped.save(grouped.invoice())
    await anonymous.post("/_sandbox/settings", json={"page_cap": 7})
    await anonymous.post("/_sandbox/faults", json=[{"kind": "drop_before", "times": -1}])

    await anonymous.post("/_sandbox/reset")

    assert (world.invoices, world.groups, world.settings.page_cap) == ({}, {}, 100)
    assert (await anonymous.get("/_sandbox/calls")).json()["calls"] == []
    await grouped.open_group()
    assert (await grouped.save(grouped.invoice())).status_code == 200


async def test_a_broken_body_of_the_control_plane_is_answered_400(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/_sandbox/faults", content=b"{")).status_code == 400
    assert (await anonymous.post("/_sandbox/post/NWM/NONE")).status_code == 400
