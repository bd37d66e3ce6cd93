"""Attachments in the object store, by content hash; files pass through in chunks and are never whole in memory."""

from __future__ import annotations

import asyncio
import hashlib
from typing import IO

from nats.aio.client import Client
from nats.js.errors import (
    APIError,
    BadObjectMetaError,
    BucketNotFoundError,
    NotFoundError,
    ObjectNotFoundError,
)
from nats.js.object_store import ObjectStore

from mlc_common.broker_errors import BROKER_AWAY
from mlc_common.direct_get import every
from mlc_common.failures import PermanentError, TransientError
from mlc_common.streams import ATTACHMENTS_BUCKET, ATTACHMENTS_STREAM

_AWAY = "The object store does not answer."

AT_ONCE = 8
"""Chunks of 128 KiB in memory while a file is read."""


class AttachmentStore:
    """The bucket of attachments.

    Args:
        timeout: seconds for one answer of the store.
    """

    def __init__(self, nats: Client, *, timeout: float) -> None:
        self._nats = nats
        self._stream = nats.jetstream(timeout=timeout)
        self._opened: ObjectStore | None = None
        self._timeout = timeout

    async def keep(self, file: IO[bytes], sha256: str) -> None:
        """Store a file under the hash of its content; nothing happens when it is there already.

        A copy that was cut off is not there: a file is listed only once all of it is stored.

        Raises:
            TransientError: the store is away or full; whether the file was stored is unknown, and trying again is safe.
        """
        try:
            store = await self._store()
            try:
                await store.get_info(sha256)
            except (NotFoundError, ObjectNotFoundError, BadObjectMetaError):
                file.seek(0)
                await store.put(sha256, file)  # type: ignore[arg-type]  # anything that has readinto
        except BROKER_AWAY as error:
            raise TransientError(_AWAY) from error
        except APIError as error:
            raise TransientError(f"The object store does not take the file: {error.description}.") from error

    async def fetch(self, sha256: str, into: IO[bytes]) -> None:
        """Write a stored file to the beginning of an empty one; it is what was stored, or an error.

        Raises:
            PermanentError: it is not in the store, or was changed there.
            TransientError: the store is away.
        """
        try:
            info = await (await self._store()).get_info(sha256)
            await self._read(info.nuid or "", into=into)
        except (NotFoundError, ObjectNotFoundError, BadObjectMetaError) as error:
            raise PermanentError(f"The file {sha256} is not in the object store any more.") from error
        except BROKER_AWAY as error:
            raise TransientError(_AWAY) from error
        if await asyncio.to_thread(_digest, into) != sha256:
            raise PermanentError(f"The file {sha256} was changed in the object store.")

    async def _read(self, nuid: str, *, into: IO[bytes]) -> None:
        """Read an object's chunks, a few at a time: the client library's own reading has no bound of its own."""
        subject = f"$O.{ATTACHMENTS_BUCKET}.C.{nuid}"
        chunks = every(self._nats, ATTACHMENTS_STREAM, subject, timeout=self._timeout, at_once=AT_ONCE)
        async for chunk in chunks:
            await asyncio.to_thread(into.write, chunk.data)

    async def _store(self) -> ObjectStore:
        if self._opened is None:
            try:
                self._opened = await self._stream.object_store(ATTACHMENTS_BUCKET)
            except (BucketNotFoundError, NotFoundError) as error:
                raise TransientError("The object store is not declared; run `ml-connector topology`.") from error
        return self._opened


def _digest(file: IO[bytes]) -> str:
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    return found
