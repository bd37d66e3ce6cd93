"""Sending pushes on request: to one address, repeated, forged, stale, many at a time."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from mlc_sandbox.basware.webhook import Variant, notification, push
from mlc_sandbox.basware.wire import instant
from mlc_sandbox.basware.world import WAITING, BaswareWorld, Document

FORGED_SECRET = "sandbox-only-forged-secret"
TIMEOUT = 30.0


class PushOrder(BaseModel):
    """What `POST /_sandbox/push` may say, in camel case; what is left out comes from the subscription or settings.

    `forge` signs with another secret; `expired` sets an `expirationTime` that has passed; `timestamp_shift` (seconds,
    negative = stale) moves the signed timestamp; `repeat` sends the same notification so many times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    invoice_ids: list[str] | Literal["all"] = "all"
    url: str | None = None
    secret: SecretStr | None = None
    repeat: Annotated[int, Field(ge=1)] = 1
    forge: bool = False
    expired: bool = False
    timestamp_shift: float = 0
    concurrency: Annotated[int, Field(ge=1)] = 8
    variant: Variant | None = None
    task_type: str | None = None


async def carry_out(order: PushOrder, *, world: BaswareWorld, now: Callable[[], datetime]) -> dict[str, Any]:
    """Send what the order says; the HTTP status of every push, 0 where none came.

    Raises KeyError for an unknown invoice id, ValueError when it is not known where to.
    """
    documents = _documents(order, world)
    url = order.url or _subscribed_url(world)
    if url is None:
        raise ValueError("no url given, and no subscription to take it from")
    limit = asyncio.Semaphore(order.concurrency)
    pool = httpx.Limits(max_connections=order.concurrency)
    async with httpx.AsyncClient(timeout=TIMEOUT, limits=pool, trust_env=False) as client:

        async def send(body: dict[str, str]) -> int:
            async with limit:
                return await _send(body, order, url=url, world=world, client=client, at=now())

        bodies = [new_task(document, world=world, order=order, at=now()) for document in documents]
        statuses = await asyncio.gather(*(send(body) for body in bodies for _ in range(order.repeat)))
    return _report(bodies, statuses, world=world, repeat=order.repeat, at=now())


def new_task(document: Document, *, world: BaswareWorld, order: PushOrder, at: datetime) -> dict[str, str]:
    """Record a notification task for the document's current status; the body to push."""
    kind = order.task_type or world.settings.push_task_type
    return _recorded(document.invoice_id, kind, document.status, world=world, at=at, expired=order.expired)


def _recorded(
    document_id: str, kind: str, sub_type: str, *, world: BaswareWorld, at: datetime, expired: bool
) -> dict[str, str]:
    life = timedelta(seconds=world.settings.push_life)
    body = notification(
        document_id,
        task_id=str(uuid.uuid4()),
        task_type=kind,
        sub_type=sub_type,
        expires=at - life if expired else at + life,
    )
    created = {"action": "New", "timeStamp": instant(at), "messages": ["Task Created"]}
    more = {"isSimulatedTask": False, "lastUpdated": instant(at), "taskHistory": [created]}
    world.tasks[body["taskId"]] = body | more
    return body


def close_task(task_id: str, status: int, *, world: BaswareWorld, at: datetime) -> None:
    """Record how a push ended."""
    task = world.tasks[task_id]
    task["taskStatus"] = "Completed" if status == httpx.codes.OK else "Failed"
    task["lastUpdated"] = instant(at)
    messages = [f"HTTP {status} from webhook" if status else "No answer from webhook"]
    task["taskHistory"].append({"action": task["taskStatus"], "timeStamp": instant(at), "messages": messages})


def subscription_for(world: BaswareWorld, status: str) -> dict[str, Any] | None:
    """The subscription that wants to hear of documents in this status."""
    wanted = [s for s in world.subscriptions if s["taskType"] == "AccountingDocuments"]
    return next((s for s in wanted if s["taskSubType"] in (status, "All")), None)


async def announce(documents: list[Document], *, world: BaswareWorld, now: Callable[[], datetime]) -> None:
    """Push what has become ready, if the settings say so and somebody subscribed."""
    subscription = subscription_for(world, WAITING)
    if not (world.settings.push_automatically and subscription and documents):
        return
    order = PushOrder(
        invoice_ids=[document.invoice_id for document in documents],
        url=subscription["notificationWebhookURL"],
        secret=subscription["webhookAuthenticationToken"],
    )
    await carry_out(order, world=world, now=now)


async def announce_request(request_id: str, *, world: BaswareWorld, now: Callable[[], datetime]) -> None:
    """Push what became of an answer, if the settings say so and somebody subscribed to that."""
    ended = str(world.requests[request_id]["requestStatus"])
    wanted = [s for s in world.subscriptions if s["taskType"] == "RequestStatus"]
    subscription = next((s for s in wanted if s["taskSubType"] in (ended, "All")), None)
    if not (world.settings.push_automatically and subscription):
        return
    body = _recorded(request_id, "RequestStatus", ended, world=world, at=now(), expired=False)
    order = PushOrder(url=subscription["notificationWebhookURL"], secret=subscription["webhookAuthenticationToken"])
    async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
        status = await _send(body, order, url=str(order.url), world=world, client=client, at=now())
    close_task(body["taskId"], status, world=world, at=now())


def _documents(order: PushOrder, world: BaswareWorld) -> list[Document]:
    if order.invoice_ids == "all":
        return [document for document in world.documents.values() if document.status == WAITING]
    return [world.documents[invoice_id] for invoice_id in order.invoice_ids]


def _subscribed_url(world: BaswareWorld) -> str | None:
    subscription = subscription_for(world, WAITING)
    return subscription["notificationWebhookURL"] if subscription else None


def _secret(order: PushOrder, world: BaswareWorld) -> str:
    if order.forge:
        return FORGED_SECRET
    if order.secret is not None:
        return order.secret.get_secret_value()
    subscription = subscription_for(world, WAITING)
    if subscription is not None and order.url is None:
        return str(subscription["webhookAuthenticationToken"])
    return world.settings.webhook_secret.get_secret_value()


async def _send(
    body: dict[str, str], order: PushOrder, *, url: str, world: BaswareWorld, client: httpx.AsyncClient, at: datetime
) -> int:
    variant = order.variant or world.settings.push_variant
    timestamp = at + timedelta(seconds=order.timestamp_shift)
    secret = _secret(order, world)
    try:
        answered = await push(body, url=url, secret=secret, client=client, variant=variant, timestamp=timestamp)
    except httpx.TransportError:
        return 0
    return answered.status_code


def _report(
    bodies: list[dict[str, str]], statuses: list[int], *, world: BaswareWorld, repeat: int, at: datetime
) -> dict[str, Any]:
    pushes = []
    for index, body in enumerate(bodies):
        got = statuses[index * repeat : (index + 1) * repeat]
        close_task(body["taskId"], max(got, key=lambda status: status == httpx.codes.OK), world=world, at=at)
        pushes.append({"invoiceId": body["documentId"], "taskId": body["taskId"], "statuses": got})
    return {"pushes": pushes, "statuses": {str(status): count for status, count in sorted(Counter(statuses).items())}}
