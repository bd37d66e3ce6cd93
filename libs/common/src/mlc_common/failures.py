"""How work can fail, named by what happens next.

FailureError
 ├── TransientError   try again later: network, 429, 5xx, 401/403; the stream redelivers with growing pauses
 ├── PermanentError   nobody can handle this message as it is: dead letter, visible, replayable
 └── UnknownOutcomeError   a write may or may not have happened: look it up, never resend

A business refusal is none of these: it is an outcome, and an event.
"""

from __future__ import annotations


class FailureError(Exception):
    """The root; `str()` of it is one sentence that a person can act on and that holds no secret."""


class TransientError(FailureError):
    """It may work later.

    Args:
        sentence: what happened.
        retry_after: seconds to wait before the next try when the far side or the protocol named them.
        counts: whether this try counts against the patience of the retry policy; a deliberate pause does not.
    """

    def __init__(self, sentence: str, *, retry_after: float | None = None, counts: bool = True) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.counts = counts


class PermanentError(FailureError):
    """It will never work as it is."""


class UnknownOutcomeError(FailureError):
    """A write was sent and its answer is unclear; it may have been carried out."""
