"""Group commit: appends that wait at the same time share one synced write of the stream; none waits for company."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Self
from uuid import uuid4

from nats.aio.client import Client

from mlc_common.eventlog import BROKER_AWAY, Appended, EventLog, headers_of
from mlc_common.events import Event
from mlc_common.failures import TransientError
from mlc_common.message_spans import sending
from mlc_common.streams import LARGEST_MESSAGE

BATCHES_IN_FLIGHT = 2
"""Writes under way at once: while one is synced to disk, the next is on its way."""

LARGEST_WRITE = 1024 * 1024
"""Bytes of payload that share one write; what is beyond waits for the next."""


@dataclass(eq=False)
class _Waiting:
    event: Event
    payload: bytes
    headers: dict[str, str]
    context: Context
    stored: asyncio.Future[Appended]


class GroupCommit:
    """Appends once-only events of one stream as `EventLog.append` does, faster when many come at the same time.

    An append that finds the stream idle is published at once; those that arrive while a write is under way form the
    next atomic batch. The server takes a batch whole or not at all, so after a refused batch its members are appended
    one by one and a duplicate does not hurt its neighbours.

    Args:
        timeout: seconds an append waits for the stream's acknowledgement, its time in the queue included.
        largest_batch: events that share one write at most.
        waiting: events that may queue; one more is refused at once, so that a slow broker cannot fill the memory.
        waiting_bytes: bytes of payload that may wait or be under way, for the same reason.
    """

    def __init__(
        self,
        nats: Client,
        *,
        timeout: float,
        largest_batch: int = 64,
        waiting: int = 2048,
        waiting_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self._nats = nats
        self._log = EventLog(nats, timeout=timeout)
        self._timeout = timeout
        self._largest_batch = largest_batch
        self._room = waiting
        self._bytes_left = waiting_bytes
        self._queue: deque[_Waiting] = deque()
        self._known: dict[str, _Waiting] = {}
        self._flights: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take nothing more and wait for what is under way."""
        self._closed = True
        while self._flights:
            await asyncio.wait(self._flights)

    async def append(self, event: Event) -> Appended:
        """Store a fact and wait until the stream says that it has it.

        Raises:
            TransientError: the broker is away or slow, or too many wait already; appending again is safe.
            PermanentError: another fact stands where this one may stand only once, or the stream refuses it.
        """
        first = self._known.get(event.id)
        if first is not None:
            return replace(await self._outcome(first), already=True)
        if self._closed or not self._nats.is_connected:
            raise TransientError("The event stream is away; the fact is appended again later.")
        payload = await self._log.stored_form(event)
        if len(self._queue) >= self._room or len(payload) > self._bytes_left:
            raise TransientError("Too many facts wait for the event stream already.", retry_after=1)
        if len(payload) > LARGEST_MESSAGE:
            return await self._alone(event, len(payload))
        with sending(event.subject, event.id):
            return await self._outcome(self._enqueue(event, payload))

    async def _alone(self, event: Event, size: int) -> Appended:
        self._bytes_left -= size
        try:
            return await self._log.append(event)
        finally:
            self._bytes_left += size

    def _enqueue(self, event: Event, payload: bytes) -> _Waiting:
        stored: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        one = _Waiting(event, payload, headers_of(event), copy_context(), stored)
        self._known[event.id] = one
        stored.add_done_callback(lambda _: self._known.pop(event.id))
        # The outcome is marked as seen: whoever asked may be gone.
        stored.add_done_callback(asyncio.Future.exception)
        self._queue.append(one)
        self._bytes_left -= len(payload)
        self._launch()
        return one

    async def _outcome(self, one: _Waiting) -> Appended:
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(one.stored)
        except TimeoutError as error:
            late = TransientError("The event stream does not answer in time; appending again is safe.")
            if not one.stored.done():
                one.stored.set_exception(late)
            raise late from error

    def _launch(self) -> None:
        while len(self._flights) < BATCHES_IN_FLIGHT and (batch := self._take()):
            flight = asyncio.create_task(self._fly(batch))
            self._flights.add(flight)
            flight.add_done_callback(partial(self._landed, batch))

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < self._largest_batch:
            size += len(self._queue[0].payload)
            if batch and size > LARGEST_WRITE:
                break
            one = self._queue.popleft()
            if one.stored.done():
                self._bytes_left += len(one.payload)
            else:
                batch.append(one)
        return batch

    def _landed(self, batch: Sequence[_Waiting], flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self._bytes_left += sum(len(one.payload) for one in batch)
        error = TransientError("The append was cut short.") if flight.cancelled() else flight.exception()
        for one in batch:
            if error is not None and not one.stored.done():
                one.stored.set_exception(error)
        self._launch()

    async def _fly(self, batch: Sequence[_Waiting]) -> None:
        if len(batch) > 1 and (last := await self._together(batch)) is not None:
            for position, one in enumerate(batch, last - len(batch) + 1):
                _settle(one, Appended(position))
            return
        appends = [asyncio.create_task(self._log.append(one.event), context=one.context) for one in batch]
        for one, outcome in zip(batch, await asyncio.gather(*appends, return_exceptions=True), strict=True):
            _settle(one, outcome)

    async def _together(self, batch: Sequence[_Waiting]) -> int | None:
        """The sequence of the last one when the batch was stored whole, None when the server refused it."""
        ident = uuid4().hex
        *others, last = (
            (one, one.headers | {"Nats-Batch-Id": ident, "Nats-Batch-Sequence": str(position)})
            for position, one in enumerate(batch, 1)
        )
        try:
            for one, headers in others:
                await self._nats.publish(one.event.subject, one.payload, headers=headers)
            one, headers = last
            answer = await self._nats.request(
                one.event.subject, one.payload, timeout=self._timeout, headers=headers | {"Nats-Batch-Commit": "1"}
            )
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer; the fact is appended again later.") from error
        stored = json.loads(answer.data)
        # A server that knows no batches stores the messages one by one and counts none.
        return stored["seq"] if stored.get("count") == len(batch) else None


def _settle(one: _Waiting, outcome: Appended | BaseException) -> None:
    if one.stored.done():
        return
    if isinstance(outcome, BaseException):
        one.stored.set_exception(outcome)
    else:
        one.stored.set_result(outcome)
