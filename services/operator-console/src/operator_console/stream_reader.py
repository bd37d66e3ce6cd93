"""Reads a stream from a position on, by sequence; no consumer on the server that could be lost or left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from mlc_common.direct_get import LARGEST_BATCH, TooManyError, direct_get, following, sequence_of
from mlc_common.eventlog import EventLog
from mlc_common.events import Event, UnheardOfError
from mlc_common.failures import PermanentError
from mlc_common.streams import DEADLETTERS

log = structlog.stdlib.get_logger(__name__)


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
        found = await following(self._nats, stream, sequence, subject=subject, most=most, timeout=self._timeout)
        return [await self._read(message) for message in found]

    async def latest(self, stream: str, subjects: Sequence[str]) -> list[Read]:
        """The last message on every subject that fits one of these, oldest first.

        The server gives at most 1024 at once: where there are more, it is asked about fewer subjects at a time.

        Raises:
            TransientError: the broker is away.
        """
        if not subjects:
            return []
        try:
            found = await direct_get(self._nats, stream, {"multi_last": list(subjects)}, timeout=self._timeout)
        except TooManyError:
            half = len(subjects) // 2
            if not half:
                raise
            parts = [await self.latest(stream, part) for part in (subjects[:half], subjects[half:])]
            return sorted((each for part in parts for each in part), key=lambda read: read.sequence)
        return list(await asyncio.gather(*map(self._read, found)))

    async def raw(self, stream: str, request: Mapping[str, Any]) -> list[Msg]:
        """The messages of a batched direct get, as they are stored, with the headers that the server adds.

        Args:
            request: `batch`, `next_by_subj`, and `seq` or `start_time` (NATS ADR-31).

        Raises:
            TransientError: the broker is away.
        """
        return await direct_get(self._nats, stream, {"max_bytes": LARGEST_BATCH, **request}, timeout=self._timeout)

    async def last(self, stream: str, *subjects: str) -> list[Event]:
        """The last fact of every one of these subjects, at most 1024, in the order they happened.

        Raises:
            TransientError: the broker is away.
        """
        return [recorded.event for recorded in await self._events.last(stream, *subjects)]

    async def _read(self, message: Msg) -> Read:
        headers = message.headers or {}
        sequence = sequence_of(message)
        try:
            return Read(sequence, await self._events.resolve(message), headers)
        except (PermanentError, UnheardOfError) as error:  # what is shown must not wait for an upgrade
            subject = headers.get("Nats-Subject")
            # A dead letter may hold anything; that it is no event is nothing to complain about.
            tell = log.debug if headers.get("Nats-Stream") == DEADLETTERS else log.warning
            tell("event_not_understood", sequence=sequence, subject=subject, why=str(error))
            return Read(sequence, None, headers)
