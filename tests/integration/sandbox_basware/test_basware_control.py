"""The control plane of the Basware emulator: documents, pushes, faults, settings."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import SIGNATURE_HEADER, BaswareWorld, Settings, sign
from mlc_sandbox.exact_json import dumps
from mlc_sandbox.samples import approved_invoices, bad_invoices

Place = Callable[[int], list[str]]

LIST = "/v1/accountingDocuments"
SECRET = "sandbox-only-webhook-secret"


async def add(anonymous: httpx.AsyncClient, documents: list[dict[str, Any]]) -> httpx.Response:
    """Post documents as exact JSON."""
    return await anonymous.post("/_sandbox/documents", content=dumps({"accountingDocuments": documents}))


async def test_the_samples_can_be_added_and_are_counted(anonymous: httpx.AsyncClient) -> None:
    documents = [*approved_invoices(), *bad_invoices().values()]
    answered = await add(anonymous, documents)
    state = (await anonymous.get("/_sandbox/state")).json()
    assert answered.status_code == 200
    assert len(answered.json()["added"]) == len(documents)
    assert state["summary"]["by_status"] == {"WaitingForTransfer": len(documents)}
    assert state["summary"]["unanswered"] == len(documents)


async def test_a_document_is_added_once_and_must_be_complete(anonymous: httpx.AsyncClient) -> None:
    documents = approved_invoices()[:1]
    await add(anonymous, documents)
    again = await add(anonymous, documents)
    broken = await add(anonymous, [{"invoiceId": "x"}])
    nonsense = [await anonymous.post("/_sandbox/documents", content=body) for body in (b"[]", b"{", b"{}")]
    assert (again.status_code, broken.status_code) == (409, 400)
    assert "companyCode" in broken.json()["message"]
    assert [answered.status_code for answered in nonsense] == [400, 400, 400]


async def test_members_that_the_vendor_adds_are_passed_through(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    document = approved_invoices()[0] | {"brandNewMember": {"a": 1}}
    await add(anonymous, [document])
    read = (await api.get(f"{LIST}/{document['invoiceId']}")).json()["accountingDocuments"][0]
    assert read["brandNewMember"] == {"a": 1}


async def test_a_retransfer_has_a_fresh_batch_and_the_users_corrections(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place, clock: Any
) -> None:
    (invoice_id,) = placed(1)
    document = world.documents[invoice_id]
    before = document.batch
    early = await anonymous.post(f"/_sandbox/retransfer/{invoice_id}")
    document.move("TransferFailed", at=clock())
    answered = await anonymous.post(
        f"/_sandbox/retransfer/{invoice_id}", json={"changes": {"description": "corrected"}}
    )
    unknown = await anonymous.post("/_sandbox/retransfer/unknown")
    assert (early.status_code, answered.status_code, unknown.status_code) == (409, 200, 404)
    assert document.status == "WaitingForTransfer"
    assert document.batch not in (None, before)
    assert document.body["description"] == "corrected"
    assert (await api.post(f"{LIST}/{invoice_id}/acknowledge")).status_code == 200


async def test_a_retransfer_can_come_without_a_batch(
    anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place, clock: Any
) -> None:
    (invoice_id,) = placed(1)
    document = world.documents[invoice_id]
    document.move("TransferFailed", at=clock())
    before = document.body["lastUpdated"]
    world.settings = Settings(fresh_batch_on_retransfer=False)
    await anonymous.post(f"/_sandbox/retransfer/{invoice_id}")
    assert document.batch is None
    assert document.body["lastUpdated"] > before


async def test_a_status_can_be_forced(anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place) -> None:
    (invoice_id,) = placed(1)
    answered = await anonymous.post(f"/_sandbox/status/{invoice_id}", json={"processingStatus": "Removed"})
    wrong = await anonymous.post(f"/_sandbox/status/{invoice_id}", json={"processingStatus": "Gone"})
    assert (answered.status_code, wrong.status_code) == (200, 400)
    assert world.documents[invoice_id].status == "Removed"


async def test_every_waiting_document_is_pushed_and_signed(
    anonymous: httpx.AsyncClient, receiver: Any, placed: Place, world: BaswareWorld, clock: Any
) -> None:
    ids = placed(3)
    world.documents[ids[2]].move("Transferred", at=clock())
    answered = (await anonymous.post("/_sandbox/push", json={"url": receiver.url})).json()
    assert answered["statuses"] == {"200": 2}
    assert {each["invoiceId"] for each in answered["pushes"]} == set(ids[:2])
    for headers, body in receiver.got:
        assert headers[SIGNATURE_HEADER.lower()] == sign(body, SECRET)[SIGNATURE_HEADER]
        assert headers["content-type"] == "application/json"


async def test_a_repeated_push_is_the_same_bytes(anonymous: httpx.AsyncClient, receiver: Any, placed: Place) -> None:
    (invoice_id,) = placed(1)
    order = {"invoiceIds": [invoice_id], "url": receiver.url, "secret": "other", "repeat": 50, "concurrency": 10}
    answered = (await anonymous.post("/_sandbox/push", json=order)).json()
    bodies = {body for _, body in receiver.got}
    assert answered["statuses"] == {"200": 50}
    assert len(receiver.got) == 50
    assert len(bodies) == 1
    assert receiver.got[0][0][SIGNATURE_HEADER.lower()] == sign(bodies.pop(), "other")[SIGNATURE_HEADER]


async def test_a_forged_push_is_signed_with_another_secret(
    anonymous: httpx.AsyncClient, receiver: Any, placed: Place
) -> None:
    placed(1)
    await anonymous.post("/_sandbox/push", json={"url": receiver.url, "forge": True})
    ((headers, body),) = receiver.got
    assert headers[SIGNATURE_HEADER.lower()] != sign(body, SECRET)[SIGNATURE_HEADER]


async def test_a_push_can_be_of_another_variant_stale_expired_and_misspelt(
    anonymous: httpx.AsyncClient, receiver: Any, placed: Place, clock: Any
) -> None:
    placed(1)
    order = {
        "url": receiver.url,
        "variant": {"encoding": "base64", "content": "ts.body", "timestamp_header": "X-Sent"},
        "timestampShift": -3600.5,
        "expired": True,
        "taskType": "AccoutingDocuments",
    }
    answered = await anonymous.post("/_sandbox/push", json=order)
    ((headers, body),) = receiver.got
    sent = json.loads(body)
    assert answered.status_code == 200
    assert int(headers["x-sent"]) == pytest.approx(clock.time.timestamp() - 3600, abs=3)
    assert sent["taskType"] == "AccoutingDocuments"
    assert sent["expirationTime"] < "2026-11-22"


async def test_a_receiver_that_is_away_is_status_0(anonymous: httpx.AsyncClient, placed: Place) -> None:
    placed(1)
    answered = await anonymous.post("/_sandbox/push", json={"url": "http://127.0.0.1:9/"})
    assert answered.json()["statuses"] == {"0": 1}


async def test_a_push_order_that_cannot_be_carried_out_is_refused(anonymous: httpx.AsyncClient, placed: Place) -> None:
    placed(1)
    nowhere = await anonymous.post("/_sandbox/push", json={})
    unknown = await anonymous.post("/_sandbox/push", json={"url": "http://127.0.0.1:9/", "invoiceIds": ["x"]})
    misspelt = await anonymous.post("/_sandbox/push", json={"url": "http://127.0.0.1:9/", "repat": 2})
    assert (nowhere.status_code, unknown.status_code, misspelt.status_code) == (400, 404, 400)


async def test_settings_change_one_by_one_and_reset_restores_them(
    anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place
) -> None:
    placed(1)
    changed = await anonymous.post("/_sandbox/settings", json={"page_cap": 2, "token_life": 0.5})
    await anonymous.post("/_sandbox/settings", json={"redirects": True})
    wrong = await anonymous.post("/_sandbox/settings", json={"page_cup": 2})
    assert (changed.status_code, wrong.status_code) == (200, 400)
    assert (world.settings.page_cap, world.settings.token_life, world.settings.redirects) == (2, 0.5, True)
    await anonymous.post("/_sandbox/faults", json=[{"kind": "status", "status": 500, "path": "/v1"}])
    await anonymous.post("/_sandbox/reset")
    assert world.settings == Settings()
    assert world.documents == {}
    assert (await anonymous.get("/_sandbox/faults")).json() == {"faults": []}
    assert (await anonymous.get("/v1/accountingDocuments")).status_code == 401


async def test_calls_are_logged_and_the_highest_number_at_once_is_known(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place
) -> None:
    ids = placed(6)
    world.settings = Settings(latency=0.1)
    await asyncio.gather(*(api.post(f"{LIST}/{invoice_id}/acknowledge") for invoice_id in ids))
    calls = (await anonymous.get("/_sandbox/calls")).json()
    assert calls["max_in_flight"] == 6
    assert calls["in_flight"] == 0
    assert calls["total"] == 7
    assert [call["status"] for call in calls["calls"]] == [200] * 7
    assert calls["calls"][-1]["path"].endswith("/acknowledge")


async def test_a_scripted_status_is_answered_once_with_retry_after(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, placed: Place
) -> None:
    placed(1)
    fault = {"kind": "status", "path": "/v1/accountingDocuments$", "status": 429, "retry_after": 2}
    await anonymous.post("/_sandbox/faults", json=[fault])
    first = await api.get(LIST)
    second = await api.get(LIST)
    assert (first.status_code, first.headers["Retry-After"], second.status_code) == (429, "2", 200)


async def test_a_dropped_answer_leaves_the_acknowledge_done(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place
) -> None:
    (invoice_id,) = placed(1)
    await anonymous.post("/_sandbox/faults", json=[{"kind": "drop_after", "path": "/acknowledge"}])
    with pytest.raises(httpx.TransportError):
        await api.post(f"{LIST}/{invoice_id}/acknowledge")
    again = await api.post(f"{LIST}/{invoice_id}/acknowledge")
    assert (world.documents[invoice_id].acknowledgements, again.status_code) == (1, 405)
    assert world.calls.log[-2]["status"] == 0


async def test_a_call_dropped_before_is_not_done(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place
) -> None:
    (invoice_id,) = placed(1)
    await anonymous.post("/_sandbox/faults", json=[{"kind": "drop_before", "path": "/acknowledge"}])
    with pytest.raises(httpx.TransportError):
        await api.post(f"{LIST}/{invoice_id}/acknowledge")
    assert world.documents[invoice_id].acknowledgements == 0
    assert world.calls.in_flight == 0


async def test_faults_can_be_cleared_and_a_wrong_one_is_refused(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, placed: Place
) -> None:
    placed(1)
    await anonymous.post("/_sandbox/faults", json=[{"kind": "status", "status": 500, "times": -1}])
    failing = await api.get(LIST)
    await anonymous.delete("/_sandbox/faults")
    wrong = await anonymous.post("/_sandbox/faults", json=[{"kind": "earthquake"}])
    broken = await anonymous.post("/_sandbox/faults", content=b"{")
    assert (failing.status_code, (await api.get(LIST)).status_code) == (500, 200)
    assert (wrong.status_code, broken.status_code) == (400, 400)


async def test_an_unknown_path_is_404_in_the_gateways_words(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.get("/v1/nothing")
    assert (answered.status_code, answered.json()) == (404, {"message": "Not Found"})


async def test_samples_are_staged_by_one_call(anonymous: httpx.AsyncClient, world: BaswareWorld, clock: Any) -> None:
    order = {"approved": True, "bad": ["unknown_vendor"], "bulk": 5, "seed": 3}
    staged = await anonymous.post("/_sandbox/samples", json=order)
    again = await anonymous.post("/_sandbox/samples", json=order)
    unknown = await anonymous.post("/_sandbox/samples", json={"bad": ["purple"]})
    assert (staged.status_code, again.status_code, unknown.status_code) == (200, 409, 400)
    assert len(world.documents) == len(approved_invoices()) + 6
    assert "unknown_vendor" in unknown.json()["message"]
    dates = {document.body["invoiceDate"][:10] for document in world.documents.values()}
    assert max(dates) <= clock().date().isoformat()


async def test_a_push_goes_to_the_subscribed_address_with_the_subscribed_secret(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, receiver: Any, placed: Place
) -> None:
    subscription = {
        "taskType": "AccountingDocuments",
        "taskSubType": "All",
        "subscriptionType": "Webhook",
        "notificationWebhookURL": receiver.url,
        "webhookAuthenticationToken": "subscribed",
    }
    await api.post("/v1/subscriptions", json=[subscription])
    placed(1)
    await anonymous.post("/_sandbox/push", json={})
    headers, body = receiver.got[-1]
    assert headers[SIGNATURE_HEADER.lower()] == sign(body, "subscribed")[SIGNATURE_HEADER]


async def test_a_secret_in_a_refused_order_is_not_repeated(anonymous: httpx.AsyncClient) -> None:
    answered = await anonymous.post("/_sandbox/push", json={"secret": ["sandbox-only-other-secret"], "repeat": 0})
    assert answered.status_code == 400
    assert "sandbox-only" not in answered.text
