"""What an attachment is called in Epicor, and how ours is told from others. Pure.

A file name from Basware comes from outside: what is left of it is a name and never a path.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mlc_common.events import AttachingIntended, AttachmentLinked, AttachmentRefused, AttachmentStored, Event

LONGEST_STEM = 60
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,8}")
_NOT_IN_A_NAME = re.compile(r"[^\w .()+-]|_(?=_)")

Row = dict[str, Any]


def mark(event: AttachmentStored) -> str:
    """Our id of an attachment, the same for ever: it stands in the row's description and in the file's name."""
    about = f"{event.invoice_id}\n{event.external_code}"
    return f"bw{hashlib.sha256(about.encode()).hexdigest()[:16]}"


def file_name(event: AttachmentStored, *, number: int) -> str:
    """The name under which Epicor gets the file, the `number`th try: readable, without a path, and ours alone."""
    stem, extension = _parts(event.filename)
    again = f"-{number}" if number > 1 else ""
    return f"{stem or event.category.lower() or 'file'} {mark(event)}{again}{extension}"


def description(event: AttachmentStored) -> str:
    """The row's DrawDesc; the mark stands first, where a short column does not cut it."""
    stem, extension = _parts(event.filename)
    return f"{mark(event)} {stem}{extension}".strip()


def address(event: AttachmentStored, base: str) -> str:
    """Where people find the stored file, under the address that the connection names."""
    parts = (event.connection, event.invoice_id, event.external_code)
    return "/".join((base, *(quote(part, safe="") for part in parts)))


def ours_in(rows: Iterable[Row], event: AttachmentStored) -> Row | None:
    """The row of this attachment, whoever wrote it: its mark is in the description or in the file's name."""
    sought = mark(event)
    texts = ((row, f"{row.get('DrawDesc') or ''}\n{row.get('FileName') or ''}".casefold()) for row in rows)
    return next((row for row, text in texts if sought in text), None)


def settled(history: Iterable[Event], event: AttachmentStored) -> bool:
    """Whether this attachment of this transfer is in Epicor, or was given up."""
    return any(isinstance(each, AttachmentLinked | AttachmentRefused) and _same(each, event) for each in history)


def last_intent(history: Iterable[Event], event: AttachmentStored) -> AttachingIntended | None:
    """The last time its row was sent, as far as is on record."""
    found = [each for each in history if isinstance(each, AttachingIntended) and _same(each, event)]
    return max(found, key=lambda each: each.number, default=None)


def wait_left(intent: AttachingIntended | None, pauses: Sequence[float], *, now: datetime) -> float:
    """Seconds until a row that was sent and is not there is looked for again, or, after the last pause, sent again."""
    if intent is None:
        return 0
    passed = (now - intent.at).total_seconds()
    looks = [sum(pauses[: count + 1]) for count in range(len(pauses))]
    return next((look - passed for look in looks if look > passed), 0)


def _same(fact: AttachmentLinked | AttachmentRefused | AttachingIntended, event: AttachmentStored) -> bool:
    return (fact.attempt, fact.external_code) == (event.attempt, event.external_code)


def _parts(filename: str) -> tuple[str, str]:
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", filename)[-1])
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem.strip(". ") or not _EXTENSION.fullmatch(extension):
        stem, extension = name, ""
    plain = " ".join(_NOT_IN_A_NAME.sub("_", stem).split()).strip(". ")[:LONGEST_STEM].strip(". ")
    return plain, f".{extension}" if extension else ""
