"""Sending invoices on their way, and noticing when they are answered without disturbing the services."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from nats.aio.msg import Msg

from bench.line import line
from bench.place import CONNECTION, Place
from mlc_common.streams import token
from mlc_sandbox.basware.webhook import notification, sign
from mlc_sandbox.samples import bulk_invoices
from operator_console.demo_scenario import WEBHOOK_SECRET

SENDERS = 8


async def offer(place: Place, number: int) -> list[str]:
    """Put so many new approved documents into Basware; their ids."""
    if place.static:
        return [uuid.uuid4().hex for _ in range(number)]
    documents: list[dict[str, Any]] = bulk_invoices(number, seed=uuid.uuid4().int % 10**9)
    await place.far_sides.offer(documents)
    return [each["invoiceId"] for each in documents]


async def push(place: Place, ids: Sequence[str]) -> None:
    """Push a notification for each of these documents.

    Raises:
        RuntimeError: the gateway did not take one.
    """
    waiting = list(ids)
    target = urlsplit(place.hook).path

    async def send() -> None:
        async with line(place.hook) as sender:
            while waiting:
                body = json.dumps(notification(waiting.pop(), task_id=str(uuid.uuid4()))).encode()
                headers = {"Content-Type": "application/json", **sign(body, WEBHOOK_SECRET)}
                status, said = await sender.exchange("POST", target, headers=headers, body=body)
                if status != 200:
                    raise RuntimeError(f"the gateway answered {status}: {said[:200]!r}")

    await asyncio.gather(*(send() for _ in range(min(SENDERS, len(waiting)))))


class Answered:
    """Which documents have a fact, and when it came. A subscription beside the stream sees facts as they are published.

    `at`: seconds of `time.monotonic` by subject token.
    """

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._more = asyncio.Event()

    async def note(self, message: Msg) -> None:
        """One published fact."""
        self.at.setdefault(message.subject.split(".")[2], time.monotonic())
        self._more.set()

    async def all_of(self, ids: Sequence[str], *, within: float) -> None:
        """Wait until each of these documents has it. Raises TimeoutError."""
        wanted = {token(each) for each in ids}
        async with asyncio.timeout(within):
            while not wanted <= self.at.keys():
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def watching(place: Place, *, fact: str = "answered") -> AsyncIterator[Answered]:
    """Watch what becomes of documents."""
    answered = Answered()
    async with AsyncExitStack() as stack:
        subscription = await place.nats.subscribe(f"documents.{CONNECTION}.*.{fact}.*", cb=answered.note)
        stack.push_async_callback(subscription.unsubscribe)
        await place.nats.flush()
        yield answered


async def must_agree(place: Place, ids: Sequence[str]) -> None:
    """Compare both far sides' books, so that no figure is had by doing less.

    Raises:
        RuntimeError: a document is not in Epicor exactly once, or not answered in Basware.
    """
    wanted = set(ids)
    held = await place.far_sides.invoices()
    mine = [each["ExternalID"] for each in held if each["ExternalID"] in wanted]
    if twice := [each["ExternalID"] for each in held if each.get("saves", 1) > 1]:
        raise RuntimeError(f"{len(twice)} documents were sent to Epicor more than once")
    told = {
        each["invoiceId"] for each in await place.far_sides.documents() if each["processingStatus"] == "Transferred"
    }
    if len(mine) != len(wanted) or set(mine) != wanted or not wanted <= told:
        raise RuntimeError(f"of {len(wanted)} documents Epicor holds {len(mine)}, Basware {len(wanted & told)}")
