"""The smallest HTTP/1.1 client: one kept-alive connection, one exchange at a time, nothing checked in vain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Line:
    """One connection to one host."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host.encode()
        self._reader = reader
        self._writer = writer

    async def exchange(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """One request and its answer: status and body.

        Raises:
            OSError, asyncio.IncompleteReadError: the connection ended.
        """
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} {target} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{more}Host: ".encode()
        self._writer.write(head + self._host + b"\r\n\r\n" + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        at = answer.lower().index(b"content-length:") + len(b"content-length:")
        length = int(answer[at : answer.index(b"\r\n", at)])
        return int(answer[9:12]), await self._reader.readexactly(length)


@asynccontextmanager
async def line(url: str) -> AsyncIterator[Line]:
    """A connection to the host of this address; leaving closes it."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)
    try:
        yield Line(parts.netloc, reader, writer)
    finally:
        writer.close()
