"""Reads a stream from a position on, by sequence; no consumer on the server that could be lost or left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from mlc_common.eventlog import BROKER_AWAY, EventLog
from mlc_common.events import Event
from mlc_common.failures import PermanentError, TransientError

log = structlog.stdlib.get_logger(__name__)

LARGEST_BATCH = 8 * 1024 * 1024
END = "204"
NOTHING = "404"
TOO_MANY = "413"


class TooManyError(TransientError):
    """The answer would be longer than the server gives at once."""


@dataclass(frozen=True)
class Read:
    """One message; `event` is None when this version of the program does not understand it (it is logged)."""

    sequence: int
    event: Event | None
    headers: Mapping[str, str] = field(default_factory=dict)


class StreamReader:
    """Batches of a stream through the server's direct get."""

    def __init__(self, nats: Client, events: EventLog, *, timeout: float) -> None:
        self._nats = nats
        self._events = events
        self._timeout = timeout

    async def after(self, stream: str, sequence: int, *, most: int, subject: str = ">") -> list[Read]:
        """At most so many messages of this subject that follow this sequence, in order; none when there are no more.

        Raises:
            TransientError: the broker is away.
        """
        return await self._asked(
            stream, {"seq": sequence + 1, "next_by_subj": subject, "batch": most, "max_bytes": LARGEST_BATCH}
        )

    async def latest(self, stream: str, subjects: Sequence[str]) -> list[Read]:
        """The last message on every subject that fits one of these, oldest first.

        The server gives at most 1024 at once: where there are more, it is asked about fewer subjects at a time.

        Raises:
            TransientError: the broker is away.
        """
        if not subjects:
            return []
        try:
            return await self._asked(stream, {"multi_last": list(subjects)})
        except TooManyError:
            half = len(subjects) // 2
            if not half:
                raise
            parts = [await self.latest(stream, part) for part in (subjects[:half], subjects[half:])]
            return sorted((each for part in parts for each in part), key=lambda read: read.sequence)

    async def _asked(self, stream: str, request: dict[str, Any]) -> list[Read]:
        inbox = self._nats.new_inbox()
        try:
            subscription = await self._nats.subscribe(inbox)
            try:
                await self._nats.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
                messages = []
                while not self._is_last(message := await subscription.next_msg(timeout=self._timeout)):
                    messages.append(message)
            finally:
                await subscription.unsubscribe()
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        return [await self._read(message) for message in messages]

    @staticmethod
    def _is_last(message: Msg) -> bool:
        status = (message.headers or {}).get("Status")
        if status in (END, NOTHING):
            return True
        if status == TOO_MANY:
            raise TooManyError("The event stream holds more messages than it gives at once.")
        if status is not None or message.headers is None:
            raise TransientError(f"The event stream answered {status} when it was read.")
        return False

    async def _read(self, message: Msg) -> Read:
        headers = message.headers or {}
        sequence = int(headers["Nats-Sequence"])
        try:
            return Read(sequence, await self._events.resolve(message), headers)
        except PermanentError as error:
            subject = headers.get("Nats-Subject")
            log.warning("event_not_understood", sequence=sequence, subject=subject, why=str(error))
            return Read(sequence, None, headers)
