"""Snapshots of streams through the server's own API: sequences, times, headers and durables come back as they were.

`$JS.API.STREAM.SNAPSHOT` and `.RESTORE`, as the `nats` command line uses them; a snapshot is a compressed tar file.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from mlc_common.failures import TransientError
from operator_console.exits import CommandError, Exit

CHUNK = 128 * 1024
PATIENCE = 60
"""Seconds for one answer of the server; checking a large stream takes a while."""

PAUSE = timedelta(minutes=15)
"""For how long durables stand still at most, should nobody come to wake them."""


async def stream_names(client: Client) -> list[str]:
    """Every stream there is."""
    return await _names(client, "STREAM.NAMES", "streams")


async def _names(client: Client, verb: str, member: str) -> list[str]:
    names: list[str] = []
    while True:
        answer = _taken(await ask(client, verb, {"offset": len(names)}), "a list")
        found = answer.get(member) or []
        names += found
        if not found or len(names) >= answer["total"]:
            return names


async def snapshot(
    client: Client, stream: str, write: Callable[[bytes], object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write a stream as it is at this moment; returns its configuration and its state.

    Raises:
        TransientError: the server went away, or broke off.
        CommandError: the server refuses.
    """
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    try:
        wish = {"deliver_subject": inbox, "chunk_size": CHUNK, "no_consumers": False, "jsck": True}
        answer = _taken(await ask(client, f"STREAM.SNAPSHOT.{stream}", wish), f"a snapshot of {stream}")
        while (message := await subscription.next_msg(timeout=PATIENCE)).data:
            write(message.data)
            if message.reply:
                await message.respond(b"")
        _must_be_the_end(message, stream)
    except nats.errors.Error as error:
        raise TransientError(f"The broker broke off while {stream} was read ({type(error).__name__}).") from error
    finally:
        await subscription.unsubscribe()
    return answer["config"], answer["state"]


def _must_be_the_end(message: Msg, stream: str) -> None:
    status = (message.headers or {}).get("Status", "204")
    if status != "204":
        raise TransientError(f"The broker broke off while {stream} was read (status {status}).")


@asynccontextmanager
async def standing_still(client: Client, stream: str, *, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """Let the durables of a stream hand nothing out meanwhile.

    Else one could acknowledge a message that came after the snapshot of the messages and before its own: restored, it
    would pass over the message that then gets that sequence.

    Raises:
        TransientError: it took longer than they stand still.
    """
    names = await _names(client, f"CONSUMER.NAMES.{stream}", "consumers")
    until = now() + PAUSE
    try:
        for name in names:
            wish = {"pause_until": until.isoformat()}
            answer = _taken(await ask(client, f"CONSUMER.PAUSE.{stream}.{name}", wish), f"a pause of {name}")
            if not answer.get("paused"):
                raise CommandError(
                    f"The durable {name} does not stand still: the clock here is a quarter of an hour or more behind "
                    "the broker's.",
                    code=Exit.REFUSED,
                )
        yield
        if now() >= until:
            raise TransientError(f"The snapshot of {stream} took too long; the broker is too busy for a backup now.")
    finally:
        await _go_on(client, stream, names)


async def _go_on(client: Client, stream: str, durables: Sequence[str]) -> None:
    for name in durables:
        await ask(client, f"CONSUMER.PAUSE.{stream}.{name}", {})


async def restore(client: Client, config: dict[str, Any], state: dict[str, Any], chunks: Iterator[bytes]) -> None:
    """Make a stream from its snapshot; its durables, which stood still when that was made, hand out again.

    Raises:
        TransientError: the server went away.
        CommandError: the server refuses, or the stream is not what the backup says.
    """
    name = config["name"]
    answer = await ask(client, f"STREAM.RESTORE.{name}", {"config": config, "state": state})
    _taken(answer, f"the restore of {name}")
    target = answer["deliver_subject"]
    try:
        for chunk in chunks:
            reply = (await client.request(target, chunk, timeout=PATIENCE)).data
            if reply:
                _taken(json.loads(reply), f"the restore of {name}")
        done = json.loads((await client.request(target, b"", timeout=10 * PATIENCE)).data)
        _taken(done, f"the restore of {name}")
    except nats.errors.Error as error:
        raise TransientError(f"The broker broke off while {name} was restored ({type(error).__name__}).") from error
    if done["state"]["last_seq"] != state["last_seq"] or done["state"]["messages"] != state["messages"]:
        raise CommandError(f"{name} came back with other messages than the backup says; do not use it.")
    await _go_on(client, name, await _names(client, f"CONSUMER.NAMES.{name}", "consumers"))


async def make_room(client: Client, streams: Sequence[str]) -> None:
    """Remove streams that were declared and in which nothing was ever stored, so that they can be restored.

    Raises:
        CommandError: one holds, or held, messages; none was removed.
    """
    declared = []
    for stream in streams:
        info = await ask(client, f"STREAM.INFO.{stream}", {})
        if "error" in info:
            continue
        declared.append(stream)
        if info["state"]["messages"] or info["state"]["last_seq"]:
            raise CommandError(
                f"The stream {stream} is not empty. A backup is restored into an empty place only; "
                "nothing was changed.",
                code=Exit.REFUSED,
            )
    for stream in declared:
        _taken(await ask(client, f"STREAM.DELETE.{stream}", {}), f"room for {stream}")


async def ask(client: Client, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    """One question to the server's API.

    Raises:
        TransientError: it does not answer.
    """
    try:
        answer = await client.request(f"$JS.API.{verb}", json.dumps(body).encode(), timeout=PATIENCE)
    except nats.errors.Error as error:
        raise TransientError(
            f"The broker does not answer {verb.partition('.')[0]} ({type(error).__name__})."
        ) from error
    decoded: dict[str, Any] = json.loads(answer.data)
    return decoded


def _taken(answer: dict[str, Any], what: str) -> dict[str, Any]:
    if "error" in answer:
        raise CommandError(f"NATS refuses {what}: {answer['error'].get('description')}.", code=Exit.REFUSED)
    return answer
