"""Bodies too large, too slow or cut short, and other methods, on the bare socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest

from webhook_gateway.hook import Room

SECRET = "sandbox-only-webhook-secret"
LARGEST = 256 * 1024


def padded(notification: dict[str, Any], size: int) -> bytes:
    bare = json.dumps(notification | {"more": ""}).encode()
    return json.dumps(notification | {"more": "x" * (size - len(bare))}).encode()


async def test_a_body_of_exactly_256_kib_is_taken_and_one_byte_more_is_not(sender: Any) -> None:
    fits, too_large = (padded(sender.notification("t-1"), LARGEST + extra) for extra in (0, 1))
    assert (len(fits), len(too_large)) == (LARGEST, LARGEST + 1)

    assert (await sender.push(too_large)).status_code == 413
    assert (await sender.push(fits)).status_code == 200
    assert len(await sender.stored()) == 1


async def test_a_body_announced_as_too_large_is_answered_before_it_is_sent(sender: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sender.port)
    writer.write(
        b"POST /hooks/basware/northwind HTTP/1.1\r\nHost: gateway\r\n"
        b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
    )

    answer = await asyncio.wait_for(reader.read(), timeout=5)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert b"connection: close" in answer.lower()
    assert sender.counted("mlc_pushes_refused_total", reason="too_large") == 1
    writer.close()


async def test_an_endless_body_is_not_read_on(sender: Any) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", sender.port)
    writer.write(b"POST /hooks/basware/northwind HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent = 0

    async def send_without_end() -> None:
        nonlocal sent
        while sent < 100 * 1024 * 1024:
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            sent += 65_536

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_without_end(), timeout=10)

    assert sent < 20 * 1024 * 1024, "what the sockets buffer, not what a gateway reads"
    assert sender.counted("mlc_pushes_refused_total", reason="too_large") == 1
    writer.transport.abort()


async def test_a_body_cut_short_is_counted_and_leaves_nothing(sender: Any) -> None:
    body = json.dumps(sender.notification("t-1")).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    _, writer = await asyncio.open_connection("127.0.0.1", sender.port)
    writer.write(
        f"POST /hooks/basware/northwind HTTP/1.1\r\nHost: gateway\r\nX-BWAPI-Signature-256: {signature}\r\n"
        f"Content-Length: {len(body) + 10}\r\n\r\n".encode()
        + body
    )
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()

    async with asyncio.timeout(5):
        while sender.counted("mlc_pushes_refused_total", reason="cut_short") == 0:
            await asyncio.sleep(0.01)
    assert await sender.stored() == []


@pytest.mark.parametrize("sender", [{"patience": 0.05}], indirect=True)
async def test_a_body_that_does_not_come_is_waited_for_only_so_long(sender: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sender.port)
    writer.write(b'POST /hooks/basware/northwind HTTP/1.1\r\nHost: g\r\nContent-Length: 99\r\n\r\n{"taskId":')

    answer = await asyncio.wait_for(reader.read(), timeout=5)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert await sender.stored() == []
    writer.close()


@pytest.mark.parametrize("sender", [{"room": Room(10 * LARGEST)}], indirect=True)
async def test_bodies_of_strangers_that_never_end_take_only_so_much_room(sender: Any) -> None:
    head = f"POST /hooks/basware/nobody HTTP/1.1\r\nHost: g\r\nContent-Length: {LARGEST}\r\n\r\n".encode()
    lines = []
    for _ in range(40):
        reader, writer = await asyncio.open_connection("127.0.0.1", sender.port)
        writer.write(head + b"x" * (LARGEST - 1))
        lines.append((reader, writer))

    async with asyncio.timeout(10):
        while sender.counted("mlc_pushes_refused_total", reason="no_room") < 30:
            await asyncio.sleep(0.01)
    refused = await sender.push(padded(sender.notification("t-1"), LARGEST))
    assert (refused.status_code, refused.headers["Connection"]) == (503, "close")
    assert int(refused.headers["Retry-After"]) >= 1

    for _, writer in lines:
        writer.transport.abort()
    async with asyncio.timeout(10):
        while (await sender.push(padded(sender.notification("t-1"), LARGEST))).status_code != 200:
            await asyncio.sleep(0.05)
    assert len(await sender.stored()) == 1


@pytest.mark.parametrize("sender", [{"room": Room(LARGEST)}], indirect=True)
async def test_room_is_given_back_whatever_the_answer_is(sender: Any) -> None:
    largest = padded(sender.notification("t-1"), LARGEST)
    for _ in range(3):
        statuses = [
            (await sender.push(largest, secret="another")).status_code,
            (await sender.push(largest + b" ")).status_code,
            (await sender.push(b"x" * LARGEST)).status_code,
            (await sender.push(largest)).status_code,
        ]
        assert statuses == [401, 413, 422, 200]


async def test_any_method_but_post_is_answered_405(sender: Any) -> None:
    methods = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
    for method in methods:
        for connection in ("northwind", "nobody"):
            response = await sender.clients[0].request(method, sender.url(connection))

            assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert sender.counted("mlc_pushes_refused_total", reason="method") == 2 * len(methods)


async def test_names_that_are_no_connection_are_answered_like_unknown_ones(sender: Any) -> None:
    push = sender.notification("t-1")
    for name in ("%2A", "%3E", "NORTHWIND", "northwind.other", "%00", "..%00", "x" * 2000):
        assert (await sender.push(push, to=name)).status_code == 401

    assert await sender.stored() == []
