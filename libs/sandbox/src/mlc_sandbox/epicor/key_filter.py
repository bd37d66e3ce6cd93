"""Sees in a filter that it begins after a key, so that a large table need not be read through for every page."""

import re
from collections.abc import Sequence
from decimal import Decimal

_LITERAL = r"('(?:[^']|'')*'|[-\w.:+]+)"


def following(text: str, names: Sequence[str]) -> list[str | int | Decimal] | None:
    """The key that the filter's last part begins after, `a gt 1 or (a eq 1 and (b gt 2))`; None if it has none."""
    match = re.search(_pattern(names) + r"\)?$", text) if names else None
    if match is None:
        return None
    values = match.groups()
    firsts, repeats = values[::2], values[1::2]
    # Only the full form is understood: each value but the last is said twice.
    if any(one != other for one, other in zip(firsts, repeats, strict=False)):
        return None
    found = [_value(value) for value in firsts]
    return None if None in found else [value for value in found if value is not None]


def _pattern(names: Sequence[str]) -> str:
    name, *more = names
    begin = r"(?:^|and \()" if more else r"(?:^|and \(?)"
    return begin + _inner(name, more)


def _inner(name: str, more: Sequence[str]) -> str:
    greater = rf"{name} gt {_LITERAL}"
    if not more:
        return greater
    return greater + rf" or \({name} eq {_LITERAL} and \({_inner(more[0], more[1:])}\)\)"


def _value(text: str) -> str | int | Decimal | None:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'").rstrip()
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return Decimal(text) if re.fullmatch(r"-?\d+\.\d+", text) else None
