"""Pushes over real HTTP into a real stream: what is answered 200 is stored, what is refused leaves nothing."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mlc_basware.notification import Notification, read
from mlc_common.events import NotificationReceived, parse_event
from mlc_common.streams import notification_subject

SECRET = "sandbox-only-webhook-secret"
NOW_SECONDS = 1795348800
"""2026-11-22T12:00:00Z, the gateway's clock in these tests."""


class Broker(Protocol):
    folder: Path

    def start(self) -> None: ...
    def kill(self) -> None: ...


async def test_a_signed_push_is_stored_as_it_came_and_echoed(sender: Any) -> None:
    body = json.dumps(sender.notification("t-1"), indent=2).encode()

    response = await sender.push(body)

    assert (response.status_code, response.content) == (200, body)
    assert response.headers["content-type"] == "application/json"
    (message,) = await sender.stored()
    event = parse_event(message.data)
    assert isinstance(event, NotificationReceived)
    assert (event.connection, event.task_id, event.document_id) == ("northwind", "t-1", "d-t-1")
    assert event.body.encode() == body
    assert sender.counted("mlc_pushes_stored_total", connection="northwind", variant="body/hex") == 1


async def test_the_same_push_fifty_times_at_once_is_stored_once_and_always_answered_200(sender: Any) -> None:
    push = sender.notification("t-1")

    responses = await asyncio.gather(*(sender.push(push) for _ in range(50)))

    assert Counter(each.status_code for each in responses) == {200: 50}
    assert await sender.pushes() == [push]
    assert sender.counted("mlc_pushes_repeated_total", connection="northwind") == 49


async def test_the_same_push_spelt_otherwise_is_stored_once(sender: Any) -> None:
    push = sender.notification("t-1")
    for spelling in (json.dumps(push), json.dumps(push, indent=4), json.dumps(dict(reversed(push.items())))):
        assert (await sender.push(spelling.encode())).content == spelling.encode()

    assert await sender.pushes() == [push]


async def test_different_content_under_the_same_task_is_not_lost(sender: Any) -> None:
    one, other = sender.notification("t-1"), sender.notification("t-1", taskSubType="WaitingForPrebook")

    for push in (one, other, one, other):
        assert (await sender.push(push)).status_code == 200

    assert await sender.pushes() == [one, other]


async def test_many_different_pushes_at_once_are_all_stored(sender: Any) -> None:
    pushes = [sender.notification(f"t-{n}") for n in range(300)]

    responses = await asyncio.gather(*map(sender.push, pushes))

    assert {each.status_code for each in responses} == {200}
    assert sorted(each["taskId"] for each in await sender.pushes()) == sorted(each["taskId"] for each in pushes)


async def test_duplicates_among_many_do_not_hurt_their_neighbours(sender: Any) -> None:
    await sender.push(sender.notification("t-7"))
    pushes = [sender.notification(f"t-{n}") for n in range(63)] + [sender.notification("t-40")]

    responses = await asyncio.gather(*map(sender.push, pushes))

    assert {each.status_code for each in responses} == {200}
    assert sorted(each["taskId"] for each in await sender.pushes()) == sorted({each["taskId"] for each in pushes})


async def test_connections_do_not_share_their_pushes(sender: Any) -> None:
    sender.connect("southwind")
    for name in ("northwind", "southwind"):
        await sender.push(sender.notification("t-1"), to=name)

    assert [parse_event(each.data).connection for each in await sender.stored()] == ["northwind", "southwind"]


async def test_every_200_survives_a_killed_broker_and_a_dead_one_is_answered_503(sender: Any, broker: Broker) -> None:
    answered: set[str] = set()
    seen: Counter[int] = Counter()
    left = iter([sender.notification(f"t-{n}") for n in range(400)])

    async def keep_pushing() -> None:
        for push in left:
            response = await sender.push(push)
            seen[response.status_code] += 1
            if response.status_code == 200:
                answered.add(push["taskId"])
            else:
                assert int(response.headers["Retry-After"]) >= 1

    work = asyncio.gather(*(keep_pushing() for _ in range(24)))
    while len(answered) < 50:
        await asyncio.sleep(0.001)
    broker.kill()
    await work
    assert seen.keys() == {200, 503}
    assert sender.counted("mlc_pushes_refused_total", reason="stream_away") == seen[503]

    broker.start()
    while not sender.nats.is_connected:
        await asyncio.sleep(0.05)
    assert answered <= {each["taskId"] for each in await sender.pushes()}

    async def insist(push: dict[str, Any]) -> None:
        while (await sender.push(push)).status_code != 200:
            await asyncio.sleep(0.05)

    await asyncio.gather(*(insist(sender.notification(f"t-{n}")) for n in range(400)))
    assert Counter(each["taskId"] for each in await sender.pushes()) == Counter(f"t-{n}" for n in range(400))


@pytest.mark.parametrize("sender", [{"waiting": 0}], indirect=True)
async def test_a_full_queue_is_answered_503_and_when_to_come_again(sender: Any) -> None:
    response = await sender.push(sender.notification("t-1"))

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "message" in response.json()
    assert sender.counted("mlc_pushes_refused_total", reason="stream_away") == 1
    assert await sender.stored() == []


async def test_a_push_the_stream_refuses_is_answered_503(sender: Any) -> None:
    push = sender.notification("t-1")
    content = read(json.dumps(push).encode())
    assert isinstance(content, Notification)
    taken = notification_subject("northwind", "t-1", content.digest)
    await sender.nats.jetstream().publish(taken, b"{}", headers={"Nats-Msg-Id": "somebody else's"})

    with structlog.testing.capture_logs() as logs:
        response = await sender.push(push)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "message" in response.json()
    assert sender.counted("mlc_pushes_refused_total", reason="stream_refused") == 1
    assert sender.counted("mlc_pushes_stored_total", connection="northwind", variant="body/hex") == 0
    assert [entry["event"] for entry in logs] == ["push_not_stored", "push_refused"]


async def test_an_unreadable_expiration_is_said_in_the_log_without_its_text(sender: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await sender.push(sender.notification("t-1", expirationTime="soon-ish"))

    assert response.status_code == 200
    assert [entry["event"] for entry in logs] == ["expiration_unreadable"]
    assert "soon-ish" not in repr(logs)
    assert len(await sender.stored()) == 1


async def test_nobody_who_is_not_trusted_learns_why(sender: Any) -> None:
    sender.connect("without-secret", "")
    sender.connect("timed", timestamp_header="X-Time", timestamp_required=True)
    push = sender.notification("t-1")
    old = {"X-Time": str(NOW_SECONDS - 301)}

    responses: list[httpx.Response] = [
        await sender.push(push, to="nobody"),
        await sender.push(push, to="without-secret"),
        await sender.push(push, to="without-secret", secret=""),
        await sender.push(push, secret="another"),
        await sender.push(push, secret=None),
        await sender.push(push, secret=None, headers={"X-BWAPI-Signature-256": "sha256=?"}),
        await sender.push(push, to="timed", headers=old),
        await sender.push(push, to="timed"),
        await sender.push(b"no json", secret=None),
    ]

    assert {each.status_code for each in responses} == {401}
    assert len({each.content for each in responses}) == 1
    assert len({tuple((k, v) for k, v in each.headers.items() if k != "date") for each in responses}) == 1
    assert await sender.stored() == []
    for reason in ("unknown_connection", "wrong_signature", "unreadable_signature", "stale", "no_timestamp"):
        assert sender.counted("mlc_pushes_refused_total", reason=reason) == 1
    for reason in ("no_secret", "no_signature"):
        assert sender.counted("mlc_pushes_refused_total", reason=reason) == 2


async def test_a_fresh_timestamp_under_the_signature_is_taken(sender: Any) -> None:
    sender.connect("timed", signed=("timestamp.body",), timestamp_header="X-Time", timestamp_required=True)
    body = json.dumps(sender.notification("t-1")).encode()
    stamp = str((NOW_SECONDS - 299) * 1000)
    signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()

    response = await sender.push(
        body, to="timed", secret=None, headers={"X-Time": stamp, "X-BWAPI-Signature-256": f"SHA256={signature}"}
    )

    assert response.status_code == 200
    assert sender.counted("mlc_pushes_stored_total", connection="timed", variant="timestamp.body/hex") == 1


async def test_a_signed_push_that_says_nothing_usable_is_answered_422(sender: Any) -> None:
    missing = "Missing, or not plain text of 1 to 250 characters: taskStatus, taskType, documentId."
    cases = {
        b"no json": "The body is not JSON.",
        b"[1, 2]": "The body is not a JSON object.",
        b'{"taskId": "t-1"}': missing,
    }
    for body, sentence in cases.items():
        response = await sender.push(body)

        assert (response.status_code, response.json()) == (422, {"message": sentence})
    assert await sender.stored() == []
    assert sender.counted("mlc_pushes_refused_total", reason="unreadable") == len(cases)


async def test_a_connection_test_is_echoed_without_side_effect(sender: Any) -> None:
    sender.connect("without-secret", "")
    names, secrets = ("northwind", "without-secret", "nobody"), (SECRET, "another", None)
    for name in names:
        for secret in secrets:
            response = await sender.push({"taskType": "connectionTest"}, to=name, secret=secret)

            assert (response.status_code, response.json()) == (200, {"taskType": "connectionTest"})
    assert await sender.stored() == []
    assert sender.counted("mlc_pushes_tests_total") == len(names) * len(secrets)


async def test_a_connection_test_needs_no_broker(sender: Any, broker: Broker) -> None:
    broker.kill()

    assert (await sender.push({"taskType": "ConnectionTest"})).status_code == 200


async def test_nothing_of_a_refused_body_is_kept_anywhere(sender: Any, broker: Broker) -> None:
    marker = "kept-nowhere-4711"
    with structlog.testing.capture_logs() as logs:
        refused = [
            await sender.push(sender.notification(marker), secret="another"),
            await sender.push(sender.notification(marker), to="nobody"),
            await sender.push(f"{marker} no json".encode()),
            await sender.push({"taskId": marker, "marker": marker}),
            await sender.push(marker.encode() * 20_000),
        ]

    assert [each.status_code for each in refused] == [401, 401, 422, 422, 413]
    assert [entry["reason"] for entry in logs] == [
        "wrong_signature",
        "unknown_connection",
        "unreadable",
        "too_large",
    ], "the second unreadable one came too soon after the first to be logged"
    assert marker not in repr(logs)
    assert not any(marker in each.text for each in refused)
    assert await sender.stored() == []
    kept = [path for path in broker.folder.rglob("*") if path.is_file() and marker.encode() in path.read_bytes()]
    assert kept == []


async def test_observe_mode_keeps_everything_and_says_so_loudly(sender: Any) -> None:
    sender.connect("first-contact", mode="observe")
    with structlog.testing.capture_logs() as logs:
        responses = [
            await sender.push(sender.notification("t-1"), to="first-contact"),
            await sender.push(sender.notification("t-2"), to="first-contact", secret="another"),
            await sender.push(sender.notification("t-3"), to="first-contact", secret=None),
            await sender.push(b"what is this?", to="first-contact"),
        ]

    assert {each.status_code for each in responses} == {200}
    variants = [json.loads(message.data)["variant"] for message in await sender.stored()]
    assert variants == ["body/hex", "unverified", "unverified", "body/hex"]
    for reason in ("none", "wrong_signature", "no_signature", "unreadable"):
        assert sender.counted("mlc_pushes_observed_total", connection="first-contact", reason=reason) == 1
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("observe_mode_accepts_everything", "warning")]


async def test_a_push_begins_a_trace_of_its_own_whatever_trace_its_sender_names(
    sender: Any, spans: InMemorySpanExporter
) -> None:
    foreign = "0af7651916cd43dd8448eb211c80319c"
    await sender.push(sender.notification("t-1"), headers={"traceparent": f"00-{foreign}-b7ad6b7169203331-00"})
    await sender.push(sender.notification("t-2"), headers={"traceparent": "what is this?"})

    traces = {message.headers["traceparent"].split("-")[1] for message in await sender.stored()}
    assert len(traces) == 2
    assert foreign not in traces
    linked = [each.context.trace_id for span in spans.get_finished_spans() for each in span.links]
    assert linked == [int(foreign, 16)]


async def test_nothing_else_of_the_senders_trace_goes_on_or_into_the_log(
    sender: Any, caplog: pytest.LogCaptureFixture
) -> None:
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    for number, more in enumerate(
        ({"baggage": "x=y"}, {"baggage": "faulty"}, {"tracestate": "a=b,faulty,,=" + "," * 99})
    ):
        assert (await sender.push(sender.notification(f"t-{number}"), headers=trace | more)).status_code == 200
    assert (await sender.push(sender.notification("t-9"), headers={"traceparent": "faulty"})).status_code == 200

    for message in await sender.stored():
        assert {name.lower() for name in message.headers} & {"baggage", "tracestate"} == set()
    assert [entry for entry in caplog.records if entry.name.startswith("opentelemetry")] == []
