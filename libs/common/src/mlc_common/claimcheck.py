"""Claim Check: what is too big for a message goes to the object store by content hash, and comes back resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, NotFoundError, ObjectNotFoundError
from nats.js.object_store import ObjectStore

from mlc_common.direct_get import every
from mlc_common.failures import PermanentError, TransientError
from mlc_common.streams import CLAIMS_BUCKET, CLAIMS_STREAM, LARGEST_MESSAGE

CLAIM_HEADER = "Claim-Check"


class ClaimCheck:
    """Checks large payloads in and out of the object store."""

    def __init__(self, nats: Client, *, timeout: float) -> None:
        self._nats = nats
        self._timeout = timeout
        self._stream = nats.jetstream(timeout=timeout)
        self._opened: ObjectStore | None = None

    async def check_in(self, payload: bytes) -> tuple[bytes, dict[str, str]]:
        """The payload and headers to publish: as they are when small, else a stub and the claim's hash."""
        if len(payload) <= LARGEST_MESSAGE:
            return payload, {}
        digest = hashlib.sha256(payload).hexdigest()
        store = await self._store()
        try:
            await store.get_info(digest)
        except (NotFoundError, ObjectNotFoundError):
            await store.put(digest, payload)
        return b"", {CLAIM_HEADER: digest}

    async def check_out(self, payload: bytes, headers: Mapping[str, str] | None) -> bytes:
        """The full payload of a message.

        Raises:
            PermanentError: the claimed content is missing or is not what was checked in.
            TransientError: the broker is away.
        """
        digest = (headers or {}).get(CLAIM_HEADER)
        if digest is None:
            return payload
        store = await self._store()
        try:
            about = await store.get_info(digest)
        except (NotFoundError, ObjectNotFoundError) as error:
            raise PermanentError(f"The content {digest} of a large event is not in the object store.") from error
        # Not the client library's own reading: it makes a consumer, and whoever may make one can have the server
        # deliver to any subject that somebody listens to, permissions or not.
        chunks = every(self._nats, CLAIMS_STREAM, f"$O.{CLAIMS_BUCKET}.C.{about.nuid}", timeout=self._timeout)
        content = b"".join([chunk.data async for chunk in chunks])
        if hashlib.sha256(content).hexdigest() != digest:
            raise PermanentError(f"The content {digest} of a large event was changed in the object store.")
        return content

    async def _store(self) -> ObjectStore:
        if self._opened is None:
            try:
                self._opened = await self._stream.object_store(CLAIMS_BUCKET)
            except (BucketNotFoundError, NotFoundError) as error:
                raise TransientError("The object store is not declared; run `ml-connector topology`.") from error
        return self._opened
