"""Ed25519 signatures of anchors and bundles, and the anchor itself. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field

from operator_console.audit.chain import canonical

PEM_END = b"-----END PUBLIC KEY-----"
HEX_DIGEST = r"^[0-9a-f]{64}$"

Keys = Mapping[str, Ed25519PublicKey]
Signatures = dict[str, str]
"""Key id -> signature in base64."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key that is open: 32 bytes of seed, never written down as it is."""

    id: str
    seed: bytes = field(repr=False)

    @classmethod
    def of(cls, seed: bytes) -> Self:
        """The signer of a seed; its id follows from the public key."""
        return cls(id=key_id(Ed25519PrivateKey.from_private_bytes(seed).public_key()), seed=seed)

    @property
    def public(self) -> Ed25519PublicKey:
        """The key that everybody may have."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key()

    def sign(self, statement: bytes) -> str:
        """The signature in base64."""
        return base64.b64encode(Ed25519PrivateKey.from_private_bytes(self.seed).sign(statement)).decode()


class Anchor(BaseModel):
    """A signed statement: after this sequence the chain of this stream stood at this digest."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["anchor"] = "anchor"
    format: Literal[1] = 1
    stream: str
    sequence: int = Field(ge=1)
    head: str = Field(pattern=HEX_DIGEST, description="SHA-256 in hexadecimal")
    at: str = Field(description="when it was signed, by the signer's clock; ISO 8601 in UTC")
    previous: str | None = Field(pattern=HEX_DIGEST, description="digest of the anchor before this one")
    signatures: Signatures = Field(description="key id -> Ed25519 signature in base64")

    def statement(self) -> bytes:
        """What is signed."""
        return b"ml-connector anchor 1\n" + canonical(self.model_dump(exclude={"signatures"}))

    def digest(self) -> str:
        """By which the next anchor names this one."""
        return sha256(self.statement()).hexdigest()

    def signed(self, signers: Sequence[Signer]) -> Self:
        """The same anchor with the signature of each signer."""
        return self.model_copy(update={"signatures": signatures(self.statement(), signers)})

    def to_json(self) -> bytes:
        """Its one text."""
        return canonical(self.model_dump())


def signatures(statement: bytes, signers: Sequence[Signer]) -> Signatures:
    """One signature by each signer."""
    return {each.id: each.sign(statement) for each in signers}


def attested(statement: bytes, by: Signatures, keys: Keys) -> bool | None:
    """Whether the keys that we hold signed this; None when none of them claims to have."""
    ours = [(keys[name], signature) for name, signature in by.items() if name in keys]
    return all(_valid(key, statement, signature) for key, signature in ours) if ours else None


def _valid(key: Ed25519PublicKey, statement: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), statement)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def key_id(key: Ed25519PublicKey) -> str:
    """The name of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def pem(key: Ed25519PublicKey) -> str:
    """A public key as text for a file."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_keys(text: bytes) -> Keys:
    """The Ed25519 public keys of a PEM file, by id.

    Raises:
        ValueError: it holds none, or something else.
    """
    blocks = [block + PEM_END for block in text.split(PEM_END)[:-1]]
    keys = [load_pem_public_key(block) for block in blocks]
    ed25519 = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not keys or len(ed25519) != len(keys):
        raise ValueError("no Ed25519 public key in PEM form")
    return {key_id(key): key for key in ed25519}
