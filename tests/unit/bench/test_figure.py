"""What runs say together."""

from __future__ import annotations

import pytest

from bench.figure import Figure, at_full_rate, growth, percentile, rate


def test_the_ratio_is_that_of_the_middle_runs() -> None:
    assert Figure("", "", [1, 9, 3], [6, 60, 5]).ratio == 0.5
    assert Figure("", "", [1, 9, 3]).ratio is None


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 3), (0.99, 4), (1, 4)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([4, 1, 3, 2], share) == value


def test_a_rate_counts_the_spaces_between_events() -> None:
    assert rate([10.0, 12.0, 11.0]) == 1.0


@pytest.mark.parametrize("moments", [[], [1.0], [1.0, 1.0]])
def test_there_is_no_rate_without_time(moments: list[float]) -> None:
    with pytest.raises(ValueError, match="no time passes"):
        rate(moments)


def test_the_full_rate_is_reached_after_a_slow_start() -> None:
    slow = [0.0, 2.0, 4.0, 6.0]
    steady = [8 + each / 10 for each in range(200)]

    assert at_full_rate([*reversed(steady), *slow]) == 8.0


def test_a_steady_run_is_at_its_full_rate_from_its_first_event() -> None:
    assert at_full_rate([3 + each / 10 for each in range(100)]) == 3.0


def test_a_rate_that_no_second_holds_is_reached_at_the_end() -> None:
    assert at_full_rate([0.0, 5.0, 10.0], share=50) == 10.0


@pytest.mark.parametrize(
    ("samples", "grown"),
    [
        ([50, 90, 90, 90, 100, 100, 100, 100], 0),  # what a start takes does not count
        (list(range(100)), 40),  # from the middle of the sixth tenth to that of the last one
        ([100] * 10 + [100, 100, 100, 900, 100, 100, 100, 100, 100, 100], 0),  # nor does one sample
        ([100, 90], 0),
    ],
)
def test_growth_is_that_of_the_second_half(samples: list[float], grown: float) -> None:
    assert growth(samples) == grown


def test_there_is_no_growth_without_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        growth([])
