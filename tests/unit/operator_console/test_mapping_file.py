"""The mapping in a connection file: every mistake is located, every name of the far sides is checked on apply."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlc_common.connection import ConnectionDocument
from operator_console.connection_commands import as_yaml, schema
from operator_console.connection_file import Mistake, MistakesError, parse

ROOT = Path(__file__).parents[3]
GOOD = """
name: northwind
epicor:
  base_url: https://kinetic.example.com/live
tables:
  accounts:
    rows:
      - {from: '10', to: A}
      - {from: '20', to: B, valid_from: 2026-01-01}
companies:
  - basware: US01
    epicor: NWM
    currency: USD
    segments:
      - field: accountCode
        table: accounts
      - constant: "10"
posting:
  line_description: '{accountName} {document.text1}'
"""


def mistakes(text: str) -> list[Mistake]:
    with pytest.raises(MistakesError) as caught:
        parse(text, name="northwind.yaml")
    return caught.value.mistakes


def test_a_file_with_tables_is_shown_so_that_it_can_be_applied_again() -> None:
    document = parse(GOOD, name="northwind.yaml")
    shown = as_yaml(document)

    assert "from: '10'" in shown
    assert parse(shown, name="again") == document


@pytest.mark.parametrize(
    ("right", "wrong", "path", "allowed"),
    [
        ("accountCode", "field: acountCode", "companies[0].segments[0].field", "did you mean accountCode"),
        ("accountCode", "field: invoiceNumber", "companies[0].segments[0].field", "no member of a coding row"),
        ("accounts\n      -", "table: plants\n      -", "companies[0].segments[0].table", "it has: accounts"),
        ("{accountName}", "{acountName}", "posting.line_description", "did you mean accountName"),
        ("{document.text1}", "{document.accountName}", "posting.line_description", "no member of a coding row"),
        ("{document.text1}", "{codingRows}", "posting.line_description", "can stand here"),
        ("{document.text1}", "{text1", "posting.line_description", "a brace has no other meaning"),
        ("from: '20'", "from: ' 10'", "tables.accounts.rows[1].from", "rows[0] has it for every company"),
        ("2026-01-01", "valid_from: soon", "tables.accounts.rows[1].valid_from", "date"),
        ("to: B,", "to: B, valid_to: 2025-12-31,", "tables.accounts.rows[1]", "valid_to is before valid_from"),
        ("to: B", "tu: B", "tables.accounts.rows[1].to", "it is missing"),
        ("rows:", "otherwize: keep\n    rows:", "tables.accounts", "did you mean otherwise?"),
    ],
)
def test_a_mistake_in_the_mapping_is_located_and_says_what_is_allowed(
    right: str, wrong: str, path: str, allowed: str
) -> None:
    whole = {"accountCode": "field: accountCode", "2026-01-01": "valid_from: 2026-01-01"}
    whole["accounts\n      -"] = "table: accounts\n      -"
    text = GOOD.replace(whole.get(right, right), wrong)
    line = text[: text.index(wrong)].count("\n") + 1

    mistake = mistakes(text)[0]

    assert (mistake.line, mistake.path) == (line, path)
    assert allowed in mistake.allowed


def test_a_constant_is_taken_as_it_stands() -> None:
    [mistake] = mistakes(GOOD.replace('constant: "10"', 'constant: "10"\n        pad_to: 4'))

    assert mistake.path == "companies[0].segments[1]"
    assert "leave out table, default and pad_to" in mistake.allowed


def test_the_value_that_is_wrong_is_shown() -> None:
    [mistake] = mistakes(GOOD.replace("field: accountCode", "field: acountCode"))

    assert mistake.value == "'acountCode'"


def test_a_table_that_says_what_becomes_of_the_rest_must_say_it_whole() -> None:
    [mistake] = mistakes(GOOD.replace("    rows:", "    otherwise: default\n    rows:"))

    assert (mistake.line, mistake.path) == (6, "tables.accounts")
    assert "name default" in mistake.allowed


@pytest.mark.parametrize(
    ("section", "column", "taken"),
    [
        ("header_fields", "DocInvoiceAmt", True),
        ("header_fields", "ScrInvoiceVendorAmt", True),
        ("header_fields", "ExternalID", True),
        ("header_fields", "SEBankRef", True),
        ("header_fields", "externalid", True),
        ("header_fields", "XRefInvoiceNum", False),
        ("header_fields", "InvoiceComment", False),
        ("header_fields", "TotalAmt_c", False),
        ("line_fields", "PONum", True),
        ("line_fields", "DocExtCost", True),
        ("line_fields", "LineComment", False),
        ("line_fields", "Km_c", False),
    ],
)
def test_columns_that_the_connector_fills_cannot_be_filled_otherwise(section: str, column: str, taken: bool) -> None:
    text = f"{GOOD}  {section}:\n    {column}: {{template: '{{invoiceNumber}}'}}\n"

    if taken:
        [mistake] = mistakes(text)
        assert (mistake.line, mistake.path) == (21, f"posting.{section}.{column}")
        assert "fills or computes this column itself" in mistake.allowed
    else:
        assert parse(text, name="northwind.yaml")


def test_a_template_of_the_header_names_members_of_the_document_only() -> None:
    [mistake] = mistakes(GOOD + "  description: '{accountName}'\n")

    assert (mistake.line, mistake.path) == (20, "posting.description")


def test_who_posts_on_the_first_open_day_names_it_for_every_company() -> None:
    text = GOOD + "  apply_date: first_open_day\n"
    [mistake] = mistakes(text)

    assert mistake.path == "companies[0].posting.open_from"
    assert parse(text + "  open_from: 2026-11-01\n", name="northwind.yaml")


def test_mistakes_of_every_part_are_told_at_once() -> None:
    text = GOOD.replace("field: accountCode", "field: acountCode").replace("{document.text1}", "{nonsense}")
    text = text.replace("https://kinetic", "http://kinetic").replace("from: '20'", "from: '10'")

    assert [mistake.path for mistake in mistakes(text)] == [
        "epicor.base_url",
        "tables.accounts.rows[1].from",
        "companies[0].segments[0].field",
        "posting.line_description",
    ]


def test_a_stored_version_is_read_whatever_names_the_program_knows_by_now() -> None:
    stored = parse(GOOD, name="northwind.yaml").model_dump(mode="json")
    stored["companies"][0]["segments"][0]["field"] = "memberOfOld"
    stored["companies"][0]["segments"][1]["default"] = "20"
    stored["posting"]["apply_date"] = "first_open_day"

    assert ConnectionDocument.model_validate(stored).companies[0].segments[0].field == "memberOfOld"


def sections(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: section.get("properties", {}) for name, section in {"": found, **found["$defs"]}.items()}


def test_the_schema_for_editors_says_what_every_member_is_and_offers_the_names_there_are() -> None:
    members = {(name, key): member for name, each in sections(schema()).items() for key, member in each.items()}
    silent = [where for where, member in members.items() if not member.get("description") and "$ref" not in member]
    field = members["Segment", "field"]["anyOf"][0]

    assert silent == []
    assert {"accountCode", "dimCode10", "text5", "projectCode"} <= set(field["examples"])


FENCED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (path.name, text)
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
    for text in FENCED.findall(path.read_text(encoding="utf-8"))
    if text.startswith("name:")
]


def test_there_are_examples_to_check() -> None:
    assert {name for name, _ in EXAMPLES} >= {"mapping.md"}


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_a_connection_file_in_the_documentation_can_be_applied(text: str) -> None:
    assert parse(text, name="example")
