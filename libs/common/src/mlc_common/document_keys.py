"""One key per accounting document, in a stream of its own from which it can be erased: crypto-shredding.

The keys are no secret of their own: whoever may read the events may read them. They exist so that destroying one makes
what is sealed under it unreadable for ever, while the event log keeps its bytes.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from mlc_common.broker_errors import BROKER_AWAY, EXPECTED_LAST, WRONG_LAST_SEQUENCE
from mlc_common.events import DocumentApproved
from mlc_common.failures import PermanentError, TransientError
from mlc_common.personal import put_back, take_out
from mlc_common.streams import DOCUMENT_KEYS, document_key_subject

NO_MESSAGE = 10037
"""The server's code for: the stream is there, and holds nothing of this."""


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """The key of one document: AES-SIV, so that the same facts are sealed to the same bytes."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def fresh(cls) -> Self:
        """A new random key."""
        return cls(id=os.urandom(8).hex(), secret=os.urandom(64))

    def to_json(self) -> bytes:
        """As it is stored."""
        return json.dumps({"id": self.id, "key": b64encode(self.secret).decode()}).encode()


class DocumentKeys:
    """Seals the personal members of a document's fact, opens them again, and destroys a document's key."""

    def __init__(self, nats: Client, *, timeout: float) -> None:
        self._stream = nats.jetstream(timeout=timeout)

    async def sealed(self, event: DocumentApproved) -> bytes:
        """The stored form of the fact: personal members apart, under the document's key.

        Raises:
            TransientError: the broker is away.
        """
        redacted, values = take_out(event.document, event.personal or ())
        if not values:
            return event.to_json()
        key = await self._made(event.connection, event.invoice_id)
        plain = json.dumps(values).encode()
        text = b64encode(AESSIV(key.secret).encrypt(plain, [_place(event.connection, event.invoice_id, event.attempt)]))
        stored = event.model_copy(update={"document": redacted}).model_dump(mode="json", exclude_none=True)
        return json.dumps({**stored, "sealed": {"key": key.id, "text": text.decode()}}, ensure_ascii=False).encode()

    async def opened(self, payload: bytes) -> bytes:
        """The fact with its personal members, or with the placeholder where the key was destroyed.

        Raises:
            PermanentError: the sealed part was changed.
            TransientError: the broker is away.
        """
        if b'"sealed"' not in payload:
            return payload
        stored = _parsed(payload)
        sealed = stored.pop("sealed", None)
        if not isinstance(sealed, dict):
            return payload
        found = await self._found(str(stored["connection"]), str(stored["invoice_id"]))
        if found is None or found[0].id != sealed["key"]:
            return payload
        place = _place(stored["connection"], stored["invoice_id"], stored["attempt"])
        try:
            values = json.loads(AESSIV(found[0].secret).decrypt(b64decode(sealed["text"]), [place]))
            stored["document"] = put_back(stored["document"], stored["personal"], values)
        except (InvalidTag, ValueError, KeyError) as error:
            raise PermanentError("The sealed part of an event was changed.") from error
        return json.dumps(stored, ensure_ascii=False).encode()

    async def key_id(self, connection: str, invoice_id: str) -> str | None:
        """The name of a document's key; None when it has none, or none any more."""
        found = await self._found(connection, invoice_id)
        return found[0].id if found else None

    async def destroy(self, connection: str, invoice_id: str) -> bool:
        """Overwrite a document's key on disk; says whether there was one. What it sealed stays sealed for ever.

        Raises:
            TransientError: the broker is away; whether it was destroyed is unknown, doing it again is safe.
        """
        found = await self._found(connection, invoice_id)
        if found is None:
            return False
        try:
            return bool(await self._stream.delete_msg(DOCUMENT_KEYS, found[1]))
        except BROKER_AWAY as error:
            raise TransientError("The stream of document keys does not answer.") from error

    async def _made(self, connection: str, invoice_id: str) -> DocumentKey:
        key = DocumentKey.fresh()
        subject = document_key_subject(connection, invoice_id)
        try:
            await self._stream.publish(subject, key.to_json(), stream=DOCUMENT_KEYS, headers={EXPECTED_LAST: "0"})
        except BROKER_AWAY as error:
            raise TransientError("The stream of document keys does not answer.") from error
        except APIError as error:
            if error.err_code != WRONG_LAST_SEQUENCE:
                raise TransientError(f"The key of a document cannot be stored: {error.description}.") from error
            found = await self._found(connection, invoice_id)
            if found is None:
                raise TransientError("The key of this document was destroyed just now.") from error
            return found[0]
        return key

    async def _found(self, connection: str, invoice_id: str) -> tuple[DocumentKey, int] | None:
        # Asked of the leader: a replica that lags would make a fresh key look like one that was destroyed.
        subject = document_key_subject(connection, invoice_id)
        try:
            held: RawStreamMsg = await self._stream.get_last_msg(DOCUMENT_KEYS, subject)
        except NotFoundError as error:
            if error.err_code == NO_MESSAGE:
                return None
            raise TransientError("The stream of document keys is not declared; run `ml-connector topology`.") from error
        except BROKER_AWAY as error:
            raise TransientError("The stream of document keys does not answer.") from error
        stored = json.loads(held.data or b"")
        return DocumentKey(id=stored["id"], secret=b64decode(stored["key"])), held.seq or 0


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _place(*place: str) -> bytes:
    return json.dumps(["ml-connector document 1", *place]).encode()
