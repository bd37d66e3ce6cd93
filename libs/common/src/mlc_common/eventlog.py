"""Guaranteed Delivery: append a fact and know that it is stored; read a document's history back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError, ServiceUnavailableError
from opentelemetry import propagate

from mlc_common.claimcheck import ClaimCheck
from mlc_common.events import Event, NotificationReceived, Operation, parse_event
from mlc_common.failures import PermanentError, TransientError
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import DOCUMENTS, MASTERDATA, NOTIFICATIONS, OPERATIONS, history_subject

WRONG_LAST_SEQUENCE = 10071
MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
BROKER_AWAY = (
    nats.errors.TimeoutError,
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionDrainingError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.NoServersError,
    nats.errors.NoRespondersError,
    nats.errors.OutboundBufferLimitError,
    NoStreamResponseError,
    ServiceUnavailableError,
)


@dataclass(frozen=True)
class Appended:
    """Where the fact stands; `already` when it stood there before this append."""

    sequence: int
    already: bool = False


@dataclass(frozen=True)
class Recorded:
    """A fact as the stream holds it."""

    event: Event
    sequence: int
    stored_at: datetime


def stream_of(event: Event) -> str:
    """The stream that holds this kind of event."""
    match event:
        case NotificationReceived():
            return NOTIFICATIONS
        case FactOfDocument():
            return DOCUMENTS
        case _:
            return OPERATIONS if isinstance(event, Operation) else MASTERDATA


def headers_of(event: Event) -> dict[str, str]:
    """The headers of an event's message: its id, the once-for-ever guard, and the trace it belongs to."""
    headers = {MESSAGE_ID: event.id}
    if event.once:
        headers[EXPECTED_LAST] = "0"
    propagate.inject(headers)
    return headers


class EventLog:
    """The streams, seen as a log of facts."""

    def __init__(self, nats: Client, *, timeout: float) -> None:
        self._nats = nats
        self._stream = nats.jetstream(timeout=timeout)
        self._claims = ClaimCheck(nats, timeout=timeout)
        self._timeout = timeout

    async def append(self, event: Event) -> Appended:
        """Store a fact and wait until the stream says that it has it.

        A fact that can hold only once is refused a second time for ever; if the same fact stands there already
        (this append is a retry), that counts as done.

        Raises:
            TransientError: the broker is away or slow; whether the fact was stored is unknown, appending again is safe.
            PermanentError: another fact stands where this one may stand only once, or the stream refuses it.
        """
        try:
            payload, claim = await self._claims.check_in(event.to_json())
            acknowledged = await self._stream.publish(
                event.subject, payload, stream=stream_of(event), headers=headers_of(event) | claim
            )
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer; the fact is appended again later.") from error
        except APIError as error:
            if error.code is not None and error.code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise TransientError(f"The stream cannot store {event.id} now: {error.description}.") from error
            if error.err_code != WRONG_LAST_SEQUENCE:
                raise PermanentError(f"The stream refused {event.id}: {error.description}.") from error
            return await self.standing(event)
        return Appended(acknowledged.seq, already=bool(acknowledged.duplicate))

    async def standing(self, event: Event) -> Appended:
        """Where a once-only fact stands that the stream refused to store again.

        Raises:
            TransientError: the broker is away.
            PermanentError: it is another fact that stands on this subject.
        """
        try:
            last = await self._stream.get_last_msg(stream_of(event), event.subject)
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer; the fact is appended again later.") from error
        except NotFoundError as error:
            raise TransientError(f"The stream refused {event.id} but holds no such fact.") from error
        if (last.headers or {}).get(MESSAGE_ID) != event.id or last.seq is None:
            raise PermanentError(f"Another fact stands where {event.id} may stand only once.")
        return Appended(last.seq, already=True)

    async def history(self, connection: str, invoice_id: str) -> tuple[Recorded, ...]:
        """The last fact of every kind and attempt of one accounting document, in the order they happened.

        Raises:
            TransientError: the broker is away.
        """
        request = json.dumps({"multi_last": [history_subject(connection, invoice_id)]}).encode()
        inbox = self._nats.new_inbox()
        subscription = await self._nats.subscribe(inbox)
        found: list[Recorded] = []
        try:
            await self._nats.publish(f"$JS.API.DIRECT.GET.{DOCUMENTS}", request, reply=inbox)
            while (message := await subscription.next_msg(timeout=self._timeout)).headers is not None:
                status = message.headers.get("Status")
                if status in ("204", "404"):
                    return tuple(sorted(found, key=lambda recorded: recorded.sequence))
                if status is not None:
                    raise TransientError(f"The event stream answered {status} when asked for a history.")
                found.append(await self._recorded(message.data, message.headers))
            raise TransientError("The event stream answered a history without headers.")
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer when asked for a history.") from error
        finally:
            await subscription.unsubscribe()

    async def timeline(self, connection: str, invoice_id: str) -> list[Recorded]:
        """Every fact of one accounting document, oldest first.

        Raises:
            TransientError: the broker is away.
        """
        return [recorded async for recorded in self._read(DOCUMENTS, history_subject(connection, invoice_id))]

    async def resolve(self, message: Msg) -> Event:
        """The event of a delivered message, its claim check resolved.

        Raises:
            PermanentError: it is no event this version knows, or its content is gone.
            TransientError: the broker is away.
        """
        try:
            return parse_event(await self._claims.check_out(message.data, message.headers))
        except BROKER_AWAY as error:
            raise TransientError("The object store does not answer.") from error

    async def _read(self, stream: str, subject: str) -> Any:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=30
        )
        try:
            reading = await self._stream.pull_subscribe(subject, stream=stream, config=config)
            pending = (await reading.consumer_info()).num_pending
            while pending:
                messages = await reading.fetch(min(pending, 100), timeout=self._timeout)
                pending -= len(messages)
                for message in messages:
                    stored = message.metadata
                    yield Recorded(await self.resolve(message), stored.sequence.stream, stored.timestamp)
            await reading.unsubscribe()
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error

    async def _recorded(self, payload: bytes, headers: Mapping[str, str]) -> Recorded:
        event = parse_event(await self._claims.check_out(payload, headers))
        return Recorded(
            event=event,
            sequence=int(headers["Nats-Sequence"]),
            stored_at=datetime.fromisoformat(headers["Nats-Time-Stamp"]),
        )
