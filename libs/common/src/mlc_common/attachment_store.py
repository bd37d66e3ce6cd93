"""Attachments in the object store, by content hash; files pass through in chunks and are never whole in memory."""

from __future__ import annotations

import asyncio
import hashlib
from typing import IO

import nats.errors
from nats.aio.client import Client
from nats.js.errors import (
    APIError,
    BadObjectMetaError,
    BucketNotFoundError,
    DigestMismatchError,
    NotFoundError,
    ObjectNotFoundError,
)
from nats.js.object_store import ObjectStore

from mlc_common.eventlog import BROKER_AWAY
from mlc_common.failures import PermanentError, TransientError
from mlc_common.streams import ATTACHMENTS_BUCKET

_AWAY = "The object store does not answer."

LONGEST_READ = 300
"""Seconds in which a file is read whole; one whose content is gone while its name is still listed never ends."""


class AttachmentStore:
    """The bucket of attachments.

    Args:
        timeout: seconds for the store's acknowledgement of one chunk.
    """

    def __init__(self, nats: Client, *, timeout: float) -> None:
        self._stream = nats.jetstream(timeout=timeout)
        self._opened: ObjectStore | None = None

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
            store = await self._store()
            async with asyncio.timeout(LONGEST_READ):
                await store.get(sha256, writeinto=into)  # type: ignore[arg-type]  # anything that has write
        except (NotFoundError, ObjectNotFoundError) as error:
            raise PermanentError(f"The file {sha256} is not in the object store any more.") from error
        except (DigestMismatchError, BadObjectMetaError) as error:
            raise PermanentError(f"The file {sha256} was changed in the object store.") from error
        except (*BROKER_AWAY, nats.errors.Error, TimeoutError) as error:
            raise TransientError(_AWAY) from error
        if await asyncio.to_thread(_digest, into) != sha256:
            raise PermanentError(f"The file {sha256} was changed in the object store.")

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
