"""A push notification as Basware sends it: read from the raw body, tolerant of all but what makes it useless. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LONGEST_NAME = 250
"""Characters of an identifier; Basware documents 36 for invoices, longer than this is no identifier."""

REQUIRED = ("taskId", "taskStatus", "taskType", "documentId")


@dataclass(frozen=True, slots=True)
class Notification:
    """A pointer to a document (Basware API reference, push notifications): no business data, no time of sending.

    `digest` is the same for the same JSON object, however it is spaced or ordered.
    `expires_at` is None as well when `expiration_unreadable`.
    """

    task_id: str
    task_status: str
    task_type: str
    task_sub_type: str | None
    document_id: str
    expires_at: datetime | None
    expiration_unreadable: bool
    digest: str


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """Basware tries whether the address answers; it wants 200 and nothing else, and its other members are unknown."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No notification can be made of this body; the sentence says why, without repeating any of it."""

    sentence: str


def read(body: bytes) -> Notification | ConnectionTest | Unreadable:
    """What the raw body of a push says. Never raises, whatever the body holds."""
    try:
        value = json.loads(body.decode(), parse_float=_as_written, parse_constant=_refuse)
        digest = content_digest(value)
    except (ValueError, RecursionError):
        return Unreadable("The body is not JSON.")
    if not isinstance(value, dict):
        return Unreadable("The body is not a JSON object.")
    task_type = _text(value.get("taskType"))
    if task_type is not None and task_type.casefold() == "connectiontest":
        return ConnectionTest()
    missing = [name for name in REQUIRED if _text(value.get(name)) is None]
    if missing:
        return Unreadable(f"Missing, or not plain text of 1 to {LONGEST_NAME} characters: {', '.join(missing)}.")
    expiration = value.get("expirationTime")
    expires_at = instant(expiration) if isinstance(expiration, str) else None
    return Notification(
        task_id=value["taskId"],
        task_status=value["taskStatus"],
        task_type=value["taskType"],
        task_sub_type=_text(value.get("taskSubType")),
        document_id=value["documentId"],
        expires_at=expires_at,
        expiration_unreadable=expiration is not None and expires_at is None,
        digest=digest,
    )


def content_digest(value: Any) -> str:
    """16 hex digits for a JSON value: of its canonical form, so that spaces and the order of members do not matter."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def instant(text: str) -> datetime | None:
    """An ISO 8601 time as an aware instant, UTC where it names no zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _text(value: object) -> str | None:
    """The value when it is text that can stand in a subject, a log and a database column."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return None
    return value if len(value) <= LONGEST_NAME else None


def _as_written(literal: str) -> dict[str, str]:
    # No member that we use is a fraction; only the digest sees them, and it must tell 1.10 from "1.10".
    return {"fraction": literal}


def _refuse(literal: str) -> None:
    raise ValueError(f"{literal} is not JSON")
