"""What a push becomes, as a table of cases."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlc_common.connection import Webhook
from webhook_gateway.decision import LARGEST_TEST, UNTRUSTED, Echo, Keep, Receiver, Refuse, decide
from webhook_gateway.push_budget import Limit
from webhook_gateway.signature import Push

NOW = datetime(2026, 3, 5, 8, 31, tzinfo=UTC)
SECRET = "sandbox-only-webhook-secret"
NOTIFICATION = {"taskId": "t-1", "taskStatus": "New", "taskType": "AccountingDocuments", "documentId": "d-1"}
TEST = {"taskType": "ConnectionTest"}


def signed(value: Any, *, secret: str = SECRET, stamp: datetime | None = None) -> Push:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Push(body, signature, str(int(stamp.timestamp())) if stamp else None)


def unsigned(value: Any) -> Push:
    return Push(signed(value).body, None)


def receiver(*secrets: str, **webhook: Any) -> Receiver:
    return Receiver("northwind", Webhook(**webhook), secrets or (SECRET,))


def decided(push: Push, known: Receiver | None) -> Keep | Echo | Refuse:
    return decide(push, receiver=known, now=NOW)


def test_a_signed_notification_is_kept_with_all_that_matters() -> None:
    push = signed(NOTIFICATION | {"taskSubType": "WaitingForTransfer", "expirationTime": "2026-03-04T00:00:00Z"})

    decision = decided(push, receiver())

    assert isinstance(decision, Keep)
    event = decision.event
    assert (event.connection, event.task_id, event.document_id, event.task_status) == ("northwind", "t-1", "d-1", "New")
    assert (event.task_type, event.task_sub_type) == ("AccountingDocuments", "WaitingForTransfer")
    assert (event.variant, event.at, event.body) == ("body/hex", NOW, push.body.decode())
    assert event.expires_at == datetime(2026, 3, 4, tzinfo=UTC), "expired, and recorded all the same"
    assert decision.observed is None
    assert not decision.watching


def test_an_unknown_task_type_is_kept_too() -> None:
    decision = decided(signed(NOTIFICATION | {"taskType": "ExportedContracts"}), receiver())

    assert isinstance(decision, Keep)
    assert decision.event.task_type == "ExportedContracts"


def test_the_same_content_is_the_same_event_however_it_is_spaced() -> None:
    plain, spaced = (decided(signed(json.dumps(NOTIFICATION, indent=n).encode()), receiver()) for n in (None, 4))

    assert isinstance(plain, Keep)
    assert isinstance(spaced, Keep)
    assert plain.event.id == spaced.event.id
    assert plain.event.subject == spaced.event.subject
    assert plain.event.body != spaced.event.body


@pytest.mark.parametrize("changed", [{"documentId": "d-2"}, {"taskStatus": "Failed"}, {"more": 1}])
def test_different_content_under_the_same_task_is_another_event(changed: dict[str, Any]) -> None:
    one, other = decided(signed(NOTIFICATION), receiver()), decided(signed(NOTIFICATION | changed), receiver())

    assert isinstance(one, Keep)
    assert isinstance(other, Keep)
    assert one.event.subject != other.event.subject


@pytest.mark.parametrize(
    ("reason", "push", "known"),
    [
        ("unknown_connection", signed(NOTIFICATION), None),
        ("unknown_connection", signed(NOTIFICATION, secret="nobody's"), None),
        ("no_secret", signed(NOTIFICATION, secret=""), receiver("")),
        ("wrong_signature", signed(NOTIFICATION, secret="another"), receiver()),
        ("no_signature", unsigned(NOTIFICATION), receiver()),
        ("unreadable_signature", Push(signed(NOTIFICATION).body, "sha256=?"), receiver()),
        ("stale", signed(NOTIFICATION, stamp=NOW - timedelta(hours=1)), receiver(timestamp_header="X-Time")),
        ("no_timestamp", signed(NOTIFICATION), receiver(timestamp_header="X-Time", timestamp_required=True)),
        ("no_signature", unsigned(b"not json"), receiver()),
    ],
)
def test_whoever_is_not_trusted_gets_one_and_the_same_answer(reason: str, push: Push, known: Receiver | None) -> None:
    assert decided(push, known) == Refuse(401, reason, UNTRUSTED)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"not json", "The body is not JSON."),
        (b"[1]", "The body is not a JSON object."),
        (
            json.dumps(NOTIFICATION | {"documentId": ""}).encode(),
            "Missing, or not plain text of 1 to 250 characters: documentId.",
        ),
    ],
)
def test_a_signed_push_that_says_nothing_usable_is_told_why(body: bytes, sentence: str) -> None:
    assert decided(signed(body), receiver()) == Refuse(422, "unreadable", sentence)


@pytest.mark.parametrize("known", [None, receiver(), receiver(""), receiver(mode="observe")])
@pytest.mark.parametrize("push", [signed(TEST), unsigned(TEST), signed(TEST, secret="another")])
def test_a_connection_test_is_answered_and_nothing_else(push: Push, known: Receiver | None) -> None:
    assert decided(push, known) == Echo()


def test_a_stale_connection_test_is_answered_too() -> None:
    push = signed(TEST, stamp=NOW - timedelta(hours=1))

    assert decided(push, receiver(timestamp_header="X-Time", timestamp_required=True)) == Echo()


def test_a_large_body_is_read_only_when_it_is_signed_because_reading_costs_most() -> None:
    def test(size: int) -> bytes:
        bare = json.dumps(TEST | {"more": ""}).encode()
        return json.dumps(TEST | {"more": "x" * (size - len(bare))}).encode()

    assert len(test(LARGEST_TEST)) == LARGEST_TEST
    for known in (None, receiver()):
        assert decided(unsigned(test(LARGEST_TEST)), known) == Echo()
        assert isinstance(decided(unsigned(test(LARGEST_TEST + 1)), known), Refuse)
    assert decided(signed(test(LARGEST_TEST + 1)), receiver()) == Echo()


def test_what_is_kept_is_kept_within_the_limit_of_its_connection() -> None:
    slow = {"pushes_per_second": 3, "burst": 7}
    for known, push in (
        (receiver(**slow), signed(NOTIFICATION)),
        (receiver(mode="observe", **slow), unsigned(NOTIFICATION)),
        (receiver(mode="observe", **slow), unsigned(b"not json")),
    ):
        decision = decided(push, known)
        assert isinstance(decision, Keep)
        assert decision.limit == Limit(3, 7)


@pytest.mark.parametrize(
    ("observed", "variant", "push", "known"),
    [
        (None, "body/hex", signed(NOTIFICATION), receiver(mode="observe")),
        ("wrong_signature", "unverified", signed(NOTIFICATION, secret="another"), receiver(mode="observe")),
        ("no_signature", "unverified", unsigned(NOTIFICATION), receiver(mode="observe")),
        ("no_secret", "unverified", signed(NOTIFICATION), receiver("", mode="observe")),
        (
            "stale",
            "body/hex",
            signed(NOTIFICATION, stamp=NOW - timedelta(hours=1)),
            receiver(mode="observe", timestamp_header="X-Time"),
        ),
    ],
)
def test_observe_mode_keeps_what_it_would_refuse_and_says_why(
    observed: str | None, variant: str, push: Push, known: Receiver
) -> None:
    decision = decided(push, known)

    assert isinstance(decision, Keep)
    assert (decision.observed, decision.event.variant, decision.watching) == (observed, variant, True)


@pytest.mark.parametrize("body", [b"not json", b"\xff\xfe\x00", b"[1]", b'{"taskType": "AccountingDocuments"}'])
def test_observe_mode_keeps_what_it_cannot_read_under_no_task(body: bytes) -> None:
    decision = decided(signed(body), receiver(mode="observe"))

    assert isinstance(decision, Keep)
    assert (decision.observed, decision.event.variant) == ("unreadable", "body/hex")
    assert (decision.event.task_type, decision.event.document_id) == ("unreadable", "unreadable")
    assert decision.event.to_json()


def test_observe_mode_opens_no_other_connection() -> None:
    assert decided(unsigned(NOTIFICATION), None) == Refuse(401, "unknown_connection", UNTRUSTED)


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_while_our_keys_do_not_open_the_secrets_the_sender_is_asked_to_come_again(mode: str) -> None:
    locked = Receiver("northwind", Webhook.model_validate({"mode": mode}), (), locked=True)

    decision = decided(signed(NOTIFICATION), locked)

    assert isinstance(decision, Refuse)
    assert decision.status == 503
    assert decided(signed(TEST), locked) == Echo()
