"""Verify, record, answer; nothing else happens inside a push."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from mlc_common.eventlog import Appended
from mlc_common.events import NotificationReceived
from mlc_common.failures import PermanentError, TransientError
from mlc_common.telemetry import PushMetrics
from webhook_gateway.decision import Echo, Keep, Receiver, Refuse, decide
from webhook_gateway.push_budget import Budgets
from webhook_gateway.signature import FEWEST_ROUNDS, Push

log = structlog.stdlib.get_logger(__name__)

SERVICE_UNAVAILABLE = 503
STREAM_AWAY = "stream_away"
STREAM_REFUSED = "stream_refused"
TOO_MANY = "too_many"
RETRY_AFTER = 5.0
"""Seconds after which a push is worth another try when the stream is away and names no time itself."""


class Commit(Protocol):
    """Stores a notification for ever before it returns."""

    async def append(self, event: NotificationReceived, /) -> Appended: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender gets: a JSON body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Seldom:
    """Lets the same thing be said at most once in a while, so that nobody can fill the log from outside."""

    def __init__(self, pause: timedelta = timedelta(seconds=10)) -> None:
        self._pause = pause
        self._said: dict[str, datetime] = {}
        self._unsaid: dict[str, int] = {}

    def left_unsaid(self, key: str, now: datetime) -> int | None:
        """How often it was left unsaid since it was last said, or None when it is not to be said now."""
        last = self._said.get(key)
        if last is not None and now - last < self._pause:
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return None
        self._said[key] = now
        return self._unsaid.pop(key, 0)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a push is handled with. `receiver` looks a connection up in memory, None when there is none; `rounds` is how
    many MACs every push costs now, see `signature.rounds_for`.
    """

    commit: Commit
    receiver: Callable[[str], Receiver | None]
    now: Callable[[], datetime]
    counters: PushMetrics
    rounds: Callable[[], int] = lambda: FEWEST_ROUNDS
    seldom: Seldom = field(default_factory=Seldom)
    budgets: Budgets = field(default_factory=Budgets)


async def take_push(push: Push, *, receiver: Receiver | None, gateway: Gateway) -> Answer:
    """Judge one push, store it, and answer 200 with the object received only once the stream has it."""
    match decide(push, receiver=receiver, now=gateway.now(), rounds=gateway.rounds()):
        case Echo():
            gateway.counters.tested.inc()
            return Answer(200, push.body)
        case Refuse(status=status, reason=reason, sentence=sentence):
            name = receiver.name if receiver else "unknown"
            answer = refuse(status, reason, sentence, gateway=gateway, connection=name)
            return _later(answer, RETRY_AFTER) if status == SERVICE_UNAVAILABLE else answer
        case Keep(event=event) as keep:
            if wait := gateway.budgets.take(event.connection, keep.limit, event.at):
                sentence = "Too many pushes; come again later."
                return _later(refuse(429, TOO_MANY, sentence, gateway=gateway, connection=event.connection), wait)
            _tell(keep, gateway=gateway)
            return await _store(event, push.body, gateway=gateway)


def refuse(status: int, reason: str, sentence: str, *, gateway: Gateway, connection: str = "unknown") -> Answer:
    """Count a refusal and say why in the log; nothing of the body is kept."""
    gateway.counters.refused.labels(reason).inc()
    unsaid = gateway.seldom.left_unsaid(f"{connection} {reason}", gateway.now())
    if unsaid is not None:
        log.warning("push_refused", connection=connection, reason=reason, status=status, since_last=unsaid)
    return Answer(status, json.dumps({"message": sentence}).encode())


async def _store(event: NotificationReceived, body: bytes, *, gateway: Gateway) -> Answer:
    try:
        appended = await gateway.commit.append(event)
    except TransientError as failure:
        gateway.budgets.give_back(event.connection)
        answer = refuse(503, STREAM_AWAY, str(failure), gateway=gateway, connection=event.connection)
        return _later(answer, failure.retry_after or RETRY_AFTER)
    except PermanentError:
        gateway.budgets.give_back(event.connection)
        log.exception("push_not_stored", connection=event.connection)
        sentence = "The push could not be stored."
        answer = refuse(503, STREAM_REFUSED, sentence, gateway=gateway, connection=event.connection)
        return _later(answer, RETRY_AFTER)
    if appended.already:
        gateway.budgets.give_back(event.connection)
        gateway.counters.repeated.labels(event.connection).inc()
    else:
        gateway.counters.stored.labels(event.connection, event.variant).inc()
    return Answer(200, body)


def _later(answer: Answer, seconds: float) -> Answer:
    return Answer(answer.status, answer.body, {"Retry-After": str(math.ceil(seconds))})


def _tell(keep: Keep, *, gateway: Gateway) -> None:
    event = keep.event
    if keep.expiration_unreadable:
        log.warning("expiration_unreadable", connection=event.connection, digest=event.digest)
    if not keep.watching:
        return
    reason = keep.observed or "none"
    gateway.counters.observed.labels(event.connection, reason).inc()
    unsaid = gateway.seldom.left_unsaid(f"{event.connection} observe", event.at)
    if unsaid is not None:
        log.warning(
            "observe_mode_accepts_everything",
            connection=event.connection,
            variant=event.variant,
            would_refuse_for=reason,
            since_last=unsaid,
        )
