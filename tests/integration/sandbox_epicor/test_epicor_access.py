"""Who is let in by the Epicor emulator, and how the others are turned away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

VENDORS = "/sandbox/api/v2/odata/NWM/Erp.BO.VendorSvc/Vendors"
USER = ("bwlink", "sandbox-only-password")
KEY = {"x-api-key": "sandbox-only-api-key"}
FORM = {
    "grant_type": "client_credentials",
    "client_id": "bw-sync",
    "client_secret": "sandbox-only-secret",
    "scope": "epicor_erp",
}


def refusal(answered: httpx.Response) -> tuple[int, str, str]:
    """Status, type and message of an error body."""
    body = answered.json()
    assert body["HttpStatus"] == answered.status_code
    assert body["CorrelationId"]
    return answered.status_code, body["ErrorType"], body["ErrorMessage"]


async def test_basic_and_the_key_let_in(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.get(VENDORS, auth=USER, headers=KEY)

    assert answered.status_code == 200
    assert answered.json()["value"]


@pytest.mark.parametrize("auth", [None, ("bwlink", "wrong"), ("BWLINK", "sandbox-only-password")])
async def test_a_wrong_user_is_401_invalid_username(anonymous: httpx.AsyncClient, auth: tuple[str, str] | None) -> None:
    answered = await anonymous.get(VENDORS, auth=auth, headers=KEY)

    assert refusal(answered) == (401, "System.UnauthorizedAccessException", "Invalid username or password.")


async def test_a_wrong_key_is_401_and_echoed(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.get(VENDORS, auth=USER, headers={"x-api-key": "some-other-key"})

    assert refusal(answered)[::2] == (401, "Invalid API Key some-other-key.\r\nCompany NWM.")


async def test_a_missing_key_is_401(anonymous: httpx.AsyncClient) -> None:
    assert refusal(await anonymous.get(VENDORS, auth=USER))[2].startswith("Invalid API Key")


async def test_a_company_that_the_key_does_not_know_is_401(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.get(VENDORS.replace("NWM", "nwm"), auth=USER, headers=KEY)

    assert refusal(answered)[2].endswith("Company nwm.")


async def test_what_the_keys_scope_lacks_is_401_access_denied(epicor: Any, change: Callable[..., None]) -> None:
    change(denied=frozenset({"Erp.BO.CompanySvc", "Erp.BO.APInvoiceSvc/UpdateMaster"}))

    read = await epicor.get("Erp.BO.CompanySvc/Companies")
    written = await epicor.save(epicor.invoice())

    assert refusal(read)[::2] == (401, "Access denied (Erp.BO.Company.GetRows).")
    assert refusal(written)[::2] == (401, "Access denied (Erp.BO.APInvoice.UpdateMaster).")
    assert (await epicor.get("Erp.BO.VendorSvc/Vendors")).status_code == 200


async def test_a_bearer_token_and_the_key_let_in_until_it_expires(
    anonymous: httpx.AsyncClient, clock: Any, change: Callable[..., None]
) -> None:
    change(token_life=20)
    token = (await anonymous.post("/connect/token", data=FORM)).json()
    headers = {**KEY, "Authorization": f"Bearer {token['access_token']}"}

    early = await anonymous.get(VENDORS, headers=headers)
    without_key = await anonymous.get(VENDORS, headers={"Authorization": headers["Authorization"]})
    clock.forward(20)
    late = await anonymous.get(VENDORS, headers=headers)

    assert (token["expires_in"], token["token_type"], token["scope"]) == (20, "Bearer", "epicor_erp")
    assert (early.status_code, without_key.status_code, late.status_code) == (200, 401, 401)
    assert "invalid_token" in late.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("change_of_form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "something"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
async def test_a_token_is_refused(anonymous: httpx.AsyncClient, change_of_form: dict[str, str], error: str) -> None:
    answered = await anonymous.post("/connect/token", data={**FORM, **change_of_form})

    assert (answered.status_code, answered.json()) == (400, {"error": error})


async def test_a_token_is_asked_for_with_a_form(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/connect/token", json=FORM)).json() == {"error": "invalid_request"}


@pytest.mark.parametrize(
    "path",
    ["erp.bo.VendorSvc/Vendors", "Erp.BO.VendorSvc/vendors", "Erp.BO.APInvoiceSvc/getByID", "Erp.BO.NoSuchSvc/Vendors"],
)
async def test_names_are_case_sensitive(epicor: Any, path: str) -> None:
    assert (await epicor.get(path)).status_code == 404


async def test_a_method_is_called_with_its_verb(epicor: Any) -> None:
    assert (await epicor.get("Erp.BO.APInvoiceSvc/UpdateMaster")).status_code == 405


async def test_a_body_must_be_declared_as_json(epicor: Any) -> None:
    path = "NWM/Erp.BO.APInvGrpSvc/UnlockGroup"

    undeclared = await epicor.client.post(path, content=b'{"InGroupID": "X"}')
    broken = await epicor.client.post(path, content=b"{", headers={"Content-Type": "application/json"})

    assert (undeclared.status_code, broken.status_code) == (415, 400)


async def test_a_licence_is_claimed_with_a_header_or_a_persons_is_used(
    epicor: Any, change: Callable[..., None]
) -> None:
    async def asked(**headers: str) -> httpx.Response:
        return await epicor.client.get("NWM/Erp.BO.VendorSvc/Vendors", headers=headers)  # type: ignore[no-any-return]

    claimed = {"License": '{"ClaimedLicense": "00000003-9439-4B30-A6F4-6D2FD4B9FD0F"}'}
    assert (await asked()).status_code == 200

    change(licences="web services only")
    assert (await asked(**claimed)).status_code == 200
    assert "license type: DefaultUser assigned to company: NWM" in refusal(await asked())[2]

    change(licences="used up")
    assert "license type: WebService assigned" in refusal(await asked(**claimed))[2]


async def test_metadata_is_whole_or_has_types_only_or_is_not_there(epicor: Any, change: Callable[..., None]) -> None:
    async def told() -> httpx.Response:
        return await epicor.client.get("NWM/Erp.BO.APInvoiceSvc/$metadata")  # type: ignore[no-any-return]

    whole = await told()
    assert whole.headers["content-type"].startswith("application/xml")
    for part in (
        '<EntityType Name="APInvoice">',
        '<Property Name="ExternalID"',
        '<Parameter Name="suppressUserPrompts"/>',
    ):
        assert part in whole.text

    change(metadata="types only", hidden_columns=frozenset({"APInvHed.ExternalID"}))
    types = (await told()).text
    assert '<EntityType Name="APInvDtl">' in types
    assert "ExternalID" not in types
    assert "<Action" not in types

    change(metadata="absent")
    assert refusal(await told())[0] == 404
    unknown = await epicor.client.get("NWM/Erp.BO.NobodySvc/$metadata")
    assert refusal(unknown)[0] == 404


async def test_every_answer_has_the_time_of_the_emulators_clock(epicor: Any, clock: Any) -> None:
    answered = await epicor.client.get("NWM/Erp.BO.VendorSvc/Vendors")
    refused = await epicor.client.get("NWM/Erp.BO.VendorSvc/Nobody")

    assert {answered.headers["date"], refused.headers["date"]} == {f"{clock():%a, %d %b %Y %H:%M:%S} GMT"}


async def test_a_revoked_token_is_refused_and_a_new_one_lets_in(anonymous: httpx.AsyncClient) -> None:
    tokens = [(await anonymous.post("/connect/token", data=FORM)).json()["access_token"]]

    revoked = (await anonymous.delete("/_sandbox/tokens")).json()
    tokens.append((await anonymous.post("/connect/token", data=FORM)).json()["access_token"])

    calls = [await anonymous.get(VENDORS, headers={**KEY, "Authorization": f"Bearer {each}"}) for each in tokens]
    assert revoked == {"revoked": 1}
    assert [each.status_code for each in calls] == [401, 200]
