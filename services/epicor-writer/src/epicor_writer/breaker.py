"""Circuit Breaker: after failures in a row the far side is left alone for a while, then one message tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlc_common.failures import TransientError


class Breaker:
    """One per connection.

    Args:
        far_side: its name in sentences.
        pause: seconds to leave it alone.
        clock: seconds that only grow.
        threshold: failures in a row that open it.
        on_change: told True when it opens and False when it closes.
    """

    def __init__(
        self,
        far_side: str,
        *,
        pause: float,
        clock: Callable[[], float],
        threshold: int = 5,
        on_change: Callable[[bool], None] = lambda _open: None,
    ) -> None:
        self._far_side = far_side
        self._pause = pause
        self._clock = clock
        self._threshold = threshold
        self._on_change = on_change
        self._failures = 0
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether messages are turned away, but for one that probes after the pause."""
        return self._failures >= self._threshold

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Work inside; its failure or success is noted. A deliberate pause is neither.

        Raises:
            TransientError: the far side is being left alone; a deliberate pause until it is asked again.
        """
        probe = self._enter()
        try:
            yield
        except TransientError as failure:
            if failure.counts:
                self._note_failure()
            raise
        else:
            self._note_success()
        finally:
            if probe:
                self._probing = False

    def _enter(self) -> bool:
        if not self.is_open:
            return False
        wait = self._until - self._clock()
        if wait > 0 or self._probing:
            raise TransientError(
                f"{self._far_side} keeps failing and is left alone.", retry_after=max(wait, 1.0), counts=False
            )
        self._probing = True
        return True

    def _note_failure(self) -> None:
        self._failures += 1
        if self.is_open:
            self._until = self._clock() + self._pause
            self._on_change(True)

    def _note_success(self) -> None:
        if self.is_open:
            self._on_change(False)
        self._failures = 0
