"""The filter language of OData 4 as far as Epicor clients use it: text -> predicate over a row."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mlc_sandbox.epicor.wire import BAD_QUERY, KineticError, Row

Predicate = Callable[[Row], bool]
Value = Callable[[Row], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<mark>[(),]))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": operator.contains,
}
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


def bad_query(message: str) -> KineticError:
    """A query that Epicor's OData layer refuses."""
    return KineticError(message, kind=BAD_QUERY)


def predicate(text: str, columns: Mapping[str, str], *, entity: str) -> Predicate:
    """The filter as a function of a row.

    `columns` maps each property to string | number | boolean | date. Names, operators and functions are case-sensitive;
    string values compare as in Epicor's database: case and trailing blanks do not count.
    Raises KineticError (400) for what is not a filter, an unknown property, or a comparison of unlike types.
    """
    parser = _Parser(_tokens(text), columns, entity)
    found = parser.disjunction()
    parser.end()
    return found


def taken_literals(text: str, form: str) -> None:
    """Raises KineticError (400) when the filter writes an instant in a form that this tenant does not take.

    `form` is zoned (only with a zone), local (only without one) or any; which one a tenant takes is not documented.
    """
    for kind, found in _tokens(text) if form != "any" else ():
        if kind == "date" and found.endswith("Z") != (form == "zoned"):
            raise bad_query(f"The value '{found}' is not a date and time of the form that is expected.")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise bad_query(f"Syntax error at position {position} in '{text}'.")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


@dataclass(frozen=True)
class _Operand:
    kind: str
    read: Value


class _Parser:
    """Recursive descent: disjunction > conjunction > negation > comparison > operand."""

    def __init__(self, tokens: list[tuple[str, str]], columns: Mapping[str, str], entity: str) -> None:
        self._tokens, self._columns, self._entity = tokens, columns, entity
        self._at = 0

    def disjunction(self) -> Predicate:
        left = self._conjunction()
        while self._take("or"):
            left = _either(left, self._conjunction())
        return left

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise bad_query(f"Syntax error: '{self._tokens[self._at][1]}' was not expected.")

    def _conjunction(self) -> Predicate:
        left = self._negation()
        while self._take("and"):
            left = _both(left, self._negation())
        return left

    def _negation(self) -> Predicate:
        if self._take("not"):
            inner = self._negation()
            return lambda row: not inner(row)
        if self._take("("):
            found = self.disjunction()
            self._need(")")
            return found
        return self._comparison()

    def _comparison(self) -> Predicate:
        if self._peek() in _TEXT and self._peek(1) == "(":
            return self._text_function()
        left = self._operand()
        name = self._peek()
        if name not in _COMPARE:
            if left.kind == "boolean":
                return lambda row: bool(left.read(row))
            raise bad_query(f"An operator was expected in the filter, not '{name}'.")
        self._at += 1
        return _compared(left, name, self._operand())

    def _text_function(self) -> Predicate:
        test = _TEXT[self._next()]
        self._need("(")
        whole = self._operand()
        self._need(",")
        part = self._operand()
        self._need(")")
        if {whole.kind, part.kind} != {"string"}:
            raise bad_query("A text function takes strings.")
        return lambda row: test(whole.read(row), part.read(row))

    def _operand(self) -> _Operand:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")
        self._at += 1
        match kind:
            case "string":
                return _constant("string", _comparable(text[1:-1].replace("''", "'")))
            case "date":
                return _constant("date", _moment(text))
            case "number":
                return _constant("number", Decimal(text))
            case "name" if text in _LITERALS:
                return _constant("null" if text == "null" else "boolean", _LITERALS[text])
            case "name":
                return self._property(text)
        raise bad_query(f"A value was expected in the filter, not '{text}'.")

    def _property(self, name: str) -> _Operand:
        if name not in self._columns:
            raise unknown_property(name, self._entity)
        kind = self._columns[name]
        convert = {"string": _comparable, "date": _moment}.get(kind, lambda value: value)
        return _Operand(kind, lambda row: None if row[name] is None else convert(row[name]))

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _take(self, text: str) -> bool:
        found = self._peek() == text
        self._at += found
        return found

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise bad_query(f"'{text}' was expected in the filter, not '{self._peek()}'.")


def unknown_property(name: str, entity: str) -> KineticError:
    """Epicor's words for a column that is not there."""
    return bad_query(f"Could not find a property named '{name}' on type 'Erp.{entity}'.")


def _constant(kind: str, value: Any) -> _Operand:
    return _Operand(kind, lambda _: value)


def _comparable(text: str) -> str:
    return text.rstrip().casefold()


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise bad_query(f"'{text}' is not a date.") from None


def _either(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) or right(row)


def _both(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) and right(row)


def _compared(left: _Operand, name: str, right: _Operand) -> Predicate:
    test = _COMPARE[name]
    if left.kind != right.kind and "null" not in (left.kind, right.kind):
        raise bad_query(f"A {left.kind} cannot be compared with a {right.kind}.")

    def holds(row: Row) -> bool:
        one, other = left.read(row), right.read(row)
        if one is None or other is None:
            return test(one, other) if name in ("eq", "ne") else False
        return test(one, other)

    return holds
