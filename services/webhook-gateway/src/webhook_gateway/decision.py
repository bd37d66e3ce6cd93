"""What a push becomes: kept, merely answered, or refused with a reason. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from mlc_basware.notification import ConnectionTest, Notification, Unreadable, read
from mlc_common.connection import Webhook
from mlc_common.events import NotificationReceived
from webhook_gateway.push_budget import Limit, limit_of
from webhook_gateway.signature import FEWEST_ROUNDS, Push, Reason, verify

UNVERIFIED = "unverified"
UNREADABLE = "unreadable"
LOCKED = "secrets_locked"

UNTRUSTED = "The push was not accepted."
"""The one answer to everybody we do not trust, whatever the reason."""

NOBODY = Webhook()

LARGEST_TEST = 4 * 1024
"""Bytes of a connection test. A larger body that nobody signed is not even read: reading is what costs most."""

_UNREAD = Unreadable("It was not read.")


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the gateway knows of the connection a push names; `secrets` may be empty.

    `locked` says that there are secrets which our master keys do not open, so that nothing can be verified now.
    """

    name: str
    webhook: Webhook
    secrets: tuple[str, ...]
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """Store this event within the limit, then answer 200.

    `observed` is the reason it would be refused for if the connection enforced; `watching` whether it only observes.
    """

    event: NotificationReceived
    observed: str | None
    watching: bool
    expiration_unreadable: bool
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Echo:
    """Answer 200 and do nothing: a connection test."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with this status; `reason` is for counters and logs, `sentence` for the caller."""

    status: int
    reason: str
    sentence: str


def decide(
    push: Push, *, receiver: Receiver | None, now: datetime, rounds: int = FEWEST_ROUNDS
) -> Keep | Echo | Refuse:
    """Judge a push for the connection it names, or for none. An unknown one costs the same work as a known one.

    One exception: pushes for a connection whose secrets do not open must come again, so their 503 tells that it exists.

    Args:
        rounds: MACs to compute, see `signature.rounds_for`.
    """
    secrets, webhook = ((), NOBODY) if receiver is None else (receiver.secrets, receiver.webhook)
    verdict = verify(push, secrets=secrets, webhook=webhook, now=now, rounds=rounds)
    watching = webhook.mode == "observe"
    distrust = None if watching else verdict.reason
    content = read(push.body) if distrust is None or len(push.body) <= LARGEST_TEST else _UNREAD
    if isinstance(content, ConnectionTest):
        return Echo()
    if receiver is None:
        return Refuse(401, Reason.UNKNOWN_CONNECTION, UNTRUSTED)
    if receiver.locked:
        return Refuse(503, LOCKED, "Pushes cannot be verified now; come again later.")
    if distrust is not None:
        return Refuse(401, distrust, UNTRUSTED)
    variant = verdict.variant or UNVERIFIED
    if isinstance(content, Notification):
        event = _event(content, push.body, connection=receiver.name, variant=variant, now=now)
        return Keep(event, verdict.reason, watching, content.expiration_unreadable, limit_of(webhook))
    if not watching:
        return Refuse(422, UNREADABLE, content.sentence)
    event = _unreadable_event(content, push.body, connection=receiver.name, variant=variant, now=now)
    return Keep(event, verdict.reason or UNREADABLE, watching, expiration_unreadable=False, limit=limit_of(webhook))


def _event(
    notification: Notification, body: bytes, *, connection: str, variant: str, now: datetime
) -> NotificationReceived:
    return NotificationReceived(
        connection=connection,
        at=now,
        task_id=notification.task_id,
        task_type=notification.task_type,
        task_sub_type=notification.task_sub_type,
        task_status=notification.task_status,
        document_id=notification.document_id,
        expires_at=notification.expires_at,
        variant=variant,
        digest=notification.digest,
        body=body.decode(),
    )


def _unreadable_event(
    content: Unreadable, body: bytes, *, connection: str, variant: str, now: datetime
) -> NotificationReceived:
    """First contact: what we cannot read is the very thing to look at, so observe mode keeps it under no task."""
    return NotificationReceived(
        connection=connection,
        at=now,
        task_id=UNREADABLE,
        task_type=UNREADABLE,
        task_status=content.sentence,
        document_id=UNREADABLE,
        variant=variant,
        digest=hashlib.sha256(body).hexdigest()[:16],
        body=body.decode(errors="backslashreplace"),
    )
