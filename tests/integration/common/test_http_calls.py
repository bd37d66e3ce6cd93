"""Calls over real sockets: far sides that drip, hang up, flood or are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from mlc_common.failures import TransientError
from mlc_common.http import LARGEST_ANSWER, UnclearAnswerError, call

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def far_side(answering: Answering) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await answering(writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\nhalf")
    await writer.drain()


async def flood(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    for _ in range((LARGEST_ANSWER >> 20) + 8):
        writer.write(chunk)
        await writer.drain()


@pytest.mark.parametrize(("answering", "why"), [(drip, "TimeoutError"), (hang_up, "Remote"), (flood, "TooLarge")])
@pytest.mark.parametrize("writes", [True, False])
async def test_an_answer_that_never_comes_whole_is_unclear_for_a_write(
    answering: Answering, why: str, writes: bool
) -> None:
    timeout = 0.5 if answering is drip else 20
    async with far_side(answering) as url, httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        started = asyncio.get_running_loop().time()
        with pytest.raises(UnclearAnswerError if writes else TransientError, match=why):
            await call(client, "POST", url, writes=writes, what="Test")

        assert asyncio.get_running_loop().time() - started < 15


async def test_nobody_there_means_that_nothing_happened() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(TransientError, match="no connection"):
            await call(client, "POST", "http://127.0.0.1:1/x", writes=True, what="Test")
