"""A connection file is checked as a person would want it: where, what stands there, what may stand there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mlc_common.connection import ConnectionDocument
from operator_console.connection_commands import as_yaml, schema
from operator_console.connection_file import Mistake, MistakesError, parse

GOOD = """
name: northwind
basware:
  region: US
epicor:
  base_url: https://kinetic.example.com/live
companies:
  - basware: US01
    epicor: NWM
    currency: USD
    segments:
      - field: accountCode
      - constant: "10"
posting:
  tolerance: 0.01
"""


def mistakes(text: str) -> list[Mistake]:
    with pytest.raises(MistakesError) as caught:
        parse(text, name="northwind.yaml")
    return caught.value.mistakes


def test_a_good_file_becomes_a_document_with_exact_amounts() -> None:
    document = parse(GOOD, name="northwind.yaml")

    assert document.companies[0].epicor == "NWM"
    assert document.posting.tolerance == Decimal("0.01")


def test_only_true_and_false_are_truth_values() -> None:
    document = parse(GOOD + "  prebooking: off\npayments:\n  mode: off\n", name="northwind.yaml")

    assert (document.posting.prebooking, document.payments.mode) == ("off", "off")
    assert mistakes("name: NO\n")[0].value == "'NO'"


def test_what_is_shown_can_be_applied_again() -> None:
    document = parse(GOOD, name="northwind.yaml")

    assert parse(as_yaml(document), name="again") == document


def test_a_wrong_choice_is_located_with_line_value_and_what_is_allowed() -> None:
    [mistake] = mistakes(GOOD.replace("region: US", "region: UK"))

    assert (mistake.line, mistake.path, mistake.value) == (4, "basware.region", "'UK'")
    assert "'EU', 'US', 'AU' or 'CA'" in mistake.allowed


def test_a_mistake_in_a_list_names_the_item() -> None:
    [mistake] = mistakes(GOOD.replace('constant: "10"', "field: dimCode1\n        constant: '10'"))

    assert (mistake.line, mistake.path) == (13, "companies[0].segments[1]")
    assert "either a field or a constant" in mistake.allowed


def test_an_unknown_member_is_answered_with_the_ones_there_are_and_the_closest() -> None:
    [mistake] = mistakes(GOOD.replace("tolerance: 0.01", "tolerence: 0.01"))

    assert (mistake.line, mistake.path) == (15, "posting")
    assert "did you mean tolerance?" in mistake.allowed
    assert "group_prefix" in mistake.allowed


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes(GOOD.replace("region: US", "region: UK").replace("currency: USD", "currency: DOLLAR"))

    assert [mistake.path for mistake in found] == ["basware.region", "companies[0].currency"]


def test_a_missing_section_is_named() -> None:
    [mistake] = mistakes(GOOD.replace("epicor:\n  base_url: https://kinetic.example.com/live\n", ""))

    assert (mistake.path, mistake.allowed) == ("epicor", "it is missing")


def test_a_key_that_stands_twice_is_refused_and_not_overwritten() -> None:
    [mistake] = mistakes(GOOD + "name: southwind\n")

    assert (mistake.line, mistake.path) == (16, "name")
    assert "twice" in mistake.allowed


def test_a_secret_in_the_file_is_never_shown() -> None:
    [mistake] = mistakes(GOOD.replace("region: US", "client_secret: sandbox-only-secret"))

    assert "sandbox-only-secret" not in str(mistake)
    assert "credentials set" in mistake.allowed


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("region: US", "sandbox-only-pasted: 1"),
        GOOD + "sandbox-only-pasted: 1\nsandbox-only-pasted: 2\n",
        GOOD.replace("region: US", "region: *sandbox-only-pasted"),
        GOOD.replace("region: US", "region: !sandbox-only-pasted x"),
    ],
)
def test_what_nobody_knows_is_named_by_its_line_and_never_shown(text: str) -> None:
    found = mistakes(text)

    assert all(mistake.line for mistake in found)
    assert not [mistake for mistake in found if "sandbox-only" in str(mistake)]


def test_a_password_in_an_address_is_never_shown() -> None:
    url = "https://bwlink:sandbox-only-password@kinetic.example.com/live?key=sandbox-only-key"
    [mistake] = mistakes(GOOD.replace("https://kinetic.example.com/live", url))

    assert "sandbox-only" not in str(mistake)
    assert mistake.value == "'https://…@kinetic.example.com/live?…'"


def test_plain_http_to_a_far_side_is_refused() -> None:
    [mistake] = mistakes(GOOD.replace("https://kinetic", "http://kinetic"))

    assert "use https" in mistake.allowed


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "name: [", "just text", "name: northwind\n\tbasware: x"])
def test_what_is_no_connection_file_is_refused_in_words(text: str) -> None:
    assert all(mistake.allowed for mistake in mistakes(text))


def test_the_schema_for_editors_knows_every_member() -> None:
    assert set(schema()["properties"]) == set(ConnectionDocument.model_fields)
