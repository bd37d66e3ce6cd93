"""Subscriptions to pushes, with the connection test on subscribing, and the history of notifications."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.paging import moment
from mlc_sandbox.basware.webhook import notification, push
from mlc_sandbox.basware.wire import RefusedError, answer, instant, request_id
from mlc_sandbox.basware.world import BaswareWorld
from mlc_sandbox.exact_json import loads

TASK_TYPES = (
    "AccountingDocuments", "ExportedPurchaseRequisitions", "ExportedPurchaseOrders", "RequestStatus",
    "ExportedContracts", "ExportedContractSpends",
)  # fmt: skip
TASK_SUB_TYPES = (
    "WaitingForPrebook", "WaitingForTransfer", "WaitingForPrebookCancelation", "WaitingToBeRemoved",
    "WaitingToBeReturned", "WaitingToBeCompleted", "WaitingForExport", "Error", "Success", "All",
)  # fmt: skip
CONNECTION_TEST_SECONDS = 15.0


async def subscribe(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /v1/subscriptions`: each webhook must answer a ConnectionTest with 200, else 422 and nothing is stored."""
    asked = await _checked(request)
    for subscription in asked:
        await _test_connection(subscription, world=world, at=now())
    stored = [subscription | {"lastUpdated": instant(now())} for subscription in asked]
    replaced = {_key(subscription) for subscription in stored}
    world.subscriptions = [s for s in world.subscriptions if _key(s) not in replaced] + stored
    return answer(stored)


async def list_subscriptions(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/subscriptions`: with the secrets in clear, as the real API has it; 404 when there is none."""
    del now
    query = request.query_params
    found = [
        subscription
        for subscription in world.subscriptions
        if all(query.get(name, subscription[name]) == subscription[name] for name in ("taskType", "taskSubType"))
        and _later(subscription, query.get("lastUpdated", ""))
    ]
    if not found:
        raise RefusedError(404, {"detail": "Not Found"})
    return answer({"subscriptions": found})


async def unsubscribe(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`DELETE /v1/subscriptions`: three required parameters; removes what was updated after `lastUpdated`."""
    del now
    query = request.query_params
    missing = [name for name in ("lastUpdated", "taskType", "taskSubType") if not query.get(name)]
    if missing:
        raise RefusedError(422, {"message": f"required: {', '.join(missing)}"})
    kept = [s for s in world.subscriptions if not (_named(s, query) and _later(s, query["lastUpdated"]))]
    deleted = len(world.subscriptions) - len(kept)
    world.subscriptions = kept
    return answer({"status": "Deleted successfully", "numberOfRecordsDeleted": deleted})


async def list_tasks(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/tasks`: the history of notifications, under the odd key `taskStatus`."""
    del now
    query = request.query_params
    names = ("taskType", "taskStatus", "documentId")
    found = [
        task
        for task in world.tasks.values()
        if all(query.get(name, task[name]) == task[name] for name in names)
        and _later(task, query.get("lastUpdated", ""))
    ]
    if not found:
        raise RefusedError(404, {"detail": "Not Found"})
    return answer({"taskStatus": found})


async def read_task(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/tasks/{taskId}`: one task in the same envelope."""
    del now
    task = world.tasks.get(request.path_params["task_id"])
    if task is None:
        raise RefusedError(404, {"detail": "Not Found"})
    return answer({"taskStatus": [task]})


async def _checked(request: Request) -> list[dict[str, Any]]:
    try:
        asked = loads(await request.body())
    except ValueError as broken:
        raise RefusedError(422, {"message": "The body is not valid JSON."}) from broken
    if not isinstance(asked, list) or not asked:
        raise RefusedError(422, {"message": "The body must be an array."})
    wrong = [text for subscription in asked for text in _violations(subscription)]
    if wrong:
        messages = [{"type": "VALIDATION", "code": "SCHEMA_VALIDATION_ERROR", "message": text} for text in wrong]
        raise RefusedError(400, {"requestId": request_id(request), "hasError": True, "errorMessages": messages})
    return [{"taskSubType": _default_sub_type(subscription["taskType"])} | subscription for subscription in asked]


def _violations(subscription: object) -> list[str]:
    wrong = violations("Subscription", subscription)
    if wrong or not isinstance(subscription, dict):
        return wrong
    if subscription["taskType"] not in TASK_TYPES:
        wrong.append(f"taskType must be one of {', '.join(TASK_TYPES)}.")
    if subscription.get("taskSubType", "All") not in TASK_SUB_TYPES:
        wrong.append(f"taskSubType must be one of {', '.join(TASK_SUB_TYPES)}.")
    if subscription["subscriptionType"] != "Webhook":
        wrong.append("Only the subscriptionType Webhook is in use.")
    if not subscription["notificationWebhookURL"].startswith(("https://", "http://")):
        wrong.append("notificationWebhookURL must be a URL.")
    return wrong


async def _test_connection(subscription: Mapping[str, Any], *, world: BaswareWorld, at: datetime) -> None:
    body = notification("", task_id=str(uuid.uuid4()), task_type="ConnectionTest", sub_type=subscription["taskSubType"])
    url, secret = subscription["notificationWebhookURL"], subscription["webhookAuthenticationToken"]
    variant = world.settings.push_variant
    try:
        async with httpx.AsyncClient(timeout=CONNECTION_TEST_SECONDS, trust_env=False) as client:
            answered = await push(body, url=url, secret=secret, client=client, variant=variant, timestamp=at)
    except (httpx.TransportError, httpx.InvalidURL) as failed:
        message = f"The connection test got no answer: {type(failed).__name__}."
        raise RefusedError(422, {"message": message}) from failed
    if answered.status_code != httpx.codes.OK:
        raise RefusedError(422, {"message": f"The connection test was answered {answered.status_code}, not 200."})


def _default_sub_type(task_type: str) -> str:
    return "Error" if task_type == "RequestStatus" else "All"


def _key(subscription: Mapping[str, Any]) -> tuple[str, str]:
    return subscription["taskType"], subscription["taskSubType"]


def _named(subscription: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return all(query[name] in ("All", subscription[name]) for name in ("taskType", "taskSubType"))


def _later(record: Mapping[str, Any], text: str) -> bool:
    try:
        after = moment(text)
    except ValueError as wrong:
        raise RefusedError(422, {"message": str(wrong)}) from wrong
    return after is None or datetime.fromisoformat(record["lastUpdated"]) > after
