"""Sealing of credentials: AES-256-GCM under a data key per connection, itself wrapped by a master key. No I/O."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from mlc_common.failures import TransientError

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
FORM = "write it as id:base64-of-32-bytes, for example the output of: openssl rand -base64 32"


class VaultError(TransientError):
    """A sealed value or its key does not open; somebody has to mend the keys or set the credential again."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A credential value as it is stored: a random nonce (12 bytes) and the ciphertext with its tag."""

    nonce: bytes = field(repr=False)
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored: `wrapped` is a random nonce (12 bytes) followed by the ciphertext with its tag."""

    connection: str
    id: str
    master_key_id: str
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class DataKey:
    """The key that seals the credentials of one connection (32 bytes, never stored as it is)."""

    connection: str
    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def fresh(cls, connection: str) -> Self:
        """A new random key for a connection."""
        return cls(connection=connection, id=os.urandom(8).hex(), secret=os.urandom(KEY_BYTES))

    def seal(self, value: SecretStr, *, field: str, position: int) -> Sealed:
        """Seal one value so that it opens only in this connection, field and position."""
        nonce = os.urandom(NONCE_BYTES)
        place = _bound("credential", self.connection, field, position)
        return Sealed(nonce=nonce, text=AESGCM(self.secret).encrypt(nonce, value.get_secret_value().encode(), place))

    def open(self, sealed: Sealed, *, field: str, position: int) -> SecretStr:
        """Open a value sealed for this connection, field and position.

        Raises:
            VaultError: it was sealed elsewhere, or was changed since.
        """
        place = _bound("credential", self.connection, field, position)
        plain = _decrypt(self.secret, sealed.nonce, sealed.text, place)
        if plain is None:
            raise VaultError(
                f"Connection {self.connection}: the stored {field} does not open; its row was changed or moved here "
                f"from another connection or field. Set it again: ml-connector credentials set {self.connection}"
            )
        return SecretStr(plain.decode())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MasterKeys:
    """The live master keys by id (32 bytes each): the first seals, all of them open."""

    by_id: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self.by_id)})"

    @classmethod
    def parse(cls, text: SecretStr) -> Self:
        """Read one or several `id:base64-of-32-bytes`, separated by commas, blanks or line breaks.

        Raises:
            VaultError: the text is not of this form. The sentence names an entry by its position, never by its text.
        """
        entries = [entry for entry in re.split(r"[,\s]+", text.get_secret_value()) if entry]
        if not entries:
            raise VaultError(f"No master key is configured; {FORM}")
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(entries, start=1):
            key_id, key = _parse_entry(entry, position)
            if key_id in keys:
                raise VaultError(f"Master key {position} has the id of an earlier one; give every key its own id")
            if key in keys.values():
                raise VaultError(f"Master key {position} is an earlier one under another id; a new id needs a new key")
            keys[key_id] = key
        return cls(by_id=keys)

    @staticmethod
    def generate_line(key_id: str) -> str:
        """A new random master key in the form that `parse` reads. The line is a secret.

        Raises:
            VaultError: the id is not 1 to 40 letters, digits, dots, dashes or underscores.
        """
        if not KEY_ID.fullmatch(key_id):
            raise VaultError("The id of a master key is 1 to 40 letters, digits, dots, dashes or underscores")
        return f"{key_id}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"

    @property
    def first(self) -> str:
        """The id of the key that seals."""
        return next(iter(self.by_id))

    def wrap(self, key: DataKey, *, under: str | None = None) -> WrappedKey:
        """Wrap a data key under the first master key, or under the one named.

        Raises:
            VaultError: the named master key is not among these.
        """
        master_key_id = under or self.first
        if master_key_id not in self.by_id:
            raise VaultError(
                f"New keys are wrapped with master key '{master_key_id}' since the last rotation, and this process "
                f"holds only {', '.join(self.by_id)}. Add '{master_key_id}' to its master keys"
            )
        nonce = os.urandom(NONCE_BYTES)
        owner = _bound("data key", key.connection, key.id, master_key_id)
        wrapped = nonce + AESGCM(self.by_id[master_key_id]).encrypt(nonce, key.secret, owner)
        return WrappedKey(connection=key.connection, id=key.id, master_key_id=master_key_id, wrapped=wrapped)

    def unwrap(self, stored: WrappedKey) -> DataKey:
        """Open a data key.

        Raises:
            VaultError: its master key is not here, is another one under the same id, or the row was changed or moved.
        """
        master_key = self.by_id.get(stored.master_key_id)
        if master_key is None:
            raise VaultError(
                f"Connection {stored.connection}: its credentials are sealed under master key "
                f"'{stored.master_key_id}', and only {', '.join(self.by_id)} is configured. "
                f"Add '{stored.master_key_id}' to the master keys"
            )
        owner = _bound("data key", stored.connection, stored.id, stored.master_key_id)
        secret = _decrypt(master_key, stored.wrapped[:NONCE_BYTES], stored.wrapped[NONCE_BYTES:], owner)
        if secret is None:
            raise VaultError(
                f"Connection {stored.connection}: master key '{stored.master_key_id}' does not open its data key; "
                f"it is another key than the one used under this id, or the stored row was changed or moved. "
                f"Configure the right key for '{stored.master_key_id}'"
            )
        return DataKey(connection=stored.connection, id=stored.id, secret=secret)


def _parse_entry(entry: str, position: int) -> tuple[str, bytes]:
    key_id, colon, encoded = entry.partition(":")
    if not colon or not KEY_ID.fullmatch(key_id):
        raise VaultError(f"Master key {position} has no usable id; {FORM}")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        # The cause would carry the text of the key into a traceback.
        raise VaultError(f"Master key {position} is not base64; {FORM}") from None
    if len(key) != KEY_BYTES:
        raise VaultError(f"Master key {position} is {len(key)} bytes long and not {KEY_BYTES}; {FORM}")
    if len(set(key)) < KEY_BYTES // 4:
        raise VaultError(f"Master key {position} is not random; {FORM}")
    return key_id, key


def _bound(*place: str | int) -> bytes:
    # JSON keeps the parts apart: ["a", "bc"] and ["ab", "c"] are different places.
    return json.dumps(["ml-connector vault 1", *place]).encode()


def _decrypt(key: bytes, nonce: bytes, text: bytes, place: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(nonce, text, place)
    except (InvalidTag, ValueError):  # ValueError: a truncated nonce
        return None
