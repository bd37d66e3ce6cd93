"""Reads stored messages through the server's direct get: no consumer that could be lost, left behind or widened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from mlc_common.broker_errors import BROKER_AWAY
from mlc_common.failures import TransientError

BATCH = 200
LARGEST_BATCH = 8 * 1024 * 1024
"""Bytes of one answer."""

END, NOTHING, TOO_MANY = "204", "404", "413"


class TooManyError(TransientError):
    """The answer would be longer than the server gives at once."""


async def direct_get(client: Client, stream: str, question: Mapping[str, Any], *, timeout: float) -> list[Msg]:
    """The messages that answer one question of the direct get protocol, none when there are none.

    Raises:
        TransientError: the broker is away, or refuses the question.
    """
    inbox = client.new_inbox()
    found: list[Msg] = []
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        """A callback, because a wait for each message costs twice as much as reading it."""
        if ended.done():
            return
        try:
            if not _is_last(message):
                found.append(message)
                return
            ended.set_result(None)
        except TransientError as refused:
            ended.set_exception(refused)

    try:
        subscription = await client.subscribe(inbox, cb=take)
        try:
            await client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(question).encode(), reply=inbox)
            await _until(ended, found, timeout=timeout)
        finally:
            await subscription.unsubscribe()
    except BROKER_AWAY as error:
        raise TransientError("The event stream does not answer when it is read.") from error
    return found


async def last_of_each(client: Client, stream: str, subjects: Sequence[str], *, timeout: float) -> list[Msg]:
    """The last message of every subject that one of the filters names.

    The server names at most 1024 subjects at once; where there are more, everything on them is read.

    Raises:
        TransientError: the broker is away.
    """
    try:
        return await direct_get(client, stream, {"multi_last": list(subjects)}, timeout=timeout)
    except TooManyError:
        last: dict[str, Msg] = {}
        for subject in subjects:
            async for message in every(client, stream, subject, timeout=timeout):
                last[(message.headers or {})["Nats-Subject"]] = message
        return list(last.values())


async def _until(ended: asyncio.Future[None], found: Sequence[Msg], *, timeout: float) -> None:
    """Wait for the end of the answer, as long as it goes on."""
    before = -1
    while not ended.done():
        if len(found) == before:
            raise nats.errors.TimeoutError
        before = len(found)
        await asyncio.wait((ended,), timeout=timeout)
    ended.result()


async def every(nats: Client, stream: str, subject: str, *, timeout: float, at_once: int = BATCH) -> AsyncIterator[Msg]:
    """Every message of a subject filter, oldest first, so many in memory at once.

    Raises:
        TransientError: the broker is away.
    """
    after = 0
    while batch := await following(nats, stream, after, subject=subject, most=at_once, timeout=timeout):
        for message in batch:
            yield message
        after = sequence_of(batch[-1])


async def following(nats: Client, stream: str, after: int, *, subject: str, most: int, timeout: float) -> list[Msg]:
    """At most so many messages of a subject filter that follow a sequence, in order; none when there are no more.

    Raises:
        TransientError: the broker is away.
    """
    question = {"seq": after + 1, "next_by_subj": subject, "batch": most, "max_bytes": LARGEST_BATCH}
    return await direct_get(nats, stream, question, timeout=timeout)


def sequence_of(message: Msg) -> int:
    """The place in its stream of a message that was read directly."""
    return int((message.headers or {})["Nats-Sequence"])


def _is_last(message: Msg) -> bool:
    if message.headers is None:
        raise TransientError("The event stream answered without headers.")
    status = message.headers.get("Status")
    if status in (END, NOTHING):
        return True
    if status == TOO_MANY:
        raise TooManyError("The event stream holds more messages than it gives at once.")
    if status is not None:
        raise TransientError(f"The event stream answered {status} when it was read.")
    return False
