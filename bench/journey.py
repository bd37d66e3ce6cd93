"""Sending invoices on their way, and noticing when they are answered without disturbing the services."""

from __future__ import annotations

import asyncio
import json
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
    """Which documents were answered. A subscription beside the stream sees the facts as they are published."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._more = asyncio.Event()

    async def note(self, message: Msg) -> None:
        """One published fact."""
        self._seen.add(message.subject.split(".")[2])
        self._more.set()

    async def all_of(self, ids: Sequence[str], *, within: float) -> None:
        """Wait until each of these documents is answered. Raises TimeoutError."""
        wanted = {token(each) for each in ids}
        async with asyncio.timeout(within):
            while not wanted <= self._seen:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def watching(place: Place) -> AsyncIterator[Answered]:
    """Watch what becomes of documents."""
    answered = Answered()
    async with AsyncExitStack() as stack:
        subscription = await place.nats.subscribe(f"documents.{CONNECTION}.*.answered.*", cb=answered.note)
        stack.push_async_callback(subscription.unsubscribe)
        await place.nats.flush()
        yield answered


async def must_agree(place: Place, ids: Sequence[str]) -> None:
    """Compare both far sides' books, so that no figure is had by doing less.

    Raises:
        RuntimeError: a document is not in Epicor exactly once, or not answered in Basware.
    """
    wanted = set(ids)
    held = [each["ExternalID"] for each in await place.far_sides.invoices()]
    mine = [each for each in held if each in wanted]
    told = {
        each["invoiceId"] for each in await place.far_sides.documents() if each["processingStatus"] == "Transferred"
    }
    if len(mine) != len(wanted) or set(mine) != wanted or not wanted <= told:
        raise RuntimeError(f"of {len(wanted)} documents Epicor holds {len(mine)}, Basware {len(wanted & told)}")
