"""Personal members of a document's JSON text: taken out, put back, or replaced for good. Pure.

The text around them is not touched: put back, it is again what was read, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

ERASED = "(erased)"
"""What a reader finds where personal data was erased."""


def take_out(text: str, members: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """The text with the placeholder in place of each such member's value, and the values as they were written.

    Members are found at any depth and in any case; only texts and numbers are taken out.
    """
    pattern = _pattern(members)
    values = tuple(match["value"] for match in pattern.finditer(text))
    return pattern.sub(lambda match: f'{match["name"]}"{ERASED}"', text), values


def put_back(text: str, members: Iterable[str], values: Sequence[str]) -> str:
    """The text as it was.

    Raises:
        ValueError: it is not the text that these values were taken out of.
    """
    pattern = _pattern(members)
    if len(pattern.findall(text)) != len(values):
        raise ValueError("another number of personal members")
    left = iter(values)
    return pattern.sub(lambda match: f"{match['name']}{next(left)}", text)


def _pattern(members: Iterable[str]) -> re.Pattern[str]:
    # In JSON a bare quote only begins or ends a text, so a name in quotes with a colon behind it is a member.
    names = "|".join(map(re.escape, sorted(members))) or r"(?!)"
    value = r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*'
    return re.compile(rf'(?P<name>"(?:{names})"\s*:\s*)(?P<value>{value})', re.IGNORECASE | re.DOTALL)
