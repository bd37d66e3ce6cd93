"""From coding row to GL account: fields, constants, padding, look-up tables by day and company, dynamic segments."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from epicor_writer.coding import Chart, GlAccount
from epicor_writer.lookups import looked_up
from mlc_basware.documents import CodingRow
from mlc_common.company_rules import CompanyPair, LookUpTable

DAY = date(2026, 10, 28)
PLANTS = LookUpTable.model_validate(
    {
        "rows": [
            {"from": "HEL", "to": "10", "valid_to": "2026-10-27"},
            {"from": "HEL", "to": "11", "valid_from": "2026-10-28"},
            {"from": "HEL", "to": "77", "companies": ["FI01"]},
            {"from": "NONE", "to": ""},
        ],
        "otherwise": "refuse",
    }
)


def table(otherwise: str, **members: Any) -> LookUpTable:
    return LookUpTable.model_validate({"rows": [{"from": "A", "to": "1"}], "otherwise": otherwise, **members})


def chart(*segments: dict[str, Any], company: str = "US01", day: date | None = DAY) -> Chart:
    pair = {"basware": company, "epicor": "NWM", "currency": "USD", "segments": list(segments)}
    return Chart(CompanyPair.model_validate(pair), {"plants": PLANTS}, day)


def account(made: Chart, **members: Any) -> GlAccount | None:
    return made.account(CodingRow.model_validate(members))


@pytest.mark.parametrize(
    ("company", "day", "found"),
    [
        ("US01", date(2026, 10, 27), "10"),
        ("US01", date(2026, 10, 28), "11"),
        ("FI01", date(2026, 10, 27), "77"),
        ("FI01", date(2030, 1, 1), "77"),
    ],
)
def test_a_look_up_follows_the_day_and_the_company_first(company: str, day: date, found: str) -> None:
    assert looked_up(PLANTS, "HEL", company=company, day=day) == found


def test_a_value_is_compared_as_epicor_compares_codes() -> None:
    assert looked_up(PLANTS, " hel ", company="US01", day=DAY) == "11"


def test_what_stands_in_no_row_is_kept_refused_or_becomes_the_default() -> None:
    assert looked_up(table("keep"), "B", company="US01", day=DAY) == "B"
    assert looked_up(table("refuse"), "B", company="US01", day=DAY) is None
    assert looked_up(table("default", default="9"), "B", company="US01", day=DAY) == "9"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from(["", "US01", "FI01"])), max_size=8))
def test_a_table_that_is_accepted_has_one_answer_for_every_company_and_day(spans: list[tuple[int, int, str]]) -> None:
    rows = [
        {
            "from": "A",
            "to": str(place),
            "valid_from": DAY + timedelta(min(a, b)),
            "valid_to": DAY + timedelta(max(a, b)),
            "companies": [company] if company else [],
        }
        for place, (a, b, company) in enumerate(spans)
    ]
    clash = any(
        one["companies"] == two["companies"]
        and one["valid_from"] <= two["valid_to"] >= two["valid_from"]
        and two["valid_from"] <= one["valid_to"]
        for place, one in enumerate(rows)
        for two in rows[:place]
    )

    try:
        LookUpTable.model_validate({"rows": rows})
    except ValidationError:
        assert clash
    else:
        assert not clash


def test_a_value_goes_through_its_table_and_is_padded_then() -> None:
    found = account(chart({"field": "accountCode"}, {"field": "dimCode1", "table": "plants", "pad_to": 4}),
                    accountCode="6100", dimCode1="HEL")  # fmt: skip

    assert found == GlAccount(("6100", "0011"))


def test_a_default_is_epicors_own_value_and_is_looked_up_nowhere() -> None:
    made = chart({"field": "accountCode"}, {"field": "dimCode1", "table": "plants", "default": "99"})

    assert account(made, accountCode="6100") == GlAccount(("6100", "99"))


def test_a_segment_that_is_blank_on_purpose_is_not_padded() -> None:
    made = chart({"field": "accountCode"}, {"field": "dimCode1", "table": "plants", "pad_to": 3, "dynamic": True})

    assert account(made, accountCode="6100", dimCode1="NONE") == GlAccount(("6100", ""), frozenset({1}))


def test_a_dynamic_segment_is_a_segment_value_and_no_part_of_the_account() -> None:
    made = chart({"field": "accountCode"}, {"field": "projectCode", "dynamic": True}, {"field": "costCenterCode"})
    found = account(made, accountCode="6100", projectCode="P-7", costCenterCode="200")

    assert found is not None
    assert (found.internal, found.display) == ("6100|200", "6100-200")
    assert found.segments == ("6100", "P-7", "200")


@pytest.mark.parametrize("field", ["projectCode", "dimCode10", "text5", "workOrderSubCode", "num3", "ACCOUNTCODE"])
def test_any_field_of_a_coding_row_can_be_a_segment(field: str) -> None:
    assert account(chart({"field": field}), **{field: "X1"}) == GlAccount(("X1",))


def test_a_value_that_the_table_refuses_is_told_with_field_value_table_and_company() -> None:
    made = chart({"field": "accountCode"}, {"field": "dimCode1", "table": "plants"}, {"field": "costCenterCode"})
    row = CodingRow.model_validate({"accountCode": "6100", "dimCode1": "OUL"})

    table_, code = made.findings("4", row)

    assert (table_.code, table_.field, table_.owner) == ("NOT_IN_TABLE", "dimCode1", "finance systems")
    assert all(word in table_.sentence for word in ("row 4", "dimCode1", "OUL", "plants", "US01"))
    assert (code.code, code.field) == ("ROW_WITHOUT_CODE", "costCenterCode")
