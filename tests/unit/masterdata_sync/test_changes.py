"""What of a few rows is new or different, what is sent, and in which portions."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from masterdata_sync.changes import Known, Record, Unfit, judge, portions, too_many
from masterdata_sync.schedule import pause
from mlc_common.http import load_json
from mlc_common.settings import Timings


def record(code: str, name: str = "Great Lakes Fasteners LLC", key: str = "") -> Record:
    return Record("US01", code, {"externalCode": f"US01_{code}", "name": name}, key or f"[{code}]")


def known(*records: Record, **more: object) -> dict[str, Known]:
    return {
        each.code: Known(**{"code": each.code, "key": each.key, "seen": each.digest, "sent": each.digest, **more})
        for each in records
    }


def test_only_what_is_new_or_different_is_sent() -> None:
    old, renamed, new = record("1"), record("2", "New Name Inc."), record("3")

    judged = judge([old, renamed, new], known(old, record("2")))

    assert judged.to_send == judged.changed == [renamed, new]
    assert list(judged.present) == [old, renamed, new]


def test_what_was_refused_is_sent_again_when_it_changes_or_when_somebody_says_so() -> None:
    before = {"1": Known("1", key="[1]", seen=record("1").digest, refused=record("1").digest)}

    assert judge([record("1")], before).to_send == []
    assert judge([record("1")], before, again=True).to_send == [record("1")]
    assert judge([record("1", "Changed")], before).to_send == [record("1", "Changed")]


def test_what_basware_does_not_have_is_sent_though_it_did_not_change() -> None:
    judged = judge([record("1")], known(record("1"), sent=None))

    assert (judged.changed, judged.to_send) == ([], [record("1")])


def test_of_two_rows_with_one_code_the_first_counts_until_it_is_gone() -> None:
    first, second = record("1", "A", key="[7]"), record("1", "B", key="[8]")

    assert judge([first, second], {}).twice == [second]
    assert judge([second], known(first)).twice == [second]
    assert judge([second], known(first, missing=1)).to_send == [second]
    assert judge([second], known(first, retired=True)).to_send == [second]


def test_a_row_that_is_no_record_is_there_and_is_told_once() -> None:
    row = Unfit("1", "the vendor has no name", "[1]")
    judged = judge([row], {})
    again = judge([row], {"1": Known("1", key="[1]", seen=row.digest)})

    assert (judged.changed, judged.to_send) == ([row], [])
    assert (again.changed, list(again.present)) == ([], [row])


def test_a_record_that_came_back_is_sent_though_it_is_as_it_was_before_it_went() -> None:
    gone = known(record("1"), retired=True, sent="of the retired one", seen="of the retired one")

    assert judge([record("1")], gone).to_send == [record("1")]


def test_a_digest_does_not_depend_on_the_order_of_members() -> None:
    one = Record("US01", "1", {"externalCode": "x", "name": "y", "rate": Decimal("1.10")})
    other = Record("US01", "1", {"rate": Decimal("1.10"), "name": "y", "externalCode": "x"})

    assert one.digest == other.digest
    assert load_json(one.body) == one.entity


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


def test_so_many_may_go_at_once() -> None:
    assert not too_many(1, of=3, largest=0)
    assert too_many(2, of=3, largest=0)
    assert not too_many(50, of=1000, largest=0.05)
    assert too_many(51, of=1000, largest=0.05)
    assert not too_many(0, of=0, largest=0.05)


def test_a_failed_run_is_repeated_after_growing_pauses() -> None:
    timings = Timings(retry_base=2, retry_ceiling=60)

    assert [pause(failures, timings=timings) for failures in (1, 2, 3, 9)] == [2, 4, 8, 60]
