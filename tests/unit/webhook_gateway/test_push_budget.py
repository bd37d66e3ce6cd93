"""A connection's pushes pass up to the burst and the rate, and only new ones count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.connection import Webhook
from webhook_gateway.push_budget import Bucket, Budgets, Limit, limit_of, take

NOW = datetime(2026, 3, 5, 8, 31, tzinfo=UTC)
TWO_A_SECOND = Limit(2, 3)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def passed(limit: Limit, *moments: float) -> list[bool]:
    bucket: Bucket | None = None
    said = []
    for moment in moments:
        bucket, wait = take(bucket, limit, after(moment))
        said.append(wait == 0)
    return said


def test_the_burst_passes_at_once_and_then_the_rate() -> None:
    assert passed(TWO_A_SECOND, 0, 0, 0, 0, 0.4, 0.5, 0.5, 1) == [True, True, True, False, False, True, False, True]


def test_a_long_silence_fills_it_to_the_burst_and_no_further() -> None:
    assert passed(TWO_A_SECOND, 0, 3600, 3600, 3600, 3600) == [True, True, True, True, False]


def test_who_must_wait_is_told_how_long_and_passes_then() -> None:
    bucket, wait = take(Bucket(0.5, NOW), Limit(0.25, 1), NOW)

    assert wait == 2
    assert take(bucket, Limit(0.25, 1), after(1.9))[1] > 0
    assert take(bucket, Limit(0.25, 1), after(2))[1] == 0


def test_a_clock_that_is_set_back_gives_nothing_away_and_locks_nobody_out() -> None:
    assert passed(TWO_A_SECOND, 0, 0, 0, -3600, -3599.5, -3599) == [True, True, True, False, True, True]


@given(
    st.floats(0.01, 1000),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_never_more_than_burst_and_rate_allow(per_second: float, burst: int, pauses: list[float]) -> None:
    moments = [sum(pauses[:number]) for number in range(len(pauses))]

    taken = sum(passed(Limit(per_second, burst), *moments))

    assert taken <= burst + (moments[-1] * per_second) + 0.01
    assert taken >= min(len(moments), burst)


def test_what_was_not_newly_stored_is_given_back() -> None:
    budgets, limit = Budgets(), Limit(0.001, 2)
    for _ in range(100):
        assert budgets.take("northwind", limit, NOW) == 0
        budgets.give_back("northwind")

    assert [budgets.take("northwind", limit, NOW) == 0 for _ in range(3)] == [True, True, False]


def test_one_connection_does_not_spend_for_another() -> None:
    budgets, limit = Budgets(), Limit(1, 1)

    assert [budgets.take(name, limit, NOW) == 0 for name in ("a", "a", "b")] == [True, False, True]


def test_a_limit_that_is_lifted_and_set_again_begins_full() -> None:
    budgets, limit = Budgets(), Limit(0.001, 1)
    assert budgets.take("a", limit, NOW) == 0
    assert budgets.take("a", limit, NOW) > 0

    assert budgets.take("a", None, NOW) == 0
    budgets.give_back("a")
    assert budgets.take("a", limit, NOW) == 0


@pytest.mark.parametrize(
    ("webhook", "limit"),
    [
        (Webhook(), Limit(200, 5000)),
        (Webhook(pushes_per_second=0.5, burst=1), Limit(0.5, 1)),
        (Webhook(pushes_per_second=None), None),
    ],
)
def test_the_limit_is_configuration_and_there_is_one_unless_it_is_said(webhook: Webhook, limit: Limit | None) -> None:
    assert limit_of(webhook) == limit
