"""Questions as OData and GetRows take them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.failures import PermanentError
from mlc_epicor.questions import DATE_FORMS, Question, date_literal, odata_after, odata_condition, sql_where
from mlc_epicor.ways import arguments_of
from mlc_sandbox.epicor.key_filter import following
from mlc_sandbox.epicor.odata_filter import predicate

ACCOUNT = Question("Erp.BO.GLAccountSvc", "GLAccounts", "GLAccount", ("COACode", "GLAccount"), ("Active",))
COLUMNS = {"a": "string", "b": "number", "c": "string"}


def test_what_follows_a_key_names_every_part_of_it() -> None:
    assert odata_after(["a"], ["x"], "plain") == "a gt 'x'"
    assert odata_after(["a", "b"], ["x", 1], "plain") == "a gt 'x' or (a eq 'x' and (b gt 1))"


Key = tuple[str, int, str]
key = st.tuples(st.sampled_from("xyz'"), st.integers(min_value=0, max_value=3), st.sampled_from(["p", "q r", ""]))


@given(st.lists(key, unique=True, max_size=20), key)
def test_what_follows_a_key_is_what_the_server_orders_behind_it(keys: list[Key], last: Key) -> None:
    text = odata_after(list("abc"), list(last), "plain")
    holds = predicate(text, COLUMNS, entity="X")

    found = [each for each in keys if holds(dict(zip("abc", each, strict=True)))]

    assert found == [each for each in keys if each > last]
    assert following(text, list("abc")) == list(last)


@pytest.mark.parametrize(
    ("form", "expected"),
    list(
        zip(DATE_FORMS, ["2026-11-22T00:00:00", "2026-11-22T00:00:00Z", "datetime'2026-11-22T00:00:00'"], strict=True)
    ),
)
def test_a_date_has_the_form_that_the_server_takes(form: str, expected: str) -> None:
    assert date_literal(date(2026, 11, 22), form) == expected  # type: ignore[arg-type]
    assert date_literal("2026-11-22T00:00:00", form) == expected  # type: ignore[arg-type]
    assert odata_condition("D", "ge", "2026-11-22T00:00:00", form) == f"D ge {expected}"  # type: ignore[arg-type]
    assert odata_condition("S", "eq", "2026-11-22", form) == "S eq '2026-11-22'"  # type: ignore[arg-type]


def test_a_zoned_date_keeps_its_zone() -> None:
    assert date_literal("2026-11-22T08:00:00Z", "zulu") == "2026-11-22T08:00:00Z"
    assert date_literal("2026-11-22T08:00:00+02:00", "zulu") == "2026-11-22T08:00:00+02:00"
    assert date_literal("2026-11-22T08:00:00Z", "datetime") == "datetime'2026-11-22T08:00:00'"


def test_conditions_as_a_where_clause() -> None:
    conditions = [("Name", "eq", "O'Neil"), ("Open", "eq", True), ("Rate", "gt", Decimal("1.50")), ("N", "ne", 3)]
    day = ("ChangeDate", "ge", date(2026, 11, 22))

    assert sql_where(conditions) == "Name = 'O''Neil' AND Open = true AND Rate > 1.50 AND N <> 3"  # type: ignore[arg-type]
    assert sql_where([day]) == "ChangeDate >= '2026-11-22T00:00:00'"  # type: ignore[list-item]
    assert sql_where([]) == ""


def test_every_table_of_the_service_gets_a_where_clause() -> None:
    vendors = Question("Erp.BO.VendorSvc", "Vendors", "Vendor", ("VendorNum",), (), where=(("Inactive", "eq", False),))
    banks = Question("Erp.BO.VendorSvc", "VendBanks", "VendBank", ("VendorNum", "BankID"), ())

    clauses = arguments_of(vendors)
    assert (clauses.pop("whereClauseVendor"), set(clauses.values())) == ("Inactive = false", {"1=0"})
    of_banks = arguments_of(banks.narrowed(("VendorNum", "ge", 101), ("BankID", "eq", "B")))
    assert of_banks["whereClauseVendor"] == "VendorNum >= 101"
    assert of_banks["whereClauseVendBank"] == "VendorNum >= 101 AND BankID = 'B'"


def test_a_service_whose_tables_are_not_known_is_not_guessed() -> None:
    with pytest.raises(PermanentError, match="choose odata or baq"):
        arguments_of(Question("Erp.BO.CompanySvc", "Companies", "Company", ("Company",), ()))


def test_key_and_columns_are_asked_for_once() -> None:
    assert ACCOUNT.wanted == ("COACode", "GLAccount", "Active")
    assert ACCOUNT.key_of({"COACode": "MAIN", "GLAccount": "1|2", "Active": True}) == ("MAIN", "1|2")
