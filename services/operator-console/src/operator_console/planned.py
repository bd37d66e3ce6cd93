"""A document and what it becomes by connection documents, then and now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A recorded document that is to be planned; `version` is the mapping version that it was last handled with."""

    connection: str
    invoice_id: str
    number: str | None
    document: str
    at: datetime
    version: int | None = None
    vendor_num: int | None = None
    orders: Any = None


@dataclass(frozen=True)
class Planned:
    """What a document becomes, then and now; without `then` there is nothing to compare with.

    `unreadable` says why it cannot be planned at all; `version` is the mapping version of now,
    where it is a stored one.
    """

    asked: Asked
    now: Mapping[str, str]
    posts: bool
    then: Mapping[str, str] | None = None
    posted_then: bool = False
    version: int | None = None
    unreadable: str | None = None

    @property
    def change(self) -> str:
        """In one word: unchanged, changed, newly refused, newly posted, unreadable; planned without a comparison."""
        if self.unreadable is not None:
            return "unreadable"
        if self.then is None:
            return "planned"
        if self.posts != self.posted_then:
            return "newly posted" if self.posts else "newly refused"
        return "unchanged" if self.now == self.then else "changed"

    @property
    def refused(self) -> str | None:
        """Why it would not be posted now; None when it would."""
        if self.unreadable is not None or self.posts:
            return self.unreadable
        return " ".join(dict.fromkeys(self.now.values()))

    @property
    def difference(self) -> tuple[str, ...]:
        """Each line that differs, as `line: then -> now`."""
        then, now = self.then or {}, self.now
        keys = [*then, *(key for key in now if key not in then)]
        return tuple(
            f"{key}: {then.get(key, '(nothing)')} -> {now.get(key, '(nothing)')}"
            for key in keys
            if then.get(key) != now.get(key)
        )
