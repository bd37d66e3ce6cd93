"""How far an attempt has come: the fold of its facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from mlc_common.events import (
    DocumentFact,
    Event,
    GroupPostingRequested,
    GroupPostingSubmitted,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    PostingIntended,
    PostingUnclear,
)


@dataclass(frozen=True)
class Progress:
    """How far one attempt has come; the fold of its facts.

    Attributes:
        intent: the last UpdateMaster that was intended.
        look_ups: look-ups in a row that found nothing; 0 when the last one found it incomplete.
        total: look-ups since the intent.
        failures: UpdateMasters of this attempt that were answered with a server error, or as a duplicate of nothing.
        kept_otherwise: removals of what Epicor did not keep as it was sent, not of what was interrupted half-way.
        sentence: why it is unclear.
        unclear_at: when it was last looked up and nothing certain was found.
        requested: the last request to post the group of the invoice that stands there as meant.
        submitted: whether that request is known to have arrived; `posting_ended` when it was answered after its end.
        removable: whether our log knows of an UpdateMaster of this document, and of no success.
    """

    phase: Literal["fresh", "sent", "unclear", "removed", "settled"] = "fresh"
    intent: PostingIntended | None = None
    look_ups: int = 0
    total: int = 0
    failures: int = 0
    removals: int = 0
    kept_otherwise: int = 0
    sentence: str = ""
    difference: str = ""
    unclear_at: datetime | None = None
    removable: bool = False
    requested: GroupPostingRequested | None = None
    submitted: bool = False
    posting_ended: bool = False

    @property
    def number(self) -> int:
        """The last intent's number; 0 when there is none."""
        return self.intent.number if self.intent else 0


def progress(history: Iterable[Event], attempt: str) -> Progress:
    """The fold of a document's facts, in stream order; the last of each kind is enough."""
    state, sent, posted = Progress(), False, False
    for event in history:
        sent = sent or isinstance(event, PostingIntended)
        posted = posted or (isinstance(event, InvoicePosted) and not event.prebook and not event.not_posted)
        if isinstance(event, DocumentFact) and event.attempt == attempt:
            state = after(state, event)
    return replace(state, removable=sent and not posted)


def after(state: Progress, event: DocumentFact) -> Progress:
    """The state after one more fact of this attempt."""
    match event:
        case InvoicePosted() | InvoiceRefused():
            return replace(state, phase="settled")
        case _ if state.phase == "settled":
            return state
        case PostingIntended():
            fresh = replace(state, phase="sent", intent=event, look_ups=0, total=0, unclear_at=None, removable=True)
            return replace(fresh, requested=None, submitted=False, posting_ended=False)
        case GroupPostingRequested():
            return replace(state, requested=event, submitted=False, posting_ended=False)
        case GroupPostingSubmitted():
            return replace(state, submitted=True, posting_ended=event.ended)
        case PostingUnclear():
            known = replace(state, failures=event.failures, sentence=event.sentence)
            if event.number != state.number:
                return known
            looked_at = event.at if event.total else None
            return replace(known, phase="unclear", look_ups=event.look_ups, total=event.total, unclear_at=looked_at)
        case InvoiceRemoved():
            otherwise = event.times if event.kept_otherwise is None else event.kept_otherwise
            known = replace(state, removals=event.times, kept_otherwise=otherwise, difference=event.difference)
            return replace(known, phase="removed") if event.number == state.number else known
    return state


def pause_after(look_up: int, number: int, pauses: Sequence[float]) -> float:
    """Seconds until the next look-up after the `look_up`-th one of the `number`-th intent."""
    return pauses[min(number + look_up - 2, len(pauses) - 1)]


def pause_left(state: Progress, *, pauses: Sequence[float], now: datetime) -> float:
    """Seconds that the pause after the last look-up still has to run; 0 when the next look-up is due."""
    if state.phase != "unclear" or state.unclear_at is None:
        return 0.0
    due = state.unclear_at + timedelta(seconds=pause_after(state.total, state.number, pauses))
    return max((due - now).total_seconds(), 0.0)
