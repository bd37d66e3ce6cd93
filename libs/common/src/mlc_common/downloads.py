"""A file from a far side, in chunks, straight to where it is wanted: never whole in memory, and never too large."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

import httpx

from mlc_common.failures import TransientError
from mlc_common.http import NOTHING_WAS_SENT, Answer, judge

LONGEST = 900
"""Seconds a file may take in all; a pre-signed address lives as long (Basware API reference, redirects)."""

CHUNK = 64 * 1024
LARGEST_REFUSAL = 64 * 1024
"""Bytes of an answer that is not the file."""


@dataclass(frozen=True)
class Download:
    """A file that has arrived whole; `sha256` is the hash of its content, `size` its bytes."""

    size: int
    sha256: str
    status: int = httpx.codes.OK


@dataclass(frozen=True)
class TooLarge:
    """The file has more bytes than it may have; what came of it is worthless."""

    status: int = httpx.codes.OK


async def download(
    client: httpx.AsyncClient, url: str, *, into: IO[bytes], most: int, what: str, headers: Mapping[str, str]
) -> Download | TooLarge | Answer:
    """GET a file into the beginning of `into`; redirects are not followed, and no sentence ever has the address.

    Args:
        most: bytes it may have.

    Returns:
        The answer itself when its status is not 200.

    Raises:
        TransientError: no connection, 429, 5xx, or the file did not arrive whole.
    """
    request = client.build_request("GET", url, headers={**headers, "Accept-Encoding": "identity"})
    try:
        async with asyncio.timeout(LONGEST):
            response = await client.send(request, follow_redirects=False, stream=True)
            try:
                if response.status_code == httpx.codes.OK:
                    return await _received(response, into, most=most)
                refusal = Answer(response.status_code, response.headers, await _start_of(response), what)
            finally:
                await response.aclose()
    except NOTHING_WAS_SENT as error:
        # Not chained: httpx keeps the request, and with it the address, in its errors.
        raise TransientError(f"{what}: no connection ({type(error).__name__}).") from None
    except (httpx.RequestError, TimeoutError) as error:
        raise TransientError(f"{what}: the file did not arrive whole ({type(error).__name__}).") from None
    return judge(refusal, writes=False, now=datetime.now(UTC))


async def _received(response: httpx.Response, into: IO[bytes], *, most: int) -> Download | TooLarge:
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > most:
        return TooLarge()
    digest, size = hashlib.sha256(), 0
    into.seek(0)
    into.truncate()
    async for chunk in response.aiter_bytes(CHUNK):
        size += len(chunk)
        if size > most:
            return TooLarge()
        digest.update(chunk)
        await asyncio.to_thread(into.write, chunk)
    return Download(size, digest.hexdigest())


async def _start_of(response: httpx.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes(CHUNK):
        found += chunk[: LARGEST_REFUSAL - len(found)]
        if len(found) >= LARGEST_REFUSAL:
            break
    return bytes(found)
