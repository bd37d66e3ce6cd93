"""What is new or different since it was last sent, and in which portions it goes. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LARGEST_BODY = 5 * 1024 * 1024
"""Bytes; Basware accepts 6 MB (Basware API reference, master data limits)."""


@dataclass(frozen=True)
class Record:
    """A Basware record ready to be sent, the code people know it by, and the digest of its content."""

    company: str
    code: str
    entity: Mapping[str, Any]

    @property
    def external_code(self) -> str:
        """The record's key in Basware."""
        return str(self.entity["externalCode"])

    @property
    def body(self) -> bytes:
        """Its canonical JSON."""
        return json.dumps(self.entity, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, 16 hex digits."""
        return hashlib.sha256(self.body).hexdigest()[:16]


def changed(records: Iterable[Record], sent: Mapping[tuple[str, str], str]) -> list[Record]:
    """The records whose digest is not the one last sent, by (company, code); of two with one key the first counts."""
    found: dict[str, Record] = {}
    for record in records:
        if sent.get((record.company, record.code)) != record.digest:
            found.setdefault(record.external_code, record)
    return list(found.values())


def portions(records: Sequence[Record], *, most: int, largest: int = LARGEST_BODY) -> Iterator[list[Record]]:
    """The records in order, in portions of at most `most` records and `largest` bytes."""
    portion: list[Record] = []
    size = 2
    for record in records:
        length = len(record.body) + 1
        if portion and (len(portion) == most or size + length > largest):
            yield portion
            portion, size = [], 2
        portion.append(record)
        size += length
    if portion:
        yield portion
