"""The floor of a rebuild: the same messages read in the same batches, and nothing done with them."""

from __future__ import annotations

import asyncio
import json

from nats.aio.client import Client
from nats.aio.msg import Msg

BATCH = 5000
LARGEST_BATCH = 8 * 1024 * 1024


async def read_all(nats: Client, stream: str) -> int:
    """Read a stream to its end; returns how many messages it held."""
    count = last = 0
    while True:
        ended = asyncio.Event()
        before = count

        async def take(message: Msg, ended: asyncio.Event = ended) -> None:
            nonlocal count, last
            headers = message.headers or {}
            if "Status" in headers:
                ended.set()
                return
            count, last = count + 1, int(headers["Nats-Sequence"])

        inbox = nats.new_inbox()
        subscription = await nats.subscribe(inbox, cb=take)
        request = {"seq": last + 1, "next_by_subj": ">", "batch": BATCH, "max_bytes": LARGEST_BATCH}
        await nats.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
        await asyncio.wait_for(ended.wait(), timeout=30)
        await subscription.unsubscribe()
        if count == before:
            return count
