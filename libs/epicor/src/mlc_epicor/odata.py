"""OData filters as text. Pure. (Epicor reference, OData syntax: strings single-quoted, a quote in them doubled.)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

Value = str | int | Decimal | bool

KEYS_PER_CALL = 20
"""Keys in one `or` filter; keeps an address under two kilobytes."""


def literal(value: Value) -> str:
    """A value as it stands in a filter."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Decimal():
            return format(value, "f")
    return str(value)


def equals(field: str, value: Value) -> str:
    """`field eq value`."""
    return f"{field} eq {literal(value)}"


def any_of(field: str, values: Iterable[Value]) -> str:
    """`(field eq a or field eq b …)`."""
    return "(" + " or ".join(equals(field, value) for value in values) + ")"


def both(*conditions: str | None) -> str | None:
    """The conditions joined by `and`; None when there is none."""
    given = [condition for condition in conditions if condition]
    return " and ".join(given) if given else None


def chunks(values: Sequence[str], size: int = KEYS_PER_CALL) -> Iterator[Sequence[str]]:
    """The values in groups of at most `size`."""
    return (values[start : start + size] for start in range(0, len(values), size))


def collated(text: str) -> str:
    """A key as the database compares it: without case and without blanks at its ends."""
    return text.strip().casefold()
