"""The part of PromQL that our alert rules use, evaluated over written series as Prometheus does; no more than that."""

from __future__ import annotations

import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import promql_parser as ql

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Point = tuple[float, float]

LOOK_BACK = 300.0
"""Seconds for which a sample stands when no newer one comes."""

ENDED = float("-nan")
"""What stands for Prometheus's stale marker: the series is told no more."""

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "MatchOp.Equal": operator.eq,
    "MatchOp.NotEqual": operator.ne,
    "MatchOp.Re": lambda pattern, value: re.fullmatch(pattern, value) is not None,
    "MatchOp.NotRe": lambda pattern, value: re.fullmatch(pattern, value) is None,
}
_AGGREGATES: dict[str, Callable[[Iterable[float]], float]] = {"sum": sum, "max": max, "min": min}
_OVER_TIME: dict[str, Callable[[Iterable[float]], float]] = {"max_over_time": max, "min_over_time": min}


@dataclass(frozen=True)
class Series:
    """One series as it was scraped: (seconds, value) in order; a value that is no number ends it."""

    name: str
    labels: Labels
    points: tuple[Point, ...]

    def until(self, at: float) -> Sequence[Point]:
        """What had been scraped by then."""
        return self.points[: bisect_right(self.points, at, key=lambda point: point[0])]


def written(series: str, values: str, *, every: float) -> Series:
    """A series in the notation of promtool: `name{label="value"}` and `1+2x3 _ stale`, so many seconds apart."""
    selector = ql.parse(series)
    assert isinstance(selector, ql.VectorSelector)
    assert selector.name is not None
    labels = frozenset((each.name, each.value) for each in selector.matchers.matchers)
    points: list[Point] = []
    for number, value in enumerate(_values(values)):
        if value is not None:
            points.append((number * every, value))
    return Series(selector.name, labels, tuple(points))


def _values(text: str) -> Iterable[float | None]:
    for word in text.split():
        repeated = re.fullmatch(r"(_|-?[\d.]+|-?Inf)(?:([+-][\d.]+))?(?:x(\d+))?", word)
        if word == "stale":
            yield ENDED
        elif repeated is None:
            raise ValueError(f"no value of a series: {word}")
        elif repeated[1] == "_":
            yield from [None] * int(repeated[3] or 1)
        else:
            yield from (
                float(repeated[1]) + number * float(repeated[2] or 0) for number in range(int(repeated[3] or 0) + 1)
            )


def evaluate(expression: str, series: Sequence[Series], *, at: float) -> Vector:
    """The vector that an expression gives at an instant, labels without the metric's name.

    Raises:
        ValueError: it is no PromQL.
        NotImplementedError: it uses something that no rule of ours has used yet.
    """
    found = _value(ql.parse(expression), series, at)
    assert isinstance(found, dict), "an alert's expression gives a vector"
    return found


def _value(expression: ql.Expr, series: Sequence[Series], at: float) -> Vector | float:
    match expression:
        case ql.ParenExpr():
            return _value(expression.expr, series, at)
        case ql.NumberLiteral():
            return expression.val
        case ql.VectorSelector():
            end = at - _offset(expression)
            last = {each.labels: each.until(end)[-1:] for each in _selected(expression, series)}
            return {labels: points[0][1] for labels, points in last.items() if points and _stands(points[0], end)}
        case ql.AggregateExpr():
            return _aggregated(expression, series, at)
        case ql.Call():
            return _called(expression, series, at)
        case ql.BinaryExpr():
            _plain(expression.modifier)
            left, right = _value(expression.lhs, series, at), _value(expression.rhs, series, at)
            return _combined(str(expression.op), left, right)
    raise NotImplementedError(type(expression).__name__)


def _stands(point: Point, at: float) -> bool:
    when, value = point
    return when > at - LOOK_BACK and value == value


def _offset(selector: ql.VectorSelector) -> float:
    if selector.at is not None or selector.name is None:
        raise NotImplementedError(selector.prettify())
    return selector.offset.total_seconds() if selector.offset else 0.0


def _selected(selector: ql.VectorSelector, series: Sequence[Series]) -> list[Series]:
    return [
        each
        for each in series
        if each.name == selector.name
        and all(
            _MATCHES[str(one.op)](one.value, dict(each.labels).get(one.name, "")) for one in selector.matchers.matchers
        )
    ]


def _aggregated(expression: ql.AggregateExpr, series: Sequence[Series], at: float) -> Vector:
    by = expression.modifier
    if str(expression.op) not in _AGGREGATES or by is None or by.type != ql.AggModifierType.By:
        raise NotImplementedError(expression.prettify())
    vector = _value(expression.expr, series, at)
    assert isinstance(vector, dict)
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(frozenset(each for each in labels if each[0] in by.labels), []).append(value)
    return {labels: _AGGREGATES[str(expression.op)](values) for labels, values in groups.items()}


def _called(call: ql.Call, series: Sequence[Series], at: float) -> Vector | float:
    name = call.func.name
    if name == "time":
        return at
    (argument,) = call.args
    if name == "absent":
        assert isinstance(argument, ql.VectorSelector)
        equal = [each for each in argument.matchers.matchers if each.op == ql.MatchOp.Equal]
        return {} if _value(argument, series, at) else {frozenset((each.name, each.value) for each in equal): 1.0}
    if not isinstance(argument, ql.MatrixSelector):
        raise NotImplementedError(call.prettify())
    end = at - _offset(argument.vector_selector)
    start = end - argument.range.total_seconds()
    found: Vector = {}
    for each in _selected(argument.vector_selector, series):
        points = [(when, value) for when, value in each.until(end) if when > start and value == value]
        if name in _OVER_TIME and points:
            found[each.labels] = _OVER_TIME[name](value for _, value in points)
        elif name in ("increase", "rate") and len(points) > 1:
            found[each.labels] = _grown(points, start, end) / (end - start if name == "rate" else 1)
        elif name not in (*_OVER_TIME, "increase", "rate"):
            raise NotImplementedError(name)
    return found


def _grown(points: Sequence[Point], start: float, end: float) -> float:
    """What a counter grew, its resets made up for, carried on to the edges of the window as Prometheus does."""
    (first, low), (last, high) = points[0], points[-1]
    grown = high - low + sum(before for (_, before), (_, after) in pairwise(points) if after < before)
    sampled = last - first
    apart = sampled / (len(points) - 1)
    ahead, behind = first - start, end - last
    ahead = ahead if ahead < apart * 1.1 else apart / 2
    behind = behind if behind < apart * 1.1 else apart / 2
    if grown > 0 <= low:
        ahead = min(ahead, sampled * low / grown)
    return grown * (sampled + ahead + behind) / sampled


def _plain(modifier: ql.BinModifier | None) -> None:
    if modifier is not None and (modifier.matching is not None or modifier.return_bool or modifier.group_labels):
        raise NotImplementedError(str(modifier))


def _combined(sign: str, left: Vector | float, right: Vector | float) -> Vector | float:
    if isinstance(left, dict) and isinstance(right, dict):
        match sign:
            case "and":
                return {labels: value for labels, value in left.items() if labels in right}
            case "unless":
                return {labels: value for labels, value in left.items() if labels not in right}
            case "or":
                return right | left
        pairs = {labels: (value, right[labels]) for labels, value in left.items() if labels in right}
    elif isinstance(left, dict) and not isinstance(right, dict):
        pairs = {labels: (value, right) for labels, value in left.items()}
    elif isinstance(right, dict) and not isinstance(left, dict):
        pairs = {labels: (left, value) for labels, value in right.items()}
    else:
        raise NotImplementedError(f"{left} {sign} {right}")
    if sign in _ARITHMETIC:
        return {labels: _ARITHMETIC[sign](*both) for labels, both in pairs.items()}
    kept = 0 if isinstance(left, dict) else 1
    return {labels: both[kept] for labels, both in pairs.items() if _COMPARISON[sign](*both)}
