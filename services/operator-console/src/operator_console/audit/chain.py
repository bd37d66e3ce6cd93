"""The hash chain of one stream: what a link binds, and how links fold into one running digest. Pure.

The format is public and fixed (docs/audit.md); whoever changes it makes a new number of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

DIGEST = 32
LINK = 2 * DIGEST
"""Bytes of a link: the digest of the message's owner, then that of its content."""

ADDED_WHEN_READ = frozenset(
    {
        "Nats-Stream",
        "Nats-Subject",
        "Nats-Sequence",
        "Nats-Time-Stamp",
        "Nats-Num-Pending",
        "Nats-Last-Sequence",
        "Nats-UpTo-Sequence",
    }
)
"""Headers that the server adds to a message when it hands it out; they are not stored with it."""

LOST = bytes(LINK)
"""The link of a sequence that the stream no longer held when the chain came by."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its stream holds it; `time` is the server's RFC 3339 text, `payload` the bytes as stored."""

    stream: str
    sequence: int
    time: str
    subject: str
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: bytes = b""


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: UTF-8, keys sorted, no blanks."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def owner_of(subject: str) -> str:
    """What a message belongs to: the first three tokens of its subject, for DOCUMENTS one accounting document."""
    return ".".join(subject.split(".")[:3])


def owner_digest(owner: str) -> bytes:
    """The digest by which a link names its owner (32 bytes)."""
    return sha256(f"ml-connector owner 1\n{owner}".encode()).digest()


def link_of(message: Message) -> bytes:
    """The link of a message (64 bytes). A payload under claim check is bound by its digest in the header."""
    content = canonical(
        {
            "headers": dict(message.headers),
            "payload": sha256(message.payload).hexdigest(),
            "sequence": message.sequence,
            "stream": message.stream,
            "subject": message.subject,
            "time": message.time,
        }
    )
    return owner_digest(owner_of(message.subject)) + sha256(b"ml-connector content 1\n" + content).digest()


def genesis(stream: str) -> bytes:
    """The running digest before the first message of a stream."""
    return sha256(f"ml-connector chain 1\n{stream}".encode()).digest()


def step(head: bytes, sequence: int, link: bytes) -> bytes:
    """The running digest after one more message."""
    return sha256(head + sequence.to_bytes(8, "big") + link).digest()


def fold(head: bytes, first: int, links: bytes) -> bytes:
    """The running digest after the links of the sequences from `first` on."""
    for sequence, link in enumerate(split(links), first):
        head = step(head, sequence, link)
    return head


def split(links: bytes) -> Iterator[bytes]:
    """Links that were joined, one by one."""
    return (links[at : at + LINK] for at in range(0, len(links), LINK))
