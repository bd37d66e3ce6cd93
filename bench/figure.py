"""A figure and its floor: several runs of each, taken in turn, and what they say together. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One figure: a value per run; `floor` holds what the least possible program reached in the same runs.

    A figure without a floor has nothing to be compared with, such as the CPU of one process among several.
    """

    what: str
    unit: str
    runs: Sequence[float]
    floor: Sequence[float] = ()

    @property
    def median(self) -> float:
        """The middle run."""
        return median(self.runs)

    @property
    def floor_median(self) -> float | None:
        """The middle run of the floor."""
        return median(self.floor) if self.floor else None

    @property
    def ratio(self) -> float | None:
        """The figure over its floor: below 1 for a rate, above 1 for a time."""
        return self.median / self.floor_median if self.floor_median else None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many of the values (0 to 1) do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def rate(moments: Sequence[float]) -> float:
    """Events a second from the first to the last. Raises ValueError unless they are at two moments at least."""
    span = max(moments, default=0.0) - min(moments, default=0.0)
    if not span:
        raise ValueError("no time passes")
    return (len(moments) - 1) / span


def at_full_rate(moments: Sequence[float], *, share: float = 0.9) -> float:
    """The first event whose following second holds at least this share of what a second holds on the whole.

    Raises ValueError like `rate`.
    """
    ordered, enough = sorted(moments), share * rate(moments)
    for place, moment in enumerate(ordered):
        if bisect_left(ordered, moment + 1, lo=place) - place >= enough:
            return moment
    return ordered[-1]


def growth(samples: Sequence[float]) -> float:
    """By how much samples at even times grow over the second half: its last fifth less its first one, as medians.

    Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples")
    late = samples[len(samples) // 2 :]
    fifth = max(len(late) // 5, 1)
    return median(late[-fifth:]) - median(late[:fifth])
