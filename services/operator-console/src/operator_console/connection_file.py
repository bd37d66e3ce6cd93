"""Reads a connection file: YAML to document, every mistake located by line and path, no secret shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mlc_basware import members
from mlc_common.connection import ConnectionDocument
from mlc_common.far_side_names import KnownNames
from mlc_epicor import columns
from operator_console.exits import CommandError, Exit

Path = tuple[str | int, ...]
LONGEST_VALUE = 60
_QUOTED = re.compile(r"'(?!<)[^']{2,}'")
"""What a parser quotes from the file; it may be half a password."""

_KEY = "[key]"
"""What a parser adds to the path of a key that is wrong itself."""

_SECRET = re.compile(r"secret|password|passwd|api_?key|token$", re.IGNORECASE)


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with a file: where, what stands there, and what may stand there."""

    line: int | None
    path: str
    value: str | None
    allowed: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        found = f" is {self.value}" if self.value is not None else ""
        return f"{where}{self.path or 'the file'}{found}: {self.allowed}"


class MistakesError(CommandError):
    """A file with mistakes; all of them at once."""

    def __init__(self, name: str, mistakes: list[Mistake]) -> None:
        lines = "".join(f"\n  {mistake}" for mistake in mistakes)
        super().__init__(f"{name} is not a valid connection file:{lines}", code=Exit.USAGE)
        self.mistakes = mistakes


NAMES = KnownNames(
    document=members.PLAIN_IN_DOCUMENT,
    row=members.CODING_ROW,
    header_is_ours=columns.header_is_ours,
    line_is_ours=columns.line_is_ours,
)
"""The names of the far sides that a file may use."""


_BOOLEAN = "tag:yaml.org,2002:bool"


class _Exact(yaml.SafeLoader):
    """YAML whose fractions become Decimal, straight from the literal, and whose `off` and `NO` stay words."""


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal | float:
    text = str(loader.construct_scalar(node)).replace("_", "")
    try:
        return Decimal(text)
    except ArithmeticError:  # .inf and .nan: pydantic refuses them where they stand
        return loader.construct_yaml_float(node)


_Exact.add_constructor("tag:yaml.org,2002:float", _decimal)
_Exact.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Exact.add_implicit_resolver(_BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def parse(text: str, *, name: str) -> ConnectionDocument:
    """The connection document of a YAML text; `name` names the file in sentences.

    Raises:
        MistakesError: with every mistake.
    """
    try:
        loader = _Exact(text)
        tree = loader.get_single_node()
        if tree is None:
            raise MistakesError(name, [Mistake(None, "", None, "it is empty")])
        twice = list(_twice(tree, ()))
        if twice:
            raise MistakesError(name, twice)
        content = loader.construct_document(tree)
    except yaml.YAMLError as error:
        raise MistakesError(name, [_syntax(error)]) from None
    try:
        return ConnectionDocument.model_validate(content, context=NAMES)
    except ValidationError as error:
        lines = dict(_lines(tree, ()))
        mistakes = [_mistake(each, lines) for each in error.errors(include_url=False) if not _follows(each)]
        raise MistakesError(name, mistakes) from None


def _syntax(error: yaml.YAMLError) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return Mistake(mark.line + 1 if mark else None, "", None, f"this is no YAML: {_QUOTED.sub('…', problem)}")


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from (
                (below, line) for below, line in _lines(value, (*path, key.value)) if below != (*path, key.value)
            )
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*path, number))


def _twice(node: yaml.Node, path: Path) -> Iterator[Mistake]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield Mistake(
                    key.start_mark.line + 1, _dotted(_known((*path, key.value))), None, "stands here twice; keep one"
                )
            seen.add(key.value)
            yield from _twice(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _twice(value, (*path, number))


def _mistake(error: ErrorDetails, lines: Mapping[Path, int]) -> Mistake:
    path = tuple(step for step in error["loc"] if step != _KEY)
    line = next((lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in lines), None)
    if error["type"] == "extra_forbidden":
        return Mistake(line, _dotted(path[:-1]), None, _unknown(path))
    if error["type"] == "missing":
        return Mistake(line, _dotted(path), None, "it is missing")
    value = None if _SECRET.search(_dotted(path)) else _shown(error["input"])
    return Mistake(line, _dotted(path), value, _sentence(error["msg"]))


def _follows(error: ErrorDetails) -> bool:
    """Whether it only says that a list is too short because its wrong items, told beside it, do not count."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _unknown(path: Path) -> str:
    name = str(path[-1])
    if _SECRET.search(name):
        return "credentials are never in this file; set them with: ml-connector credentials set CONNECTION"
    allowed = _members(path[:-1])
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"a member that is not known here; allowed are: {', '.join(allowed)}{hint}"


def _known(path: Path) -> Path:
    """The path up to the last member there is; a name that nobody knows could be anything, a password too."""
    for length in range(1, len(path) + 1):
        if isinstance(path[length - 1], str) and path[length - 1] not in _members(path[: length - 1]):
            return path[: length - 1]
    return path


def _members(path: Path) -> list[str]:
    schema = ConnectionDocument.model_json_schema()
    here: dict[str, Any] = schema
    for step in path:
        here = here.get("items", {}) if isinstance(step, int) else _member(here, step)
        if "$ref" in here:
            here = schema["$defs"][here["$ref"].rpartition("/")[2]]
    return list(here.get("properties", {}))


def _member(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema of a member; of a section with names of your own, such as `tables`, that of each of them."""
    found = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
    patterns = schema.get("patternProperties", {}).values()
    return found if isinstance(found, dict) else next(iter(patterns), {})


def _shown(value: Any) -> str | None:
    match value:
        case str() if "://" in value:
            return f"'{_without_secrets(value)}'"
        case str():
            return f"'{value[:LONGEST_VALUE]}'" + ("…" if len(value) > LONGEST_VALUE else "")
        case None:
            return "empty"
        case dict() | list() | tuple() | BaseModel():
            return None
        case _:
            return str(value)


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    login = "…@" if parts.username or parts.password else ""
    return f"{parts.scheme}://{login}{parts.netloc.rpartition('@')[2]}{parts.path}" + ("?…" if parts.query else "")


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
