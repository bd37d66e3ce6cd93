"""The push sender: notifications, their signature in every form that may be met, and sending them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict

SIGNATURE_HEADER = "X-BWAPI-Signature-256"


class Variant(BaseModel):
    """How a push is signed: the vendor's public pages name the header and HMAC-SHA256, but not these choices.

    `timestamp_header` is sent when the timestamp is signed, or when it is named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Literal["hex", "base64", "base64url"] = "hex"
    prefix: str = ""
    content: Literal["body", "ts+body", "ts.body", "ts:body"] = "body"
    timestamp_header: str | None = None
    timestamp_format: Literal["epoch_s", "epoch_ms", "iso"] = "epoch_s"

    @property
    def stamps(self) -> bool:
        """Whether a push of this variant carries a timestamp header."""
        return self.content != "body" or self.timestamp_header is not None


def sign(
    body: bytes, secret: str, *, variant: Variant | None = None, timestamp: datetime | None = None
) -> dict[str, str]:
    """The headers of a push of these raw bytes: the signature, and the timestamp if the variant has one.

    Raises ValueError when the variant needs a timestamp and there is none.
    """
    variant = variant or Variant()
    if not variant.stamps:
        return {SIGNATURE_HEADER: variant.prefix + _encoded(_mac(body, secret), variant)}
    if timestamp is None:
        raise ValueError("this variant needs a timestamp")
    stamp = _stamp(timestamp, variant)
    signed = body if variant.content == "body" else stamp.encode() + _separator(variant) + body
    return {
        SIGNATURE_HEADER: variant.prefix + _encoded(_mac(signed, secret), variant),
        variant.timestamp_header or "X-BWAPI-Timestamp": stamp,
    }


def notification(
    document_id: str,
    *,
    task_id: str,
    task_type: str = "AccountingDocuments",
    sub_type: str = "WaitingForTransfer",
    expires: datetime | None = None,
) -> dict[str, str]:
    """The body of a push: a pointer to a document, without business data or a time of sending."""
    body = {
        "taskId": task_id,
        "taskStatus": "New",
        "taskType": task_type,
        "taskSubType": sub_type,
        "documentId": document_id,
    }
    if expires is not None:
        body["expirationTime"] = expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return body


async def push(
    notification: Mapping[str, object] | bytes,
    *,
    url: str,
    secret: str,
    client: httpx.AsyncClient,
    variant: Variant | None = None,
    timestamp: datetime | None = None,
) -> httpx.Response:
    """Sign and send one notification; bytes are sent as they are. Raises httpx.TransportError."""
    body = notification if isinstance(notification, bytes) else json.dumps(notification).encode()
    headers = {"Content-Type": "application/json", **sign(body, secret, variant=variant, timestamp=timestamp)}
    return await client.post(url, content=body, headers=headers)


def _mac(signed: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()


def _encoded(mac: bytes, variant: Variant) -> str:
    match variant.encoding:
        case "hex":
            return mac.hex()
        case "base64":
            return base64.b64encode(mac).decode()
        case "base64url":
            return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def _separator(variant: Variant) -> bytes:
    return variant.content.removeprefix("ts").removesuffix("body").replace("+", "").encode()


def _stamp(timestamp: datetime, variant: Variant) -> str:
    match variant.timestamp_format:
        case "epoch_s":
            return str(int(timestamp.timestamp()))
        case "epoch_ms":
            return str(int(timestamp.timestamp() * 1000))
        case "iso":
            return timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
