"""What the published schemas say about a body: members, lengths, enums, required (fields.json)."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

Member = Mapping[str, Any]
Entities = Mapping[str, Mapping[str, Member]]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, Decimal),
    "array": (list,),
    "object": (dict,),
}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?)?")


@cache
def entities() -> Entities:
    """The member tables by entity name; the file's keys are those of the vendor's OpenAPI schemas."""
    text = resources.files(__package__).joinpath("fields.json").read_text(encoding="utf-8")
    tables: Entities = json.loads(text)
    return tables


def violations(entity: str, value: object, *, strict: bool = True, at: str = "") -> list[str]:
    """Every way in which `value` breaks the schema of `entity`, one sentence each; [] = valid.

    With `strict` an unknown member is a violation too, as `additionalProperties: false` says for what is posted.
    """
    if not isinstance(value, dict):
        return [f"{at or entity} must be an object."]
    return list(_of_entity(entities()[entity], value, strict=strict, at=at))


def _of_entity(table: Mapping[str, Member], value: Mapping[str, Any], *, strict: bool, at: str) -> Iterator[str]:
    for name, member in table.items():
        if member.get("required") and value.get(name) is None:
            yield f"The field {at}{name} is required."
    for name, found in value.items():
        if name in table:
            yield from _of_member(table[name], found, strict=strict, at=at + name)
        elif strict:
            yield f"The field {at}{name} is not known."


def _of_member(member: Member, found: object, *, strict: bool, at: str) -> Iterator[str]:
    if found is None:
        if not member.get("nullable") and not member.get("required"):
            yield f"The field {at} must not be null."
    elif "entity" in member:
        yield from violations(member["entity"], found, strict=strict, at=at + ".")
    elif member["type"] == "array":
        yield from _of_items(member["items"], found, strict=strict, at=at)
    else:
        yield from _of_scalar(member, found, at=at)


def _of_items(items: str, found: object, *, strict: bool, at: str) -> Iterator[str]:
    if not isinstance(found, list):
        yield f"The field {at} must be an array."
        return
    for index, item in enumerate(found):
        if items in entities():
            yield from violations(items, item, strict=strict, at=f"{at}[{index}].")
        elif not _is(items, item):
            yield f"The field {at}[{index}] must be of type {items}."


def _of_scalar(member: Member, found: object, *, at: str) -> Iterator[str]:
    kind = member["type"]
    if kind == "datetime":
        if not (isinstance(found, str) and _DATE_TIME.fullmatch(found)):
            yield f"The field {at} must be a date-time."
    elif not _is(kind, found):
        yield f"The field {at} must be of type {kind}."
    elif isinstance(found, str):
        yield from _of_text(member, found, at=at)
    elif isinstance(found, int | Decimal) and not member.get("least", found) <= found <= member.get("most", found):
        yield f"The field {at} must be between {member['least']} and {member['most']}."


def _of_text(member: Member, found: str, *, at: str) -> Iterator[str]:
    if len(found) < member.get("min", 0):
        yield f"The field {at} must be a string with a minimum length of {member['min']}."
    if len(found) > member.get("max", len(found)):
        yield f"The field {at} must be a string with a maximum length of {member['max']}."
    if "enum" in member and found not in member["enum"]:
        yield f"The field {at} must be one of {', '.join(member['enum'])}."
    if "pattern" in member and not re.match(member["pattern"], found):
        yield f"The field {at} does not match its pattern."


def _is(kind: str, found: object) -> bool:
    return isinstance(found, _TYPES[kind]) and (kind == "boolean") == isinstance(found, bool)
