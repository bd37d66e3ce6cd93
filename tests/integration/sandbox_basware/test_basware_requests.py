"""What becomes of an answer after its 200, and when Basware gives a transfer up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.basware.settings import Delivery, Settings

LIST = "/v1/accountingDocuments"
STATUS = "/v1/requestStatus"
Place = Callable[[int], list[str]]


@pytest.fixture
async def answered(api: httpx.AsyncClient, placed: Place) -> Callable[[], Awaitable[tuple[str, str]]]:
    """Answer a new transfer; its invoice id and request id."""
    waiting = placed(4)

    async def answer() -> tuple[str, str]:
        invoice_id = waiting.pop()
        await api.post(f"{LIST}/{invoice_id}/acknowledge")
        body = {"externalCode": "a1", "success": True, "responseMessage": "Posted", "paymentBlock": False}
        taken = await api.post(f"{LIST}/{invoice_id}/transferResponses", json=body)
        assert taken.status_code == 200, taken.text
        return invoice_id, taken.headers["x-amzn-RequestId"]

    return answer


def behaving(world: BaswareWorld, **delivery: Any) -> None:
    world.settings = world.settings.model_copy(update={"delivery": Delivery(**delivery)})


async def item(api: httpx.AsyncClient, request_id: str) -> dict[str, Any]:
    record = (await api.get(f"{STATUS}/{request_id}")).json()["requestStatus"][0]
    found: dict[str, Any] = record["systems"][0]["items"][0]
    return found | {"whole": record["requestStatus"]}


async def test_a_request_is_unknown_then_in_progress_then_ended_then_forgotten(
    api: httpx.AsyncClient, answered: Any, world: BaswareWorld, clock: Any
) -> None:
    behaving(world, unknown_for=30, takes=90, kept_for=600)
    _, request_id = await answered()

    assert (await api.get(f"{STATUS}/{request_id}")).status_code == 404
    clock.forward(31)
    assert (await item(api, request_id))["status"] == "InProgress"
    clock.forward(60)
    assert (await item(api, request_id))["status"] == "Success"
    clock.forward(600)
    assert (await api.get(f"{STATUS}/{request_id}")).status_code == 404


@pytest.mark.parametrize(
    ("status", "whole", "kind"),
    [
        ("NotProcessed", "Success", None),
        ("Warning", "Success", "Warning"),
        ("RecordExpired", "Success", "RecordExpired"),
        ("Error", "Error", "Error"),
    ],
)
async def test_a_record_can_end_in_every_documented_way(
    api: httpx.AsyncClient, answered: Any, world: BaswareWorld, status: str, whole: str, kind: str | None
) -> None:
    behaving(world, status=status)
    _, request_id = await answered()

    found = await item(api, request_id)

    assert (found["status"], found["whole"]) == (status, whole)
    assert [error["type"] for error in found["errors"]] == ([kind] if kind else [])


@pytest.mark.parametrize(("awaited_still", "status"), [(True, "TransferInProgress"), (False, "Transferred")])
async def test_an_answer_that_does_not_arrive_moves_the_document_or_not(
    api: httpx.AsyncClient, answered: Any, world: BaswareWorld, awaited_still: bool, status: str
) -> None:
    behaving(world, status="Error", awaited_still=awaited_still)
    invoice_id, _ = await answered()

    document = (await api.get(f"{LIST}/{invoice_id}")).json()["accountingDocuments"][0]

    assert document["processingStatus"] == status
    assert [given["externalCode"] for given in document["transferResponses"]] == ["a1"]


async def test_the_list_shows_failures_unless_it_is_narrowed(
    api: httpx.AsyncClient, answered: Any, world: BaswareWorld
) -> None:
    assert (await api.get(STATUS)).status_code == 404
    _, well = await answered()
    behaving(world, status="Error")
    _, failed = await answered()

    def ids(found: httpx.Response) -> list[str]:
        return [record["requestId"] for record in found.json()["requestStatus"]]

    assert ids(await api.get(STATUS)) == [failed]
    assert ids(await api.get(STATUS, params={"entityType": "TransferResponse"})) == [well, failed]
    assert ids(await api.get(STATUS, params={"status": "Success"})) == [well]
    assert (await api.get(STATUS, params={"system": "OTHER"})).status_code == 404
    assert (await api.get(STATUS, params={"status": "Odd"})).status_code == 400
    assert (await api.get(STATUS, params={"pageSize": "501"})).status_code == 400
    bare = await api.get(STATUS, params={"status": "Success", "ignoreSuccessfullItems": "true"})
    assert bare.json()["requestStatus"][0]["systems"][0]["items"] == []


async def test_the_list_comes_in_pages(api: httpx.AsyncClient, answered: Any, world: BaswareWorld) -> None:
    behaving(world, status="Error")
    ids = [(await answered())[1] for _ in range(3)]
    first = await api.get(STATUS, params={"pageSize": "2"})
    token = first.headers["x-amz-meta-continuationtoken"]
    second = await api.get(STATUS, params={"pageSize": "2"}, headers={"x-amz-meta-continuationtoken": token})

    found = [record["requestId"] for page in (first, second) for record in page.json()["requestStatus"]]

    assert found == ids
    assert "x-amz-meta-continuationtoken" not in second.headers


async def test_what_is_acknowledged_is_listed_no_more(
    anonymous: httpx.AsyncClient, issue: Any, answered: Any, world: BaswareWorld
) -> None:
    token = (await issue("requestStatus.read requestStatus.write"))["access_token"]
    allowed = {"Authorization": f"Bearer {token}"}
    behaving(world, status="Error")
    _, failed = await answered()

    async def acknowledged(ids: object) -> int:
        body = {"requestIds": ids}
        return (await anonymous.post(f"{STATUS}/acknowledge", json=body, headers=allowed)).status_code

    assert await acknowledged("no list") == 400
    assert await acknowledged(["unknown"]) == 404
    assert await acknowledged([failed]) == 200
    assert await acknowledged([failed]) == 405
    assert (await anonymous.get(STATUS, headers=allowed)).status_code == 404


async def test_a_failed_answer_is_pushed_to_whoever_subscribed_to_that(
    api: httpx.AsyncClient, answered: Any, world: BaswareWorld, receiver: Any
) -> None:
    subscription = {
        "taskType": "RequestStatus", "taskSubType": "Error", "subscriptionType": "Webhook",
        "notificationWebhookURL": receiver.url, "webhookAuthenticationToken": "sandbox-only-webhook-secret",
    }  # fmt: skip
    assert (await api.post("/v1/subscriptions", json=[subscription])).status_code == 200
    receiver.got.clear()
    world.settings = world.settings.model_copy(update={"push_automatically": True})

    await answered()
    assert receiver.got == []
    behaving(world, status="Error")
    _, failed = await answered()

    async with asyncio.timeout(60):
        while not any(task["taskStatus"] == "Completed" for task in world.tasks.values()):
            await asyncio.sleep(0.01)
    (pushed,) = [json.loads(body) for _, body in receiver.got]
    assert (pushed["taskType"], pushed["taskSubType"], pushed["documentId"]) == ("RequestStatus", "Error", failed)


async def test_a_transfer_without_an_answer_fails_when_the_window_is_over(
    api: httpx.AsyncClient, placed: Place, world: BaswareWorld, clock: Any
) -> None:
    world.settings = Settings(answer_window=1800)
    waiting, acknowledged = placed(2)
    await api.post(f"{LIST}/{acknowledged}/acknowledge")

    async def statuses() -> set[str]:
        listed = (await api.get(LIST)).json()["accountingDocuments"]
        return {document["processingStatus"] for document in listed}

    clock.forward(1700)
    assert await statuses() == {"WaitingForTransfer", "TransferInProgress"}
    clock.forward(200)
    assert await statuses() == {"TransferFailed"}
    world.retransfer(waiting, at=clock())
    assert await statuses() == {"TransferFailed", "WaitingForTransfer"}
