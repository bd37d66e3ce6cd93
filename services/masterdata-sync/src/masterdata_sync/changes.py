"""What of a few rows is new or different, and in which portions it goes to Basware. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from masterdata_sync.kind import Untranslatable
from mlc_common.http import dump_json

LARGEST_BODY = 5 * 1024 * 1024
"""Bytes; Basware accepts 6 MB (Basware API reference, master data limits)."""


def digest_of(text: str | bytes) -> str:
    """SHA-256, 16 hex digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]


@dataclass(frozen=True)
class Record:
    """A Basware record ready to be sent, the code people know it by, and the key of its row in Epicor (a JSON list)."""

    company: str
    code: str
    entity: Mapping[str, Any]
    key: str = ""

    @property
    def external_code(self) -> str:
        """The record's key in Basware."""
        return str(self.entity["externalCode"])

    @cached_property
    def body(self) -> bytes:
        """Its canonical JSON."""
        try:
            return json.dumps(self.entity, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
        except TypeError:  # it holds amounts, which are written digit by digit
            return dump_json(_ordered(self.entity))

    @cached_property
    def digest(self) -> str:
        """Of the canonical JSON."""
        return digest_of(self.body)


def _ordered(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _ordered(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_ordered(item) for item in value]
        case _:
            return value


@dataclass(frozen=True)
class Unfit:
    """A row that is there and cannot become a record."""

    code: str
    reason: str
    key: str = ""

    @property
    def digest(self) -> str:
        """Of the reason; never that of a record."""
        return f"why:{digest_of(self.reason)}"


@dataclass(frozen=True)
class Known:
    """What is remembered of a record; see `mlc_common.tables.masterdata_records`."""

    code: str
    key: str | None = None
    missing: int = 0
    seen: str | None = None
    sent: str | None = None
    refused: str | None = None
    retired: bool = False


@dataclass(frozen=True)
class Judged:
    """What some rows mean.

    Args:
        present: every row that counts; it is there.
        changed: those that are not as they were when last seen, or are another row of Epicor now.
        to_send: records that Basware does not have as they are.
        twice: rows whose code another row of Epicor has already; they are left out.
    """

    present: Sequence[Record | Unfit] = ()
    changed: Sequence[Record | Unfit] = ()
    to_send: Sequence[Record] = ()
    twice: Sequence[Record | Unfit] = field(default=())


def judge(rows: Iterable[Record | Unfit], known: Mapping[str, Known], *, again: bool = False) -> Judged:
    """Compare rows with what is remembered of their codes.

    Of two rows with one code the one that came first owns it until it is gone; else they would take turns for ever.
    `again` sends what Basware refused before, though it is the same.
    """
    present: dict[str, Record | Unfit] = {}
    twice: list[Record | Unfit] = []
    for row in rows:
        before = known.get(row.code, Known(row.code))
        owned = before.key not in (None, row.key) and not before.missing and not before.retired
        if row.code in present or owned:
            twice.append(row)
        else:
            present[row.code] = row
    changed = [row for code, row in present.items() if _is_news(row, known.get(code, Known(code)))]
    to_send = [
        row
        for code, row in present.items()
        if isinstance(row, Record) and _is_due(row, known.get(code, Known(code)), again=again)
    ]
    return Judged(tuple(present.values()), changed, to_send, twice)


def _is_news(row: Record | Unfit, known: Known) -> bool:
    """Whether the facts do not say it yet; of old the key of a row was not among them."""
    return row.digest != known.seen or known.key not in (None, row.key)


def _is_due(record: Record, known: Known, *, again: bool) -> bool:
    return record.digest != known.sent and (again or record.digest != known.refused)


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


def too_many(gone: int, *, of: int, largest: float) -> bool:
    """Whether so many of so many records may not be retired without being asked; the last one of few always may."""
    return gone > max(1, int(of * largest))


def found(entity: Mapping[str, Any] | Untranslatable, *, company: str, code: str, key: str) -> Record | Unfit | None:
    """What a translated row is; None when it is not meant for Basware."""
    if isinstance(entity, Untranslatable):
        return None if entity.left_out else Unfit(entity.code or code or key, entity.reason, key)
    return Record(company, code, entity, key)
