"""The deadline clock: how long a transfer has waited for its answer, and what that calls for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from basware_reader.approvals import PREBOOK_OFFERED
from mlc_common.connection import Deadline
from mlc_common.events import (
    AnswerRejected,
    DeadlineNear,
    DocumentApproved,
    Event,
    InterimAnswered,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
)


@dataclass(frozen=True)
class Warn:
    """Tell people that the transfer waits, and until when it may."""

    due: datetime


@dataclass(frozen=True)
class AnswerNow:
    """Tell Basware that it is still being worked on."""

    due: datetime


@dataclass(frozen=True)
class Wait:
    """Nothing is due."""


Call = Warn | AnswerNow | Wait


def due_at(approved: DocumentApproved, window: Deadline) -> datetime:
    """When Basware gives the transfer up."""
    return approved.at + timedelta(minutes=window.minutes)


def look_every(window: Deadline, *, sweep: float) -> float:
    """Seconds between two looks at the clock, so that at least two fall between the interim answer and the end."""
    return min(sweep, window.minutes * 60 * (1 - window.answer) / 3)


def waits_until(history: Iterable[Event], attempt: str, window: Deadline) -> datetime | None:
    """When Basware gives up an attempt that nobody has answered, in any way; None once somebody has."""
    approved = None
    for event in history:
        match event:
            case DocumentApproved() if event.attempt == attempt:
                approved = event
            case OutcomeAnswered() | AnswerRejected() | InterimAnswered() if event.attempt == attempt:
                return None
    return due_at(approved, window) if approved is not None else None


def called_for(history: Iterable[Event], attempt: str, window: Deadline, *, now: datetime) -> Call:
    """What the time that an attempt has waited calls for; nothing once it has an outcome or an answer.

    A prebooking is only warned about: one that failed is handled by hand in Basware (Basware API reference, §5). An
    outcome that is on its way to Basware is answered as soon as Basware can be reached, as `still working` would be.
    """
    approved, warned = None, False
    for event in history:
        match event:
            case DocumentApproved() if event.attempt == attempt:
                approved = event
            case DeadlineNear() if event.attempt == attempt:
                warned = True
            case InvoicePosted() | InvoiceRefused() | OutcomeAnswered() | AnswerRejected() | InterimAnswered():
                if event.attempt == attempt:
                    return Wait()
    if approved is None:
        return Wait()
    whole, waited = timedelta(minutes=window.minutes), now - approved.at
    if waited >= whole * window.answer and approved.status not in PREBOOK_OFFERED:
        return AnswerNow(due_at(approved, window))
    if waited >= whole * window.warn and not warned:
        return Warn(due_at(approved, window))
    return Wait()
