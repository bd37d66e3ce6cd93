"""Subscriptions and the notification history of the Basware emulator."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import SIGNATURE_HEADER, BaswareWorld, Settings, Variant, sign

Place = Callable[[int], list[str]]

SECRET = "sandbox-only-webhook-secret"


def subscription(url: str, **changes: Any) -> dict[str, Any]:
    """One subscription as it is posted."""
    return {
        "taskType": "AccountingDocuments",
        "taskSubType": "WaitingForTransfer",
        "subscriptionType": "Webhook",
        "notificationWebhookURL": url,
        "webhookAuthenticationToken": SECRET,
    } | changes


async def test_subscribing_tests_the_connection_with_a_signed_push(
    api: httpx.AsyncClient, receiver: Any, world: BaswareWorld
) -> None:
    answered = await api.post("/v1/subscriptions", json=[subscription(receiver.url)])
    ((headers, body),) = receiver.got
    assert answered.status_code == 200
    assert json.loads(body)["taskType"] == "ConnectionTest"
    assert headers[SIGNATURE_HEADER.lower()] == sign(body, SECRET)[SIGNATURE_HEADER]
    assert len(world.subscriptions) == 1


async def test_a_webhook_that_does_not_answer_200_is_not_subscribed(
    api: httpx.AsyncClient, receiver: Any, world: BaswareWorld
) -> None:
    receiver.status = 202
    answered = await api.post("/v1/subscriptions", json=[subscription(receiver.url)])
    assert answered.status_code == 422
    assert "202" in answered.json()["message"]
    assert world.subscriptions == []


async def test_a_webhook_that_nobody_serves_is_not_subscribed(api: httpx.AsyncClient) -> None:
    answered = await api.post("/v1/subscriptions", json=[subscription("http://127.0.0.1:9/hook")])
    assert answered.status_code == 422
    assert SECRET not in answered.text


async def test_the_api_returns_the_secret_in_clear_and_the_state_does_not(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, receiver: Any
) -> None:
    await api.post("/v1/subscriptions", json=[subscription(receiver.url)])
    listed = await api.get("/v1/subscriptions")
    state = await anonymous.get("/_sandbox/state")
    assert listed.json()["subscriptions"][0]["webhookAuthenticationToken"] == SECRET
    assert state.json()["subscriptions"][0]["notificationWebhookURL"] == receiver.url
    assert SECRET not in state.text


@pytest.mark.parametrize(
    "changes",
    [
        {"taskType": "Invoices"},
        {"taskSubType": "Approved"},
        {"subscriptionType": "Polling"},
        {"notificationWebhookURL": "ftp://example.test"},
        {"webhookAuthenticationToken": ""},
        {"colour": "blue"},
    ],
)
async def test_a_subscription_that_breaks_the_schema_is_refused(
    api: httpx.AsyncClient, receiver: Any, changes: dict[str, Any]
) -> None:
    answered = await api.post("/v1/subscriptions", json=[subscription(receiver.url, **changes)])
    assert answered.status_code == 400
    assert answered.json()["hasError"] is True
    assert len(answered.json()["errorMessages"]) == 1
    assert receiver.got == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{"])
async def test_a_body_that_is_no_list_of_subscriptions_is_422(api: httpx.AsyncClient, body: bytes) -> None:
    assert (await api.post("/v1/subscriptions", content=body)).status_code == 422


async def test_the_sub_type_has_a_default_that_depends_on_the_type(api: httpx.AsyncClient, receiver: Any) -> None:
    posted = [subscription(receiver.url), subscription(receiver.url, taskType="RequestStatus")]
    for each in posted:
        del each["taskSubType"]
    answered = await api.post("/v1/subscriptions", json=posted)
    assert [each["taskSubType"] for each in answered.json()] == ["All", "Error"]


async def test_posting_again_overwrites_and_filters_narrow(api: httpx.AsyncClient, receiver: Any) -> None:
    both = [subscription(receiver.url), subscription(receiver.url, taskType="RequestStatus", taskSubType="Error")]
    await api.post("/v1/subscriptions", json=both)
    await api.post("/v1/subscriptions", json=both[:1])
    everything = await api.get("/v1/subscriptions")
    narrowed = await api.get("/v1/subscriptions", params={"taskType": "RequestStatus"})
    nothing = await api.get("/v1/subscriptions", params={"taskSubType": "Success"})
    assert len(everything.json()["subscriptions"]) == 2
    assert len(narrowed.json()["subscriptions"]) == 1
    assert (nothing.status_code, nothing.json()) == (404, {"detail": "Not Found"})


async def test_unsubscribing_needs_all_three_parameters(api: httpx.AsyncClient, receiver: Any) -> None:
    await api.post("/v1/subscriptions", json=[subscription(receiver.url)])
    query = {"taskType": "AccountingDocuments", "taskSubType": "All", "lastUpdated": "2026-01-01"}
    refused = [
        await api.delete("/v1/subscriptions", params={k: v for k, v in query.items() if k != left_out})
        for left_out in query
    ]
    deleted = await api.delete("/v1/subscriptions", params=query)
    assert [answered.status_code for answered in refused] == [422, 422, 422]
    assert deleted.json()["numberOfRecordsDeleted"] == 1
    assert (await api.get("/v1/subscriptions")).status_code == 404


async def test_unsubscribing_spares_what_was_not_updated_since(api: httpx.AsyncClient, receiver: Any) -> None:
    await api.post("/v1/subscriptions", json=[subscription(receiver.url)])
    query = {"taskType": "All", "taskSubType": "All", "lastUpdated": "2030-01-01"}
    deleted = await api.delete("/v1/subscriptions", params=query)
    assert deleted.json()["numberOfRecordsDeleted"] == 0


async def test_pushes_leave_a_history(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, receiver: Any, placed: Place
) -> None:
    placed(2)
    await anonymous.post("/_sandbox/push", json={"url": receiver.url})
    receiver.status = 503
    await anonymous.post("/_sandbox/push", json={"url": receiver.url})
    failed = await api.get("/v1/tasks", params={"taskStatus": "Failed"})
    one = await api.get(f"/v1/tasks/{failed.json()['taskStatus'][0]['taskId']}")
    assert len((await api.get("/v1/tasks")).json()["taskStatus"]) == 4
    assert len(failed.json()["taskStatus"]) == 2
    assert one.json()["taskStatus"][0]["taskHistory"][-1]["messages"] == ["HTTP 503 from webhook"]
    assert (await api.get("/v1/tasks/unknown")).status_code == 404
    assert (await api.get("/v1/tasks", params={"documentId": "unknown"})).status_code == 404


async def test_documents_are_announced_by_themselves_if_so_set(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, receiver: Any, world: BaswareWorld, placed: Place
) -> None:
    world.settings = Settings(push_automatically=True, push_variant=Variant(prefix="sha256="))
    await api.post("/v1/subscriptions", json=[subscription(receiver.url)])
    (invoice_id,) = placed(1)
    await api.post(f"/v1/accountingDocuments/{invoice_id}/acknowledge")
    failed = {"externalCode": "f", "success": False, "responseMessage": "no", "paymentBlock": False}
    await api.post(f"/v1/accountingDocuments/{invoice_id}/transferResponses", json=failed)
    await anonymous.post(f"/_sandbox/retransfer/{invoice_id}")
    # The push comes after the answer; the connection test was the first thing received.
    for _ in range(200):
        if len(receiver.got) > 1:
            break
        await anonymous.get("/_sandbox/calls")
    headers, body = receiver.got[1]
    assert json.loads(body)["documentId"] == invoice_id
    assert headers[SIGNATURE_HEADER.lower()].startswith("sha256=")
