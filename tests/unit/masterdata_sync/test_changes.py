"""What is sent, in which portions, under which keys, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from masterdata_sync.changes import Record, changed, portions
from masterdata_sync.schedule import pause
from mlc_common.settings import Timings


def record(code: str, name: str = "Great Lakes Fasteners LLC", company: str = "US01") -> Record:
    return Record(company=company, code=code, entity={"externalCode": f"{company}_{code}", "name": name})


def sent(*records: Record) -> dict[tuple[str, str], str]:
    return {(each.company, each.code): each.digest for each in records}


def test_only_what_is_new_or_different_is_sent() -> None:
    old, renamed, new = record("1"), record("2", "New Name Inc."), record("3")

    assert changed([old, renamed, new], sent(old, record("2"))) == [renamed, new]


def test_the_same_code_in_two_companies_is_two_records() -> None:
    here, there = record("1"), record("1", company="FI01")

    assert changed([here, there], sent(here)) == [there]


def test_one_key_is_sent_once_in_a_run() -> None:
    assert changed([record("1", "A"), record("1", "B")], {}) == [record("1", "A")]


def test_a_digest_does_not_depend_on_the_order_of_members() -> None:
    one = Record("US01", "1", {"externalCode": "x", "name": "y"})
    other = Record("US01", "1", {"name": "y", "externalCode": "x"})

    assert one.digest == other.digest


@given(
    st.lists(st.text(max_size=60), max_size=60),
    st.integers(min_value=1, max_value=7),
    st.integers(min_value=10, max_value=400),
)
def test_portions_hold_everything_in_order_within_both_limits(names: list[str], most: int, largest: int) -> None:
    records = [record(str(number), name) for number, name in enumerate(names)]

    found = list(portions(records, most=most, largest=largest))

    assert [each for portion in found for each in portion] == records
    for portion in found:
        size = 2 + sum(len(each.body) + 1 for each in portion)
        assert 1 <= len(portion) <= most
        assert size <= largest or len(portion) == 1


def test_a_failed_run_is_repeated_sooner_but_never_later_than_the_schedule() -> None:
    timings = Timings(retry_base=2, retry_ceiling=60)

    assert [pause(failures, every=900, timings=timings) for failures in (0, 1, 2, 3, 9)] == [900, 2, 4, 8, 60]
    assert pause(9, every=5, timings=timings) == 5
