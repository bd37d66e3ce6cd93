"""What this process remembers, within bounds: refused answers, and documents it has looked at in vain."""

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


class Remembered:
    """Words said before, in this process. What a restart forgets is only looked at once more."""

    def __init__(self) -> None:
        self._words: dict[str, None] = {}

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def add(self, word: str) -> None:
        """From now on it was said before."""
        self._words[word] = None
        while len(self._words) > MOST_REMEMBERED:
            del self._words[next(iter(self._words))]
