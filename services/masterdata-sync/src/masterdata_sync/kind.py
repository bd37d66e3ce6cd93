"""What a kind of master data is: where its rows come from and how one becomes a Basware record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Entity = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """Whose record it is: the Basware company, and the system it comes from (at most 36 characters).

    `terms` are Epicor's payment terms that Basware knows under another code.
    """

    company: str
    source_system: str
    terms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Untranslatable:
    """A row that cannot become a Basware record, and why."""

    code: str
    reason: str


@dataclass(frozen=True)
class Kind:
    """One kind of master data.

    Args:
        name: in events and subjects.
        source: Epicor service and entity set.
        key: the unique field the rows are read in the order of.
        select: the fields that are read.
        code: the field that holds the code people use.
        translate: a row to a record, or why not.
        most: records Basware takes in one request.
    """

    name: str
    source: str
    key: str
    select: tuple[str, ...]
    code: str
    translate: Callable[[Row, Owner], Entity | Untranslatable]
    most: int
