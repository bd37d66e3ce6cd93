"""Members of Basware records out of columns of Epicor: texts, numbers, days, names, keys. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from masterdata_sync.kind import Entity, Owner, Row, Untranslatable
from mlc_basware.targets import Target

LONGEST_EXTERNAL_CODE = 36
LONGEST_NAME = 2000
FIRST_DAY = "2015-01-01T00:00:00Z"
LAST_DAY = "2099-12-31T00:00:00Z"
"""What stands where Basware wants a validity and Epicor has none (Basware API reference, §8.7)."""

_IN_A_PATH = re.compile(r"[A-Za-z0-9._-]+")
_NAMESPACE = uuid.UUID("6f2a7d0e-6f5c-5b0e-9a44-1f7f5d1c2b10")


def checked(target: Target, code: str, entity: Entity) -> Entity | Untranslatable:
    """The record when Basware's schema takes it, else why not."""
    objection = target.objection(entity)
    return entity if objection is None else Untranslatable(code, objection)


def text(row: Row, column: str, longest: int | None = None) -> str:
    """A column as text without blanks at its ends, cut after `longest` characters; empty where there is none."""
    value: Any = row.get(column)
    found = "" if value is None else str(value).strip()
    return found if longest is None else found[:longest].rstrip()


def number(row: Row, column: str) -> Decimal:
    """A column as a number, 0 where there is none; 8.250 and 8.25 are the same."""
    return plain(Decimal(str(row.get(column) or 0)))


def plain(value: Decimal) -> Decimal:
    """The number with no zeros at its end and no exponent, so that equal ones read alike."""
    return Decimal(format(value.normalize(), "f"))


def day(row: Row, column: str) -> str | None:
    """A calendar day as Basware takes one (§12.11), or None where the column holds none."""
    found = calendar_day(row, column)
    return None if found is None else f"{found.isoformat()}T00:00:00Z"


def calendar_day(row: Row, column: str) -> date | None:
    """A column's calendar day as written, whatever clock time and offset follow."""
    try:
        return date.fromisoformat(text(row, column)[:10])
    except ValueError:
        return None


def names(code: str, name: str) -> list[dict[str, str]]:
    """A name for P2P, which needs en-US and two characters: a shorter one gets its code, or a word, before it."""
    long_enough = next(each for each in (name, f"{code} {name}".strip(), f"Code {code}") if len(each) > 1)
    return [{"language": "en-US", "translation": long_enough[:LONGEST_NAME]}]


def external_code(company: str, code: str, suffix: str = "") -> str:
    """The record's key in Basware: readable when it fits and may stand in a URL, else derived from the same text."""
    readable = f"{company}_{code}{suffix}"
    if len(readable) <= LONGEST_EXTERNAL_CODE and _IN_A_PATH.fullmatch(readable):
        return readable
    return str(uuid.uuid5(_NAMESPACE, readable))


def inherited(owner: Owner, *, active: bool) -> list[dict[str, Any]]:
    """`companies` of accounts, tax codes and payment terms."""
    return [{"companyCode": owner.company, "inherit": False, "active": active}]


def flagged(owner: Owner, *, active: bool) -> list[dict[str, Any]]:
    """`companies` of cost centres, projects, rates and list items."""
    return [{"companyCode": owner.company, "active": active}]


def inactive(entity: Entity) -> Entity:
    """The record, not active in any of its companies; none is left out, whatever P2P would make of that (§7)."""
    return entity | {"companies": [{**company, "active": False} for company in entity["companies"]]}


def given(members: Mapping[str, Any]) -> Entity:
    """The members that hold something: Basware empties what is left out of a complete record."""
    return {name: value for name, value in members.items() if value not in (None, "", [])}
