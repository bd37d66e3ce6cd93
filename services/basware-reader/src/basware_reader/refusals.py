"""How often Basware refused each answer: a count of refusals only, never of the waits between them."""

from __future__ import annotations

MOST_REMEMBERED = 10_000


class Refusals:
    """Counts by outcome, in this process. What a restart forgets only means more tries before a dead letter."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def counted(self, outcome: str) -> int:
        """How often the answer to this outcome has been refused, this time included."""
        times = self._times.pop(outcome, 0) + 1
        self._times[outcome] = times
        while len(self._times) > MOST_REMEMBERED:
            del self._times[next(iter(self._times))]
        return times
