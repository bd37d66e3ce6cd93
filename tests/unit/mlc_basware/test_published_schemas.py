"""The emulator's tables and our models say what the vendor publishes, where that lies beside the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlc_basware.targets import (
    ACCOUNTS,
    COST_CENTRES,
    EXCHANGE_RATES,
    ORDER_LINES,
    ORDERS,
    PAYMENT_TERMS,
    PROJECTS,
    TAX_CODES,
    VENDORS,
    Target,
    generic_list,
)
from mlc_sandbox.basware.fields import entities
from mlc_sandbox.basware.masterdata import KINDS

PUBLISHED = Path(__file__).parents[4] / "shared" / "reference" / "basware-openapi.json"
TARGETS = (
    *(VENDORS, ACCOUNTS, COST_CENTRES, PROJECTS, TAX_CODES, PAYMENT_TERMS, EXCHANGE_RATES, ORDERS, ORDER_LINES),
    generic_list("ACC_LIST_1"),
)


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    if not PUBLISHED.exists():
        pytest.skip("the vendor's specification is not beside the project")
    found: dict[str, Any] = json.loads(PUBLISHED.read_text())["components"]["schemas"]
    return found


def referred(member: dict[str, Any]) -> str | None:
    refs = [member, *member.get("allOf", [])]
    return next((each["$ref"].rsplit("/", 1)[-1] for each in refs if "$ref" in each), None)


def told(member: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = referred(member)
    if name and "enum" not in schemas[name]:
        return {"entity": name}
    member = schemas[name] | member if name else member
    if member["type"] == "array":
        found = {"type": "array", "items": referred(member["items"]) or member["items"]["type"]}
    elif member.get("format") == "date-time":
        found = {"type": "datetime"}
    else:
        names = {"minLength": "min", "maxLength": "max", "minimum": "least", "maximum": "most"}
        limits = {short: member[long] for long, short in names.items() if long in member}
        if not limits.get("min", 1):
            del limits["min"]
        same = {name: member[name] for name in ("enum", "pattern") if name in member}
        found = {"type": member["type"]} | limits | same
    return found | ({"nullable": True} if member.get("nullable") else {})


@pytest.mark.parametrize("name", [name for name in entities() if name != "Subscription"])
def test_the_emulators_table_is_the_published_schema(name: str, schemas: dict[str, Any]) -> None:
    schema = schemas[name]
    required = schema.get("required", [])

    expected = {
        member: told(value, schemas) | ({"required": True} if member in required else {})
        for member, value in schema["properties"].items()
    }

    assert entities()[name] == expected


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.entity_type)
def test_where_a_record_is_posted_is_where_the_emulator_takes_it(target: Target) -> None:
    kind = next(each for each in KINDS if each.path == target.path)

    assert (target.most, target.scope, target.envelope) == (kind.most, kind.scope, kind.envelope)
    assert target.entity_type == kind.entity_type
    assert set(target.model.model_fields) <= set(entities()[kind.schema])
    required = {name for name, member in entities()[kind.schema].items() if member.get("required")}
    assert required <= {name for name, field in target.model.model_fields.items() if field.is_required()}
