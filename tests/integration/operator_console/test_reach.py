"""A broker that cannot be reached: said within seconds, by host and port, with no password."""

from __future__ import annotations

import asyncio
import time

import pytest

from mlc_common.settings import Settings
from operator_console.data_folder import free_port
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, broker_answers

LOGIN = "operator:sandbox-only-password"


async def refused(url: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        async with broker(Settings(nats_url=url)):
            pass
    assert "sandbox-only" not in f"{caught.value} {caught.value.__cause__} {caught.value.__suppress_context__ or LOGIN}"
    return caught.value


async def test_a_broker_that_is_away_is_told_in_seconds_by_host_and_port() -> None:
    started, port, other = time.monotonic(), free_port(), free_port()

    error = await refused(f"nats://{LOGIN}@127.0.0.1:{port},nats://{LOGIN}@127.0.0.1:{other}")

    assert time.monotonic() - started < 8
    assert f"No broker answers at 127.0.0.1:{port}, 127.0.0.1:{other} (" in str(error)
    assert error.code == Exit.UNREACHABLE


async def test_a_server_that_says_nothing_is_given_up_in_seconds() -> None:
    async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    started = time.monotonic()
    port = server.sockets[0].getsockname()[1]

    assert (await refused(f"nats://{LOGIN}@127.0.0.1:{port}")).code == Exit.UNREACHABLE
    assert time.monotonic() - started < 8
    server.close()


async def test_a_password_that_breaks_the_address_is_not_shown() -> None:
    error = await refused("nats://operator:sandbox-only#password@127.0.0.1:4222")

    assert "invalid connect url" in str(error)


async def test_a_broker_that_answers_tells_its_version(nats_url: str) -> None:
    version = await broker_answers(Settings(nats_url=nats_url))

    assert version is not None
    assert version[0].isdigit()
