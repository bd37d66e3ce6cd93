"""Reading an entity set: $filter, $select, $orderby, $top, $skip, $count over rows, with the server's page cap."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlc_sandbox.epicor.odata_filter import bad_query, predicate, unknown_property
from mlc_sandbox.epicor.tables import columns, empty, full
from mlc_sandbox.epicor.wire import Row

_OPTIONS = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$count", "$expand"})


@dataclass(frozen=True)
class Shape:
    """What an entity set looks like: its table, its key, and the properties whose OData name differs (alias trap)."""

    table: str
    keys: tuple[str, ...]
    aliases: Mapping[str, str]

    def properties(self) -> Mapping[str, str]:
        """Property name -> kind; an aliased column is known by its alias only."""
        return {self.aliases.get(name, name): kind for name, kind in columns(self.table).items()}

    def entity(self, row: Row, names: Iterable[str], *, every: bool = False) -> Row:
        """The row under its OData names, with at least these properties."""
        row = full(self.table, row) if every else row
        columns_of = {alias: name for name, alias in self.aliases.items()}
        missing = {name: columns_of.get(name, name) for name in names if columns_of.get(name, name) not in row}
        renamed = {alias: row[name] for name, alias in self.aliases.items() if name in row}
        found = {**row, **renamed, **{name: empty(self.table, column) for name, column in missing.items()}}
        for name in self.aliases:
            found.pop(name, None)
        return found


@dataclass(frozen=True)
class Page:
    """The entities that fit the cap, and how many there are in all."""

    value: list[Row]
    count: int


def read(
    shape: Shape, rows: Iterable[Row], options: Mapping[str, str], *, cap: int, every_column: bool = False
) -> Page:
    """The page of rows that the options ask for, at most `cap`. Raises KineticError (400) for a bad option."""
    _check_names(options)
    selected = _names(shape, options.get("$select", ""))
    order = _order(shape, options.get("$orderby", ""))
    needed = {*selected, *(name for name, _ in order), *_words(options.get("$filter", ""), shape.properties())}
    found = [shape.entity(row, needed, every=every_column) for row in rows]
    if options.get("$filter"):
        holds = predicate(options["$filter"], shape.properties(), entity=shape.table)
        found = [entity for entity in found if holds(entity)]
    for name, descending in reversed(order):
        found.sort(key=lambda entity: _sortable(entity[name]), reverse=descending)
    skip, top = _number(options, "$skip", 0), _number(options, "$top", cap)
    page = found[skip : skip + min(top, cap)]
    return Page([_selected(entity, selected) for entity in page], len(found))


def _check_names(options: Mapping[str, str]) -> None:
    for name in options:
        if name.startswith("$") and name not in _OPTIONS:
            raise bad_query(f"The query parameter '{name}' is not supported.")
    if options.get("$count", "false") not in ("true", "false"):
        raise bad_query("$count must be true or false.")


def _names(shape: Shape, text: str) -> Sequence[str]:
    names = [name.strip() for name in text.split(",")] if text else []
    for name in names:
        if name not in shape.properties():
            raise unknown_property(name, shape.table)
    return names


def _words(text: str, known: Mapping[str, str]) -> set[str]:
    return {word for word in re.findall(r"\w+", text) if word in known}


def _order(shape: Shape, text: str) -> Sequence[tuple[str, bool]]:
    if not text:
        return [(name, False) for name in shape.keys]
    found = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(" ")
        _names(shape, name)
        if direction.strip() not in ("", "asc", "desc"):
            raise bad_query(f"'{direction}' is not a direction of $orderby.")
        found.append((name, direction.strip() == "desc"))
    return found


def _sortable(value: Any) -> tuple[bool, Any]:
    return (False, "") if value is None else (True, value.casefold() if isinstance(value, str) else value)


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise bad_query(f"{name} must be a non-negative integer.")
    return int(text)


def _selected(entity: Row, names: Sequence[str]) -> Row:
    return {name: entity[name] for name in names} if names else dict(entity)
