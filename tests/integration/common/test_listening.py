"""What a stranger can cost a listening port: a head without end, silence, too many connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mlc_common.listening import LARGEST_HEAD, Door, Listener, listening

MOST = 5


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


@pytest_asyncio.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    door = Door("127.0.0.1", 0, tmp_path / "port", most_connections=MOST)
    app = Starlette(routes=[Route("/hello", hello)])
    async with listening(app, door, graceful=1, head_patience=0.3) as made:
        while not made.accepting:
            await asyncio.sleep(0.01)
        assert (tmp_path / "port").read_text() == str(made.port)
        yield made
    assert not made.accepting


async def get(port: int, head: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\n" + head + b"Connection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    return answer


async def test_a_large_head_is_taken_and_an_endless_one_is_not(listener: Listener) -> None:
    assert (await get(listener.port, b"X-Large: " + b"x" * 50_000 + b"\r\n")).endswith(b"hello")

    for endless in (b"x" * 1000, b"X-Many: x\r\n" * 100):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Endless: ")
        assert await swallowed(writer, endless) < 100 * LARGEST_HEAD
        writer.transport.abort()


async def swallowed(writer: asyncio.StreamWriter, endless: bytes) -> int:
    sent = 0
    try:
        while sent < 100 * LARGEST_HEAD:
            writer.write(endless)
            await writer.drain()
            sent += len(endless)
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    return sent


async def test_a_connection_that_says_nothing_or_half_a_head_is_ended(listener: Listener) -> None:
    whole = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    for said in ((b"",), (b"GET /hel",), (whole, b"GET /hel")):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        for part in said:
            writer.write(part)
            await asyncio.sleep(0.05)
        answer = await asyncio.wait_for(reader.read(), timeout=3)
        assert answer.count(b"HTTP/1.1 200 ") == len(said) - 1
        assert b"HTTP/1.1 400 " in answer
        writer.close()


async def test_a_slow_answer_is_not_cut_short(tmp_path: Path) -> None:
    async def slow(_request: Request) -> Response:
        await asyncio.sleep(0.5)
        return PlainTextResponse("done")

    door = Door("127.0.0.1", 0)
    served = listening(Starlette(routes=[Route("/", slow)]), door, graceful=1, head_patience=0.1)
    async with served as made, httpx.AsyncClient() as http:
        for _ in range(2):
            assert (await http.get(f"http://127.0.0.1:{made.port}/")).text == "done"


async def test_one_connection_too_many_is_answered_503(listener: Listener) -> None:
    lines = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(MOST)]
    assert (await get(listener.port)).startswith(b"HTTP/1.1 503 ")
    for _, writer in lines:
        writer.close()
    async with asyncio.timeout(5):
        while not (await get(listener.port)).endswith(b"hello"):
            await asyncio.sleep(0.02)
