"""Guaranteed Delivery: append a fact and know that it is stored; read a document's history back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NotFoundError
from opentelemetry import propagate

from mlc_common.broker_errors import BROKER_AWAY as BROKER_AWAY
from mlc_common.broker_errors import EXPECTED_LAST as EXPECTED_LAST
from mlc_common.broker_errors import MESSAGE_ID as MESSAGE_ID
from mlc_common.broker_errors import WRONG_LAST_SEQUENCE as WRONG_LAST_SEQUENCE
from mlc_common.claimcheck import ClaimCheck
from mlc_common.direct_get import every, following, last_of_each, sequence_of
from mlc_common.document_keys import DocumentKeys
from mlc_common.events import DocumentApproved, Event, NotificationReceived, Operation, UnheardOfError, parse_event
from mlc_common.failures import PermanentError, TransientError
from mlc_common.message_spans import sending
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import DOCUMENTS, MASTERDATA, NOTIFICATIONS, OPERATIONS, history_subject

PATIENCE_WITH_THE_UNHEARD_OF = timedelta(days=1)
"""How old a fact of an unknown type may be to be a newer version's, whose roll-out is under way."""


@dataclass(frozen=True)
class Appended:
    """Where the fact stands; `already` when it stood there before this append."""

    sequence: int
    already: bool = False


@dataclass(frozen=True)
class Recorded:
    """A fact as the stream holds it; `traceparent` names the span that recorded it."""

    event: Event
    sequence: int
    stored_at: datetime
    traceparent: str | None = None


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
    """The streams, seen as a log of facts.

    Args:
        now: the clock, for how long a fact of an unknown type is waited with.
    """

    def __init__(
        self, nats: Client, *, timeout: float, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._now = now
        self._nats = nats
        self._stream = nats.jetstream(timeout=timeout)
        self._claims = ClaimCheck(nats, timeout=timeout)
        self._keys = DocumentKeys(nats, timeout=timeout)
        self._timeout = timeout

    async def append(self, event: Event, *, after: int | None = None) -> Appended:
        """Store a fact and wait until the stream says that it has it.

        A fact that can hold only once is refused a second time for ever; if the same fact stands there already
        (this append is a retry), that counts as done. The same holds for a fact that was decided on what stood last
        on its subject: `after` is the sequence of that, 0 for nothing.

        Raises:
            TransientError: the broker is away or slow; whether the fact was stored is unknown, appending again is safe.
            PermanentError: another fact stands where this one may stand only once, or the stream refuses it.
        """
        with sending(event.subject, event.id):
            return await self._append(event, after=after)

    async def _append(self, event: Event, *, after: int | None) -> Appended:
        try:
            guard = {} if after is None else {EXPECTED_LAST: str(after)}
            payload, claim = await self._claims.check_in(await self.stored_form(event))
            acknowledged = await self._stream.publish(
                event.subject, payload, stream=stream_of(event), headers=headers_of(event) | guard | claim
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

    async def stored_form(self, event: Event) -> bytes:
        """The bytes that the stream keeps of a fact: JSON, personal members of a document sealed.

        Raises:
            TransientError: the broker is away.
        """
        return await self._keys.sealed(event) if isinstance(event, DocumentApproved) else event.to_json()

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
        return await self.last(DOCUMENTS, history_subject(connection, invoice_id))

    async def last(self, stream: str, *subjects: str) -> tuple[Recorded, ...]:
        """The last fact of every subject that one of the filters names, in the order they happened.

        Ask for fewer than 1024 where you can: more than that are read one by one.

        Raises:
            TransientError: the broker is away.
        """
        found = [
            await self._recorded(message)
            for message in await last_of_each(self._nats, stream, subjects, timeout=self._timeout)
        ]
        return tuple(sorted(found, key=lambda recorded: recorded.sequence))

    async def message(self, stream: str, sequence: int, *subjects: str) -> Msg | None:
        """The message at a place of a stream, as it is stored; None when it is gone, or of none of these subjects.

        Raises:
            TransientError: the broker is away.
        """
        for subject in subjects:
            found = await following(self._nats, stream, sequence - 1, subject=subject, most=1, timeout=self._timeout)
            if found and sequence_of(found[0]) == sequence:
                return found[0]
        return None

    async def timeline(self, connection: str, invoice_id: str) -> list[Recorded]:
        """Every fact of one accounting document, oldest first.

        Raises:
            TransientError: the broker is away.
        """
        subject = history_subject(connection, invoice_id)
        return [
            await self._recorded(message)
            async for message in every(self._nats, DOCUMENTS, subject, timeout=self._timeout)
        ]

    async def facts(self, stream: str, subject: str) -> AsyncIterator[Recorded]:
        """Every fact of a stream whose subject matches, oldest first, a hundred in memory at a time.

        Raises:
            TransientError: the broker is away.
        """
        async for message in every(self._nats, stream, subject, timeout=self._timeout):
            yield await self._recorded(message)

    async def resolve(self, message: Msg) -> Event:
        """The event of a delivered message, its claim check resolved and its personal members opened.

        Raises:
            PermanentError: it is no event, its content is gone, or no version of a day knows its type.
            UnheardOfError: this version does not know its type; a newer one may be about to handle it.
            TransientError: the broker is away.
        """
        try:
            return await self._event(message.data, message.headers)
        except BROKER_AWAY as error:
            raise TransientError("The object store does not answer.") from error
        except UnheardOfError as error:
            if self._now() - _stored_at(message) < PATIENCE_WITH_THE_UNHEARD_OF:
                raise
            raise PermanentError(f"{error} It was stored more than a day ago.") from error

    async def _event(self, payload: bytes, headers: Mapping[str, str] | None) -> Event:
        return parse_event(await self._keys.opened(await self._claims.check_out(payload, headers)))

    async def _recorded(self, message: Msg) -> Recorded:
        return Recorded(
            event=await self.resolve(message),
            sequence=sequence_of(message),
            stored_at=_stored_at(message),
            traceparent=(message.headers or {}).get("traceparent"),
        )


def _stored_at(message: Msg) -> datetime:
    """When the stream took a message, read directly or delivered."""
    told = (message.headers or {}).get("Nats-Time-Stamp")
    return message.metadata.timestamp if told is None else datetime.fromisoformat(told)
