"""Tokens and credentials of the Basware emulator."""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld, Settings

Issue = Callable[[str], Awaitable[dict[str, Any]]]
Place = Callable[[int], list[str]]

CLIENT = ("sandbox-client", "sandbox-only-secret")
FORM = {"grant_type": "client_credentials", "scope": "accountingDocuments.read"}


async def test_a_token_names_its_scopes_and_its_life_in_seconds(issue: Issue) -> None:
    token = await issue("accountingDocuments.read vendors.read")
    assert token["scope"] == "accountingDocuments.read vendors.read"
    assert token["expires_in"] == 3600
    assert token["token_type"] == "Bearer"


async def test_a_token_looks_like_the_vendors_jwt(issue: Issue) -> None:
    token = await issue("accountingDocuments.read")
    claims = token["access_token"].split(".")[1]
    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert read["exp"] - read["iat"] == 3600
    assert read["bwcid"] == "NORTHWIND-SANDBOX"


async def test_the_form_may_not_be_json(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.post("/v1/tokens", auth=CLIENT, json=FORM)
    assert answered.status_code == 400
    assert answered.json() == {"error": "invalid_request", "error_description": "grant_type field required"}


@pytest.mark.parametrize("auth", [None, ("sandbox-client", "wrong"), ("other", "sandbox-only-secret")])
async def test_a_wrong_client_is_answered_401(anonymous: httpx.AsyncClient, auth: Any) -> None:
    answered = await anonymous.post("/v1/tokens", auth=auth, data=FORM)
    assert (answered.status_code, answered.json()) == (401, {"error": "invalid_client"})


async def test_the_scope_is_required(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.post("/v1/tokens", auth=CLIENT, data={"grant_type": "client_credentials"})
    assert answered.status_code == 422
    assert answered.json()["detail"][0]["loc"] == ["body", "scope"]


async def test_the_grant_type_is_required(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.post("/v1/tokens", auth=CLIENT, data={"scope": "vendors.read"})
    assert (answered.status_code, answered.json()["error"]) == (400, "invalid_request")


async def test_a_scope_that_is_not_granted_is_refused_or_dropped_as_set(
    anonymous: httpx.AsyncClient, world: BaswareWorld
) -> None:
    form = FORM | {"scope": "accountingDocuments.read redistribute.write"}
    refused = await anonymous.post("/v1/tokens", auth=CLIENT, data=form)
    world.settings = Settings(ungranted_scope="drop")
    dropped = await anonymous.post("/v1/tokens", auth=CLIENT, data=form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert dropped.json()["scope"] == "accountingDocuments.read"


async def test_without_a_credential_the_body_of_the_401_is_empty(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.get("/v1/accountingDocuments")
    assert (answered.status_code, answered.content) == (401, b"")


async def test_the_push_api_says_unauthorized_and_takes_no_basic(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.get("/v1/subscriptions", auth=("sandbox-user", "sandbox-only-password"))
    assert (answered.status_code, answered.json()) == (401, {"message": "Unauthorized"})


async def test_basic_is_accepted_on_p2p_endpoints(anonymous: httpx.AsyncClient, placed: Place) -> None:
    placed(1)
    answered = await anonymous.get("/v1/accountingDocuments", auth=("sandbox-user", "sandbox-only-password"))
    assert answered.status_code == 200


@pytest.mark.parametrize("credential", ["Bearer invented", "Basic !!!", "Digest x", "Bearer", "Basic /w=="])
async def test_an_invented_credential_is_answered_401(anonymous: httpx.AsyncClient, credential: str) -> None:
    answered = await anonymous.get("/v1/accountingDocuments", headers={"Authorization": credential})
    assert answered.status_code == 401


async def test_a_token_ends_with_its_life(
    anonymous: httpx.AsyncClient, world: BaswareWorld, clock: Any, issue: Issue, placed: Place
) -> None:
    placed(1)
    world.settings = Settings(token_life=5)
    token = await issue("accountingDocuments.read")
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    before = await anonymous.get("/v1/accountingDocuments", headers=headers)
    clock.forward(5)
    after = await anonymous.get("/v1/accountingDocuments", headers=headers)
    assert token["expires_in"] == 5
    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_call_needs_the_scope_of_its_api(anonymous: httpx.AsyncClient, issue: Issue, placed: Place) -> None:
    (invoice_id,) = placed(1)
    token = await issue("accountingDocuments.read")
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    answered = await anonymous.post(f"/v1/accountingDocuments/{invoice_id}/acknowledge", headers=headers)
    assert (answered.status_code, answered.json()) == (403, {"message": "Forbidden"})


async def test_neither_state_nor_calls_nor_settings_show_a_secret(
    anonymous: httpx.AsyncClient, api: httpx.AsyncClient, placed: Place
) -> None:
    placed(1)
    await api.get("/v1/accountingDocuments")
    shown = [await anonymous.get(f"/_sandbox/{name}") for name in ("state", "calls")]
    shown.append(await anonymous.post("/_sandbox/settings", json={}))
    text = "".join(answered.text for answered in shown)
    assert [answered.status_code for answered in shown] == [200, 200, 200]
    assert "sandbox-only" not in text
    assert api.headers["Authorization"].removeprefix("Bearer ") not in text


async def test_another_grant_type_is_refused(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.post("/v1/tokens", auth=CLIENT, data=FORM | {"grant_type": "password"})
    assert (answered.status_code, answered.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_token_can_be_opaque(world: BaswareWorld, issue: Issue) -> None:
    world.settings = Settings(token_form="opaque", token_life=0.5)
    token = await issue("accountingDocuments.read")
    assert "." not in token["access_token"]
    assert token["expires_in"] == 1


async def test_a_revoked_token_is_refused_and_a_new_one_lets_in(anonymous: httpx.AsyncClient, issue: Issue) -> None:
    tokens = [(await issue("accountingDocuments.read"))["access_token"]]

    revoked = (await anonymous.delete("/_sandbox/tokens")).json()
    tokens.append((await issue("accountingDocuments.read"))["access_token"])

    headers = [{"Authorization": f"Bearer {each}"} for each in tokens]
    calls = [await anonymous.get("/v1/accountingDocuments", headers=each) for each in headers]
    assert revoked == {"revoked": 1}
    assert [each.status_code for each in calls] == [401, 404]
