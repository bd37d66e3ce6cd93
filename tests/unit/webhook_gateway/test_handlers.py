"""Answers when storing fails, what is said how often, and bodies that do not come; without a socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from mlc_common.connection import Webhook
from mlc_common.eventlog import Appended
from mlc_common.events import NotificationReceived
from mlc_common.failures import FailureError, PermanentError, TransientError
from mlc_common.telemetry import Metrics
from webhook_gateway.decision import Receiver
from webhook_gateway.handlers import Counters, Gateway, Seldom, take_push
from webhook_gateway.hook import PATH, Hook
from webhook_gateway.signature import Push

NOW = datetime(2026, 3, 5, 8, 31, tzinfo=UTC)
SECRET = "sandbox-only-webhook-secret"
NORTHWIND = Receiver("northwind", Webhook(), (SECRET,))


@dataclass
class Notebook:
    """Stores in memory, or fails as it is told."""

    failure: FailureError | None = None
    events: list[NotificationReceived] = field(default_factory=list)

    async def append(self, event: NotificationReceived, /) -> Appended:
        if self.failure is not None:
            raise self.failure
        self.events.append(event)
        return Appended(len(self.events))


def gateway_with(notebook: Notebook, metrics: Metrics | None = None) -> Gateway:
    known = {"northwind": NORTHWIND}
    return Gateway(
        commit=notebook, receiver=known.get, now=lambda: NOW, counters=Counters(metrics or Metrics()), seldom=Seldom()
    )


def push(**more: object) -> Push:
    notification = {"taskId": "t-1", "taskStatus": "New", "taskType": "AccountingDocuments", "documentId": "d-1"}
    body = json.dumps(notification | more).encode()
    return Push(body, hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest())


async def test_the_answer_comes_after_the_storing() -> None:
    notebook = Notebook()

    answer = await take_push(push(), receiver=NORTHWIND, gateway=gateway_with(notebook))

    assert (answer.status, answer.body) == (200, push().body)
    assert [event.task_id for event in notebook.events] == ["t-1"]


@pytest.mark.parametrize(
    ("failure", "reason", "seconds"),
    [
        (TransientError("The stream is away."), "stream_away", "5"),
        (TransientError("Too many wait.", retry_after=1.2), "stream_away", "2"),
        (PermanentError("The stream refused it."), "stream_refused", "5"),
    ],
)
async def test_what_could_not_be_stored_is_answered_503_and_when_to_come_again(
    failure: FailureError, reason: str, seconds: str
) -> None:
    metrics = Metrics()
    with structlog.testing.capture_logs():
        answer = await take_push(push(), receiver=NORTHWIND, gateway=gateway_with(Notebook(failure), metrics))

    assert (answer.status, answer.headers["Retry-After"]) == (503, seconds)
    assert "message" in json.loads(answer.body)
    assert metrics.registry.get_sample_value("mlc_pushes_refused_total", {"reason": reason}) == 1
    assert metrics.registry.get_sample_value("mlc_pushes_stored_total", {"connection": "northwind"}) is None


async def test_an_unreadable_expiration_is_said_in_the_log_without_its_text() -> None:
    notebook = Notebook()
    with structlog.testing.capture_logs() as logs:
        await take_push(push(expirationTime="soon-ish"), receiver=NORTHWIND, gateway=gateway_with(notebook))

    assert [entry["event"] for entry in logs] == ["expiration_unreadable"]
    assert "soon-ish" not in repr(logs)
    assert len(notebook.events) == 1


def test_the_same_thing_is_said_once_in_a_while_with_how_often_it_was_not() -> None:
    seldom = Seldom(timedelta(seconds=10))

    said = [seldom.left_unsaid("observe", NOW + timedelta(seconds=second)) for second in (0, 1, 9, 10, 11, 25)]

    assert said == [0, None, None, 2, None, 1]
    assert seldom.left_unsaid("another", NOW) == 0


async def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield b'{"taskId":'
        await asyncio.sleep(60)

    notebook = Notebook()
    app = Starlette(routes=[Route(PATH, Hook(gateway_with(notebook), patience=0.05))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        response = await client.post("/hooks/basware/northwind", content=trickle())

    assert (response.status_code, response.headers["Connection"]) == (408, "close")
    assert notebook.events == []
