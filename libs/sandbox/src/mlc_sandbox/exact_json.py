"""JSON with exact decimals: an amount keeps its digits from the text to the text."""

import json
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any


def loads(text: str | bytes) -> Any:
    """Parse JSON; every number with a fraction or an exponent becomes a Decimal. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def dumps(value: Any) -> str:
    """JSON text in which a Decimal is written digit for digit: `1240.00` stays `1240.00`."""
    match value:
        case str():
            return encode_basestring(value)
        case Decimal():
            return format(value, "f")
        case Mapping():
            return "{" + ",".join([f"{encode_basestring(name)}:{dumps(item)}" for name, item in value.items()]) + "}"
        case list() | tuple() | set() | frozenset():
            return "[" + ",".join(map(dumps, value)) + "]"
        case _:
            return json.dumps(value)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")
