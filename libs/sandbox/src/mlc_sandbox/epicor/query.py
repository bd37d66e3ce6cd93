"""Reading an entity set: $filter, $select, $orderby, $top, $skip, $count over rows, with the server's page cap."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mlc_sandbox.epicor.key_filter import following
from mlc_sandbox.epicor.odata_filter import bad_query, predicate, unknown_property
from mlc_sandbox.epicor.tables import columns, empty, full
from mlc_sandbox.epicor.wire import Row, sortable

_OPTIONS = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$count", "$expand"})


@dataclass(frozen=True)
class Shape:
    """What a list looks like: its table, its key, and the properties whose OData name differs (alias trap).

    `prefix` stands before every name, as in the result of a BAQ.
    """

    table: str
    keys: tuple[str, ...]
    aliases: Mapping[str, str]
    prefix: str = ""

    def properties(self) -> Mapping[str, str]:
        """Property name -> kind; an aliased column is known by its alias only."""
        return {self.name(column): kind for column, kind in columns(self.table).items()}

    def name(self, column: str) -> str:
        """What a column is called in the list."""
        return f"{self.prefix}{self.aliases.get(column, column)}"

    def column(self, name: str) -> str:
        """The column behind a name."""
        bare = name.removeprefix(self.prefix)
        return next((column for column, alias in self.aliases.items() if alias == bare), bare)

    def entity(self, row: Row, names: Iterable[str], *, every: bool = False) -> Row:
        """The row under its OData names, with at least these properties."""
        row = full(self.table, row) if every else row
        found = {self.name(column): value for column, value in row.items()} if self.prefix else dict(row)
        for column, alias in self.aliases.items():
            if column in found:
                found[alias] = found.pop(column)
        for name in names:
            if name not in found:
                found[name] = empty(self.table, self.column(name))
        return found


@dataclass(frozen=True)
class Page:
    """The entities that fit the cap, and how many there are in all (only when it was asked for)."""

    value: list[Row]
    count: int


def read(
    shape: Shape,
    rows: Iterable[Row],
    options: Mapping[str, str],
    *,
    cap: int,
    every_column: bool = False,
    in_order: bool = False,
) -> Page:
    """The page of rows that the options ask for, at most `cap`; `in_order` rows are in that of their key already.

    Raises KineticError (400) for a bad option.
    """
    _check_names(options)
    selected = _names(shape, options.get("$select", ""))
    order = _order(shape, options.get("$orderby", ""))
    properties, text = shape.properties(), options.get("$filter", "")
    needed = {*selected, *(name for name, _ in order), *_words(text, properties)}
    holds = predicate(text, properties, entity=shape.table) if text else None
    skip, top = _number(options, "$skip", 0), _number(options, "$top", cap)
    in_order = in_order and [shape.column(name) for name, _ in order] == key_columns(shape)
    found = _held(shape, _sorted(shape, rows, order, text, in_order=in_order), holds, needed, every=every_column)
    if options.get("$count") == "true":
        everything = list(found)
        page, count = everything[skip : skip + min(top, cap)], len(everything)
    else:
        page, count = list(islice(found, skip, skip + min(top, cap))), 0
    return Page([_selected(entity, selected) for entity in page], count)


def key_columns(shape: Shape) -> list[str]:
    """The columns of the key but for Company, which is the same in all rows of an answer."""
    return [shape.column(f"{shape.prefix}{name}") for name in shape.keys if name != "Company"]


def _sorted(
    shape: Shape, rows: Iterable[Row], order: Sequence[tuple[str, bool]], text: str, *, in_order: bool
) -> Iterator[Row]:
    """The rows in order; those before the key that the filter begins after are not looked at."""
    listed = rows if isinstance(rows, list) else list(rows)
    names = [shape.column(name) for name, _ in order]
    missing = {name: empty(shape.table, name) for name in names}

    def key(row: Row) -> list[Any]:
        return [sortable(row.get(name, missing[name])) for name in names]

    if not any(descending for _, descending in order):
        listed = listed if in_order else sorted(listed, key=key)
        after = following(text, [name for name, _ in order])
        # One more row than needed: the filter itself has the last word.
        start = bisect_left(listed, [sortable(value) for value in after], key=key) if after else 0
        return islice(listed, start, None)
    for name, (_, descending) in reversed(list(zip(names, order, strict=True))):
        listed = sorted(listed, key=lambda row: sortable(row.get(name, missing[name])), reverse=descending)
    return iter(listed)


def _held(
    shape: Shape, rows: Iterable[Row], holds: Callable[[Row], bool] | None, needed: set[str], *, every: bool
) -> Iterator[Row]:
    for row in rows:
        entity = shape.entity(row, needed, every=every)
        if holds is None or holds(entity):
            yield entity


def _check_names(options: Mapping[str, str]) -> None:
    for name in options:
        if name.startswith("$") and name not in _OPTIONS:
            raise bad_query(f"The query parameter '{name}' is not supported.")
    if options.get("$count", "false") not in ("true", "false"):
        raise bad_query("$count must be true or false.")


def _names(shape: Shape, text: str) -> Sequence[str]:
    names = [name.strip() for name in text.split(",")] if text else []
    known = shape.properties() if names else {}
    for name in names:
        if name not in known:
            raise unknown_property(name, shape.table)
    return names


def _words(text: str, known: Mapping[str, str]) -> set[str]:
    return {word for word in re.findall(r"\w+", text) if word in known}


def _order(shape: Shape, text: str) -> Sequence[tuple[str, bool]]:
    if not text:
        return [(f"{shape.prefix}{name}", False) for name in shape.keys]
    found = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(" ")
        _names(shape, name)
        if direction.strip() not in ("", "asc", "desc"):
            raise bad_query(f"'{direction}' is not a direction of $orderby.")
        found.append((name, direction.strip() == "desc"))
    return found


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise bad_query(f"{name} must be a non-negative integer.")
    return int(text)


def _selected(entity: Row, names: Sequence[str]) -> Row:
    return {name: entity[name] for name in names} if names else dict(entity)
