"""A notification is read from any bytes: known, a connection test, or unreadable with one sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlc_basware.notification import ConnectionTest, Notification, Unreadable, content_digest, read

FULL = {
    "taskId": "0f8f2f6e-8a54-4c53-9a0b-5f3f4f0f8f11",
    "taskStatus": "New",
    "taskType": "AccountingDocuments",
    "taskSubType": "WaitingForTransfer",
    "documentId": "7c0d4a0be7f84a6d9b1d3b5a9e2f4c61",
    "expirationTime": "2026-03-12T08:53:31Z",
}
REQUIRED = ["taskId", "taskStatus", "taskType", "documentId"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read_json(value: Any) -> Any:
    return read(json.dumps(value).encode())


def digest_of(body: bytes) -> str:
    notification = read(body)
    assert isinstance(notification, Notification)
    return notification.digest


def test_every_member_of_a_notification_is_read() -> None:
    notification = read_json(FULL)

    assert notification == Notification(
        task_id="0f8f2f6e-8a54-4c53-9a0b-5f3f4f0f8f11",
        task_status="New",
        task_type="AccountingDocuments",
        task_sub_type="WaitingForTransfer",
        document_id="7c0d4a0be7f84a6d9b1d3b5a9e2f4c61",
        expires_at=datetime(2026, 3, 12, 8, 53, 31, tzinfo=UTC),
        expiration_unreadable=False,
        digest=notification.digest,
    )


def test_the_misspelt_task_type_is_kept_as_it_came() -> None:
    assert read_json(FULL | {"taskType": "AccoutingDocuments"}).task_type == "AccoutingDocuments"


@pytest.mark.parametrize("member", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "  ", 4711, [], {"a": 1}, "a\x00b", "a\nb", "\ud800", "x" * 251])
def test_a_required_member_is_plain_text_of_sensible_length(member: str, value: Any) -> None:
    outcome = read_json(FULL | {member: value})

    assert isinstance(outcome, Unreadable)
    assert member in outcome.sentence


def test_every_missing_member_is_named_at_once() -> None:
    assert read_json({"hello": "world"}) == Unreadable(
        "Missing, or not plain text of 1 to 250 characters: taskId, taskStatus, taskType, documentId."
    )


def test_optional_members_may_be_absent_or_null() -> None:
    bare = {name: FULL[name] for name in REQUIRED}
    for value in (bare, bare | {"taskSubType": None, "expirationTime": None}):
        notification = read_json(value)

        assert notification.task_sub_type is None
        assert notification.expires_at is None
        assert not notification.expiration_unreadable


@pytest.mark.parametrize("expiration", ["soon", 1772699460, ""])
def test_an_unreadable_expiration_is_said_and_loses_no_push(expiration: Any) -> None:
    notification = read_json(FULL | {"expirationTime": expiration})

    assert notification.expires_at is None
    assert notification.expiration_unreadable


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": 1}{"b": 2}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        json.dumps(FULL).encode("utf-16"),
    ],
)
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    assert read(body) == Unreadable("The body is not JSON.")


@pytest.mark.parametrize("value", [None, 1, "text", [], [FULL], True])
def test_json_that_is_no_object_is_unreadable(value: Any) -> None:
    assert read_json(value) == Unreadable("The body is not a JSON object.")


def test_the_sentence_repeats_nothing_of_the_body() -> None:
    for body in (b"hello marker", b'"marker"', b'{"marker": "marker", "taskId": 5}'):
        outcome = read(body)

        assert isinstance(outcome, Unreadable)
        assert "marker" not in outcome.sentence


@pytest.mark.parametrize("spelling", ["ConnectionTest", "connectiontest", "CONNECTIONTEST"])
def test_a_connection_test_is_known_by_its_type_alone(spelling: str) -> None:
    assert read_json({"taskType": spelling}) == ConnectionTest()


@given(st.binary(max_size=300))
@example(b'{"a": 1e99999999999999999999}')
def test_no_bytes_make_the_reader_fail(body: bytes) -> None:
    assert isinstance(read(body), Notification | ConnectionTest | Unreadable)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_spaces_and_the_order_of_members_do_not_change_the_digest(more: dict[str, Any]) -> None:
    value = more | FULL
    shuffled = dict(reversed(value.items()))

    spellings = {
        digest_of(json.dumps(value).encode()),
        digest_of(json.dumps(shuffled, indent=3, ensure_ascii=True).encode()),
        digest_of(json.dumps(value, separators=(",", ":")).encode()),
    }

    assert len(spellings) == 1


@given(json_values, json_values)
def test_different_content_has_a_different_digest(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (content_digest(one) == content_digest(other)) == same


def test_a_number_its_text_and_its_spelling_are_different_content() -> None:
    digests = {
        digest_of(json.dumps(FULL).encode()[:-1] + extra) for extra in (b',"x":1.10}', b',"x":"1.10"}', b',"x":1.1}')
    }

    assert len(digests) == 3
