"""A figure and its floor: several runs of each, taken in turn, and what they say together. Pure."""

from __future__ import annotations

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
