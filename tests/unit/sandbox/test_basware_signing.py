"""How the Basware emulator signs a push."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from mlc_sandbox.basware import SIGNATURE_HEADER, Variant, notification, sign

SECRET = "sandbox-only-webhook-secret"
BODY = b'{"taskId": "1"}'
SENT = datetime(2026, 11, 22, 9, 0, 0, 250_000, tzinfo=UTC)


def mac(signed: bytes) -> bytes:
    return hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()


def test_the_default_is_hex_over_the_raw_body_and_no_timestamp() -> None:
    assert sign(BODY, SECRET) == {SIGNATURE_HEADER: mac(BODY).hex()}


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("hex", mac(BODY).hex()),
        ("base64", base64.b64encode(mac(BODY)).decode()),
        ("base64url", base64.urlsafe_b64encode(mac(BODY)).decode().rstrip("=")),
    ],
)
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_encoding_and_prefix(encoding: Literal["hex", "base64", "base64url"], expected: str, prefix: str) -> None:
    variant = Variant(encoding=encoding, prefix=prefix)
    assert sign(BODY, SECRET, variant=variant)[SIGNATURE_HEADER] == prefix + expected


@pytest.mark.parametrize(("content", "between"), [("ts+body", b""), ("ts.body", b"."), ("ts:body", b":")])
@pytest.mark.parametrize(
    ("form", "stamp"),
    [("epoch_s", b"1795338000"), ("epoch_ms", b"1795338000250"), ("iso", b"2026-11-22T09:00:00Z")],
)
def test_a_signed_timestamp_stands_before_the_body_and_in_its_header(
    content: Any, between: bytes, form: Any, stamp: bytes
) -> None:
    variant = Variant(content=content, timestamp_header="X-Sent", timestamp_format=form)
    headers = sign(BODY, SECRET, variant=variant, timestamp=SENT)
    assert headers == {SIGNATURE_HEADER: mac(stamp + between + BODY).hex(), "X-Sent": stamp.decode()}


def test_a_timestamp_can_be_sent_without_being_signed() -> None:
    headers = sign(BODY, SECRET, variant=Variant(timestamp_header="X-Sent"), timestamp=SENT)
    assert headers == {SIGNATURE_HEADER: mac(BODY).hex(), "X-Sent": "1795338000"}


def test_a_variant_with_a_timestamp_needs_one() -> None:
    with pytest.raises(ValueError, match="needs a timestamp"):
        sign(BODY, SECRET, variant=Variant(content="ts.body"))


def test_a_notification_is_a_pointer_without_business_data() -> None:
    body = notification("7c0d", task_id="0f8f", expires=datetime(2026, 11, 29, tzinfo=UTC))
    assert body == {
        "taskId": "0f8f",
        "taskStatus": "New",
        "taskType": "AccountingDocuments",
        "taskSubType": "WaitingForTransfer",
        "documentId": "7c0d",
        "expirationTime": "2026-11-29T00:00:00Z",
    }
    assert "expirationTime" not in notification("7c0d", task_id="0f8f")
