"""Pauses between tries grow, are spread and have a ceiling."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlc_common.retries import pause
from mlc_common.settings import Timings

TIMINGS = Timings(retry_base=2, retry_ceiling=900)


@given(tries=st.integers(min_value=1, max_value=100_000), jitter=st.floats(min_value=0, max_value=1))
def test_a_pause_stays_between_the_base_and_the_ceiling(tries: int, jitter: float) -> None:
    assert 2 * 0.69 <= pause(tries, TIMINGS, jitter=jitter) <= 900


def test_pauses_double_up_to_the_ceiling() -> None:
    assert [pause(tries, TIMINGS, jitter=0) for tries in (1, 2, 3, 9, 10, 50)] == [2, 4, 8, 512, 900, 900]
