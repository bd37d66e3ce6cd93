"""What is asked of Epicor when many rows are read, whichever way they are read. Pure.

Epicor reference, reading: the names are the dataset's; in OData a column named like its entity gets a `1` (GLAccount1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from mlc_epicor.odata import literal

Row = Mapping[str, Any]
Cursor = Mapping[str, Any]
"""Where a reading goes on: JSON, made by the way of reading that understands it."""

Value = str | int | Decimal | bool | date
Operator = Literal["eq", "ne", "gt", "ge", "lt", "le"]
Condition = tuple[str, Operator, Value]
"""Column, operator, value."""

DateForm = Literal["plain", "zulu", "datetime"]
DATE_FORMS: tuple[DateForm, ...] = ("plain", "zulu", "datetime")
"""`2026-11-22T00:00:00`, the same with `Z`, and OData 3's `datetime'…'`; which one a server takes is not documented
(Epicor reference, OData syntax)."""

REVISION = "SysRevID"

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_SQL: Mapping[Operator, str] = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}


@dataclass(frozen=True)
class Question:
    """Which rows are wanted.

    Args:
        service: business object, for example `Erp.BO.VendorSvc`.
        entity_set: its OData entity set.
        table: its table in a tableset.
        key: the full key without Company, in order.
        columns: what is wanted of a row beside its key.
        aliases: dataset name -> OData name, where they differ.
        where: conditions that every row meets.
        size: rows wanted at once; the server may give fewer.
    """

    service: str
    entity_set: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    where: tuple[Condition, ...] = ()
    size: int = 100

    @property
    def wanted(self) -> tuple[str, ...]:
        """Key and columns, each once."""
        return tuple(dict.fromkeys((*self.key, *self.columns)))

    def narrowed(self, *conditions: Condition) -> Question:
        """The same question with more conditions."""
        return replace(self, where=(*self.where, *conditions))

    def key_of(self, row: Row) -> tuple[Value, ...]:
        """A row's key."""
        return tuple(row[column] for column in self.key)


@dataclass(frozen=True)
class Page:
    """Some rows, by dataset names, and where to go on; without rows it was the last one unless `more`."""

    rows: Sequence[dict[str, Any]]
    cursor: Cursor
    more: bool


def date_literal(value: str | date, form: DateForm) -> str:
    """A moment as it stands in an OData filter."""
    text = value if isinstance(value, str) else _iso(value)
    bare = text.removesuffix("Z")
    match form:
        case "plain":
            return text
        case "zulu":
            return text if text != bare or re.search(r"[+-]\d\d:\d\d$", text) else f"{text}Z"
        case "datetime":
            return f"datetime'{bare}'"


def _iso(value: date) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else f"{value.isoformat()}T00:00:00"


def is_moment(value: object) -> bool:
    """Whether a value is a date: JSON has none, so a text of exactly that form is one."""
    return isinstance(value, date) or (isinstance(value, str) and _MOMENT.fullmatch(value) is not None)


def odata_value(value: Value, form: DateForm) -> str:
    """A value as it stands in a filter."""
    if isinstance(value, date) or is_moment(value):
        return date_literal(str(value) if isinstance(value, str) else value, form)  # type: ignore[arg-type]
    return literal(value)


def odata_condition(name: str, operator: Operator, value: Value, form: DateForm) -> str:
    """`Name ge value`."""
    return f"{name} {operator} {odata_value(value, form)}"


def odata_after(names: Sequence[str], values: Sequence[Value], form: DateForm) -> str:
    """The rows whose key follows this one: `a gt 1 or (a eq 1 and (b gt 2))`."""
    name, *more = names
    value, *others = values
    greater = odata_condition(name, "gt", value, form)
    if not more:
        return greater
    return f"{greater} or ({odata_condition(name, 'eq', value, form)} and ({odata_after(more, others, form)}))"


def sql_where(conditions: Iterable[Condition]) -> str:
    """The conditions as a where-clause of GetRows; an empty one means every row (Epicor reference, paging)."""
    return " AND ".join(f"{column} {_SQL[operator]} {_sql_value(value)}" for column, operator, value in conditions)


def _sql_value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case date():
            return f"'{_iso(value)}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Decimal():
            return format(value, "f")
    return str(value)
