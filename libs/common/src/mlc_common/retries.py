"""Backoff, then the Dead Letter Channel: the one place that decides what a failure becomes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

import structlog
from faststream.nats.message import NatsMessage
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext

from mlc_common.broker_errors import BROKER_AWAY, MESSAGE_ID
from mlc_common.eventlog import EventLog
from mlc_common.events import Event, Redelivery
from mlc_common.failures import PermanentError, TransientError
from mlc_common.message_spans import processing, sending
from mlc_common.settings import Timings
from mlc_common.streams import DEADLETTERS, Durable, dead_letter_subject
from mlc_common.telemetry import Metrics

log = structlog.stdlib.get_logger(__name__)

PATIENCE_WITH_BUGS = 5
"""Unforeseen failures of one message in this process before it becomes a dead letter; pauses do not count."""

MOST_REMEMBERED = 10_000
"""Messages whose unforeseen failures are remembered."""


@dataclass(frozen=True)
class Delivery:
    """How a message came: `tries` is 1 the first time; `sequence` is its place in the stream.

    `asked` is when a person had it handed out again, after it had been given up.
    """

    tries: int
    sequence: int
    asked: datetime | None = None

    def begun(self, at: datetime) -> datetime:
        """Since when there is patience with an event of that instant: since then, or since a person asked anew."""
        return at if self.asked is None else max(at, self.asked)


Handler = Callable[[Any, Delivery], Awaitable[None]]


@dataclass(frozen=True)
class _Work:
    """What is in hand: the message that was delivered, or the one that it says is handed out again."""

    message: Msg
    subject: str
    delivery: Delivery


class Redact(Protocol):
    """Removes secrets from a text."""

    def clean(self, value: Any) -> Any: ...


def pause(tries: int, timings: Timings, *, jitter: float) -> float:
    """Seconds to wait after the `tries`-th failure: doubling up to the ceiling; `jitter` from 0 to 1 shortens it."""
    longest: float = min(timings.retry_ceiling, timings.retry_base * 2 ** min(tries - 1, 30))
    return longest * (1 - 0.3 * jitter)


class RetryOrBury:
    """Runs a durable's handler and settles its message: acknowledged, tried again later, or buried.

    Args:
        keep_alive: seconds between two signs of life for a message in hand.
    """

    def __init__(
        self,
        durable: Durable,
        handler: Handler,
        *,
        log: EventLog,
        stream: JetStreamContext,
        timings: Timings,
        metrics: Metrics,
        redact: Redact,
        keep_alive: float,
    ) -> None:
        self._durable = durable
        self._handler = handler
        self._log = log
        self._stream = stream
        self._timings = timings
        self._metrics = metrics
        self._redact = redact
        self._signs_of_life = keep_alive
        self._bugs: dict[int, int] = {}

    async def __call__(self, message: NatsMessage) -> None:
        """Handle one message; whatever happens, it is settled or left for redelivery."""
        raw: Msg = message.raw_message
        delivery = Delivery(tries=raw.metadata.num_delivered, sequence=raw.metadata.sequence.stream)
        started = time.perf_counter()
        alive = asyncio.create_task(self._keep_alive(raw))
        try:
            with processing(raw, self._durable) as current:
                how = await self._settle(raw, delivery)
                current.set_attribute("mlc.settled", how)
        except BROKER_AWAY:
            # The outcome is in the stream or it is not; the redelivery finds out.
            log.warning("message_not_settled", durable=self._durable.name, sequence=delivery.sequence)
            how = "not settled"
        except (Error, ValueError):
            # The broker does not take what settles it: nobody else would say so, and it comes again.
            log.exception("message_not_settled", durable=self._durable.name, sequence=delivery.sequence)
            how = "not settled"
        finally:
            alive.cancel()
        self._metrics.handled.labels(self._durable.name, how).inc()
        self._metrics.handling.labels(self._durable.name).observe(time.perf_counter() - started)

    async def _settle(self, raw: Msg, delivery: Delivery) -> str:
        work = _Work(raw, raw.subject, delivery)
        try:
            event: Event = await self._log.resolve(raw)
            if isinstance(event, Redelivery):
                work = await self._given_up_before(event, delivery)
                event = await self._log.resolve(work.message)
            await self._handler(event, work.delivery)
        except TransientError as failure:
            return await self._again(raw, delivery, failure)
        except PermanentError as failure:
            return await self._bury(raw, work, failure)
        except Exception as bug:  # the one boundary: a bug must not lose or spin a message
            if self._bugs_of(delivery) < PATIENCE_WITH_BUGS:
                log.exception(
                    "handler_failed", durable=self._durable.name, sequence=delivery.sequence, tries=delivery.tries
                )
                return await self._again(raw, delivery, TransientError(f"Unexpected {type(bug).__name__}."))
            return await self._bury(raw, work, bug)
        await raw.ack()
        self._bugs.pop(delivery.sequence, None)
        return "handled"

    async def _given_up_before(self, event: Redelivery, delivery: Delivery) -> _Work:
        """The message that was buried, as the stream holds it; it was tried before, so the handler looks first.

        Raises:
            PermanentError: the stream holds it no longer, or it was never this durable's.
        """
        found = await self._log.message(self._durable.stream, event.sequence, *self._durable.work)
        if found is None:
            raise PermanentError(f"The stream holds no message {event.sequence} of the durable {self._durable.name}.")
        subject = (found.headers or {})["Nats-Subject"]
        return _Work(found, subject, Delivery(delivery.tries + 1, event.sequence, asked=event.at))

    def _bugs_of(self, delivery: Delivery) -> int:
        """How often this message has failed in an unforeseen way, this time included."""
        times = self._bugs.pop(delivery.sequence, 0) + 1
        self._bugs[delivery.sequence] = times
        while len(self._bugs) > MOST_REMEMBERED:
            del self._bugs[next(iter(self._bugs))]
        return times

    async def _again(self, raw: Msg, delivery: Delivery, failure: TransientError) -> str:
        wait = failure.retry_after
        if wait is None:
            wait = pause(delivery.tries, self._timings, jitter=random.random())  # noqa: S311 - spreading load, no secret
        level = log.info if not failure.counts else log.warning
        level(
            "tried_again_later",
            durable=self._durable.name,
            sequence=delivery.sequence,
            tries=delivery.tries,
            seconds=round(wait, 3),
            why=str(failure),
        )
        await raw.nak(delay=wait)
        return "again" if failure.counts else "waits"

    async def _bury(self, raw: Msg, work: _Work, failure: Exception) -> str:
        came, delivery = raw.metadata, work.delivery
        # What the server says of a message that is stored would be taken for what it says of the letter.
        headers = {name: each for name, each in (work.message.headers or {}).items() if not name.startswith("Nats-")}
        headers |= {
            MESSAGE_ID: f"deadletter/{self._durable.name}/{came.sequence.stream}/{came.num_delivered}",
            "Failure-Class": type(failure).__name__,
            "Failure": _one_line(self._redact.clean(str(failure))),
            "Subject": work.subject,
            "Stream": self._durable.stream,
            "Sequence": str(delivery.sequence),
            "Durable": self._durable.name,
            "Tries": str(came.num_delivered),
            "Buried-At": datetime.now(UTC).isoformat(),
            "Code-Version": version("ml-connector"),
        }
        subject = dead_letter_subject(self._durable.name)
        with sending(subject, headers[MESSAGE_ID]):
            await self._stream.publish(subject, work.message.data, stream=DEADLETTERS, headers=headers)
        log.error(
            "dead_letter", durable=self._durable.name, sequence=delivery.sequence, why=str(failure), exc_info=failure
        )
        await raw.term()
        self._bugs.pop(came.sequence.stream, None)
        return "buried"

    async def _keep_alive(self, raw: Msg) -> None:
        while True:
            await asyncio.sleep(self._signs_of_life)
            with suppress(*BROKER_AWAY):  # while it is away it redelivers nothing either
                await raw.in_progress()


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
