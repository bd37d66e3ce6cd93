"""Whatever Epicor holds: a record that Basware's schema takes, or a reason. And which kinds there are, in order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from masterdata_sync.kind import Kind, Owner, Source, Untranslatable
from masterdata_sync.kinds import kinds_of
from masterdata_sync.members import external_code
from mlc_basware.targets import generic_list
from mlc_common.connection import ConnectionDocument
from mlc_common.far_side_names import KnownNames
from mlc_common.http import dump_json, load_json
from mlc_common.masterdata_kinds import LIST_KEYS
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.masterdata import KINDS as EMULATED
from mlc_sandbox.basware.p2p import Place, settle
from mlc_sandbox.epicor.seed import master_data

SCHEMAS = {kind.path: kind.schema for kind in EMULATED}
EVERY = {
    "vendors": {"contacts": True, "currency": True, "tax_identifier": "TaxID", "ordering": "email"},
    "payment_terms": True,
    "tax_codes": True,
    "accounts": {},
    "dimensions": {
        "department": {"segment": 2, "to": "ACC_LIST_11"},
        "cost_center": {"segment": 3, "to": "costCenters"},
        "phase": {"segment": 4, "to": "CUST_RESOLVER_5", "code_column": 15, "name_column": 14},
    },
    "projects": True,
    "exchange_rates": {},
    "orders": {},
}
SCOPES = (
    *("vendors", "paymentTerms", "taxCodes", "accounts", "costCenters", "lists", "projects", "exchangeRates"),
    *("matchingOrders", "matchingOrderLines"),
)


def connection(kinds: dict[str, Any], **basware: Any) -> dict[str, Any]:
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments}
    return {
        "name": "northwind",
        "basware": basware,
        "epicor": {"base_url": "https://epicor.example/live"},
        "companies": [pair],
        "kinds": kinds,
    }


DOCUMENT = ConnectionDocument.model_validate(connection(EVERY))
BY_NAME = {kind.name: kind for kind in kinds_of(DOCUMENT)}
WHOLE = kinds_of(ConnectionDocument.model_validate(connection({"vendors": None, "accounts": {"of": "gl accounts"}})))
WITH_BANKS = kinds_of(ConnectionDocument.model_validate(connection({"vendors": {"bank_accounts": "on"}})))
OWNER = Owner.of(DOCUMENT.companies[0], source_system="EPICOR", today=date(2026, 3, 5))

words = st.text(max_size=60) | st.sampled_from(["", "A", "MAIN", "STD", "USD", "E", "x" * 300, "Ä/ö;", "a@b.example"])
numbers = st.decimals(min_value=-(10**9), max_value=10**9, places=4) | st.integers(-5, 10**7)
days = st.dates().map(lambda day: f"{day.isoformat()}T00:00:00") | st.none() | st.just("never")
FLAGS = (
    "Inactive",
    "PayHold",
    "ActiveFlag",
    "Active",
    "ActiveProject",
    "OpenOrder",
    "VoidOrder",
    "OpenLine",
    "VoidLine",
)
FLAGS += ("VoidRelease", "Received", "Monthly")
NUMBERS = ("Rate", "Percent", "Qty", "Cost", "Days", "Num", "Line", "Seq", "Factor", "Months", "Day", "Payments", "Nbr")


def values(column: str) -> st.SearchStrategy[Any]:
    if column in FLAGS:
        return st.booleans() | st.none()
    if column.endswith(("Date", "From", "To")):
        return days
    if column in ("SourceScaleFactor", "TargetScaleFactor"):
        return st.sampled_from([0, 1, 1, 1, 100])
    if column in ("PackSlip", "CostPerCode", "RateCode", "COACode", "ApprovalStatus"):
        return st.sampled_from(["E", "C", "A", "STD", "MAIN", "PS-1"]) | words
    return numbers | st.none() if column.endswith(NUMBERS) or column in ("PONUM", "PMUID") else words | st.none()


def rows(source: Source) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={column: values(column) for column in source.columns})


def whole_rows(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    details = {each.name: st.lists(rows(each.source), max_size=3).map(tuple) for each in kind.details}
    likely = {"COACode": "MAIN", "ApprovalStatus": "A", "VoidOrder": False}
    fixed = {column: st.just(value) for column, value in likely.items() if column in kind.source.columns}
    return st.builds(lambda row, more, always: row | always | more, rows(kind.source), st.fixed_dictionaries(details),
                     st.fixed_dictionaries(fixed))  # fmt: skip


@pytest.mark.parametrize(
    "kind", [*BY_NAME.values(), *WHOLE, *WITH_BANKS], ids=lambda kind: f"{kind.name} to {kind.target.path}"
)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_row_becomes_a_record_that_the_schema_refuses(kind: Kind, data: st.DataObject) -> None:
    row = data.draw(whole_rows(kind))

    record = kind.translate(row, OWNER)

    if isinstance(record, Untranslatable):
        assert record.reason
        return
    for each in (record, kind.retire(record)):
        assert violations(SCHEMAS[kind.target.path], each) == []
        assert load_json(dump_json(each)) == each
        place = Place(kind.target.path, same=False, checks_references=False)
        assert settle({}, place, each, fault=None).status == "Success"


@pytest.mark.parametrize(
    "kind", [*BY_NAME.values(), *WHOLE, *WITH_BANKS], ids=lambda kind: f"{kind.name} to {kind.target.path}"
)
def test_an_empty_row_is_told_why_it_is_none(kind: Kind) -> None:
    assert isinstance(kind.translate({}, OWNER), Untranslatable)


@given(st.dictionaries(st.sampled_from(["text_1", "text_5", "text_6", "text_16", "text_26"]), st.text(max_size=260)))
def test_a_list_item_fits_when_p2p_has_its_columns(texts: dict[str, str]) -> None:
    for key in LIST_KEYS:
        kind = next(each for each in EMULATED if each.path == f"/v1/lists/{key}")
        item = {"externalCode": "x", "companies": [{"companyCode": "US01", "active": True}]} | texts
        target = generic_list(key)
        there = settle({}, Place(kind.path, same=False, checks_references=False), item, fault=None).status == "Success"
        known = not violations(kind.schema, item)
        assert (target.objection(item) is None) == (there and known)


def test_what_a_kind_needs_stands_before_it_and_no_two_share_a_name_or_a_target() -> None:
    kinds = kinds_of(DOCUMENT)
    for place, kind in enumerate(kinds):
        assert set(kind.needs) <= {each.name for each in kinds[:place]}
    assert len({kind.name for kind in kinds}) == len({kind.target.path for kind in kinds}) == len(kinds)
    assert BY_NAME["vendor"].needs == ("payment_term",)
    assert BY_NAME["order"].needs == ("payment_term", "vendor")
    assert "order" in BY_NAME["order_line"].needs


def test_vendors_are_the_only_kind_unless_told_otherwise() -> None:
    kinds = kinds_of(ConnectionDocument.model_validate(connection({})))

    assert [(kind.name, kind.needs) for kind in kinds] == [("vendor", ())]


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ({"vendors": {"bank_accounts": {"approve": "never"}}}, "Extra inputs are not permitted"),
        ({"dimensions": {"account": {"segment": 2, "to": "ACC_LIST_1"}}}, "is a kind of its own"),
        ({"dimensions": {"a": {"segment": 2, "to": "ACC_LIST_36"}}}, "ACC_LIST_1 to 35"),
        ({"dimensions": {n: {"segment": 2, "to": "ACC_LIST_1"} for n in "ab"}}, "another kind goes there already"),
        ({"projects": True, "dimensions": {"a": {"segment": 2, "to": "projects"}}}, "another kind goes there already"),
        ({"dimensions": {"a": {"segment": 2, "to": "ACC_LIST_1", "name_column": 1}}}, "the code stands there"),
    ],
)
def test_what_cannot_work_is_said_when_the_file_is_checked(kinds: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ConnectionDocument.model_validate(connection(kinds))


def test_the_scopes_that_the_kinds_need_are_asked_for_when_a_file_is_applied() -> None:
    names = KnownNames(
        document=(), row=("accountCode", "dimCode1", "costCenterCode"), header_is_ours=bool, line_is_ours=bool
    )
    scopes = [f"{name}.{right}" for name in SCOPES for right in ("read", "write")]
    with pytest.raises(ValidationError, match=r"lists\.read"):
        ConnectionDocument.model_validate(connection({"dimensions": EVERY["dimensions"]}), context=names)

    ConnectionDocument.model_validate(connection(EVERY, scopes=scopes))
    assert set(DOCUMENT.kinds.scopes()) == set(SCOPES)


def test_every_vendor_of_the_sandbox_becomes_a_record() -> None:
    records = [BY_NAME["vendor"].translate(row, OWNER) for row in master_data().rows["Vendor"]]

    assert not [each for each in records if isinstance(each, Untranslatable)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [("10432", "US01_10432"), ("A/B", None), ("x" * 40, None), ("Ä1", None)],
)
def test_a_key_is_readable_when_it_may_stand_in_a_url_and_stable_always(code: str, expected: str | None) -> None:
    key = external_code("US01", code)

    assert key == (expected or external_code("US01", code))
    assert len(key) <= 36
    assert not set(key) & set("/;:= ")


def test_the_rate_that_holds_today_counts_and_not_one_to_come() -> None:
    row = {"TaxCode": "T", "Description": "Tax"}
    row |= {"rates": [{"RateCode": "STD", "EffectiveFrom": d, "TaxPercent": p} for d, p in
                      (("2025-01-01", 5), ("2026-03-05T00:00:00", 6), ("2026-03-06", 7))]}  # fmt: skip

    record = BY_NAME["tax_code"].translate(row, OWNER)

    assert isinstance(record, dict)
    assert record["taxPercentage"] == 6


def test_a_rate_quoted_the_other_way_round_is_turned() -> None:
    kinds = {"vendors": None, "exchange_rates": {"quoted": "source per target"}}
    (kind,) = kinds_of(ConnectionDocument.model_validate(connection(kinds)))
    row = {"SourceCurrCode": "EUR", "TargetCurrCode": "USD", "EffectiveDate": "2026-03-05", "CurrentRate": 3}

    record = kind.translate(row, OWNER)

    assert isinstance(record, dict)
    assert record["rate"] == Decimal("0.3333333333")
