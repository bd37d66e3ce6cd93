"""Reads a stream from a position on, by sequence; no consumer on the server that could be lost or left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import nats.errors
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


@dataclass(frozen=True)
class Read:
    """One message; `event` is None when this version of the program does not understand it (it is logged)."""

    sequence: int
    event: Event | None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def stored_at(self) -> datetime:
        """When the broker stored it."""
        return datetime.fromisoformat(self.headers["Nats-Time-Stamp"])

    @property
    def pending(self) -> int:
        """How many messages of the question were behind it when it was read."""
        return int(self.headers["Nats-Num-Pending"])


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
        request = {"seq": sequence + 1, "next_by_subj": subject, "batch": most, "max_bytes": LARGEST_BATCH}
        messages: list[Msg] = []
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def take(message: Msg) -> None:
            if (message.headers or {}).get("Status") is None and message.headers is not None:
                messages.append(message)
            elif not ended.done():
                ended.set_result(None) if self._is_last(message) else ended.set_exception(_wrong(message))

        inbox = self._nats.new_inbox()
        try:
            subscription = await self._nats.subscribe(inbox, cb=take)
            try:
                await self._nats.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
                await self._until(ended, messages)
            finally:
                await subscription.unsubscribe()
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        return [await self._read(message) for message in messages]

    async def _until(self, ended: asyncio.Future[None], messages: Sequence[Msg]) -> None:
        """Wait for the end of the answer, as long as it goes on."""
        before = -1
        while not ended.done():
            if len(messages) == before:
                raise nats.errors.TimeoutError
            before = len(messages)
            await asyncio.wait((ended,), timeout=self._timeout)
        ended.result()

    @staticmethod
    def _is_last(message: Msg) -> bool:
        return (message.headers or {}).get("Status") in (END, NOTHING)

    async def _read(self, message: Msg) -> Read:
        headers = message.headers or {}
        sequence = int(headers["Nats-Sequence"])
        try:
            return Read(sequence, await self._events.resolve(message), headers)
        except PermanentError as error:
            subject = headers.get("Nats-Subject")
            log.warning("event_not_understood", sequence=sequence, subject=subject, why=str(error))
            return Read(sequence, None, headers)


def _wrong(message: Msg) -> TransientError:
    status = (message.headers or {}).get("Status")
    return TransientError(f"The event stream answered {status} when it was read.")
