"""The deadline clock: what the time a transfer has waited calls for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from basware_reader.deadlines import AnswerNow, Call, Wait, Warn, called_for, look_every, waits_until
from mlc_common.catalogue import finding
from mlc_common.connection import Deadline
from mlc_common.events import (
    AnswerRejected,
    DeadlineNear,
    DocumentApproved,
    Event,
    InterimAnswered,
    InvoiceRefused,
    OutcomeAnswered,
)

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
WINDOW = Deadline(minutes=100, warn=0.5, answer=0.9)
DUE = AT + timedelta(minutes=100)
COMMON: dict[str, Any] = {"connection": "northwind", "at": AT, "invoice_id": "i1", "attempt": "b1"}
APPROVED = DocumentApproved(
    **COMMON,
    seen_by="push",
    status="WaitingForTransfer",
    company_code="US01",
    supplier_code="10432",
    currency="USD",
    document="{}",
)
NEAR = DeadlineNear(**COMMON, due=DUE)


@pytest.mark.parametrize(
    ("minutes", "more", "expected"),
    [
        (49, (), Wait()),
        (50, (), Warn(DUE)),
        (60, (NEAR,), Wait()),
        (89, (NEAR,), Wait()),
        (90, (NEAR,), AnswerNow(DUE)),
        (90, (), AnswerNow(DUE)),
        (900, (), AnswerNow(DUE)),
    ],
)
def test_people_are_warned_first_and_basware_is_told_in_time(
    minutes: int, more: tuple[Event, ...], expected: Call
) -> None:
    assert called_for([APPROVED, *more], "b1", WINDOW, now=AT + timedelta(minutes=minutes)) == expected


@pytest.mark.parametrize(
    "settled",
    [
        InvoiceRefused(**COMMON, connection_version=1, findings=(finding("NO_TOTAL"),)),
        OutcomeAnswered(**COMMON, external_code="x", success=True, message="m"),
        AnswerRejected(**COMMON, external_code="x", success=True, status="Paid", sentence="s"),
        InterimAnswered(**COMMON, external_code="x", message="m"),
    ],
    ids=lambda event: event.fact,
)
def test_nothing_is_due_once_there_is_an_outcome_or_an_answer(settled: Event) -> None:
    assert called_for([APPROVED, settled], "b1", WINDOW, now=AT + timedelta(days=9)) == Wait()


def test_another_attempts_answer_does_not_stop_the_clock() -> None:
    other = OutcomeAnswered(**(COMMON | {"attempt": "b0"}), external_code="x", success=False, message="m")

    assert called_for([other, APPROVED], "b1", WINDOW, now=AT + timedelta(minutes=90)) == AnswerNow(DUE)


def test_a_prebooking_is_warned_about_and_never_answered_in_between() -> None:
    prebooking = APPROVED.model_copy(update={"status": "WaitingForPrebook"})
    late = AT + timedelta(minutes=99)

    assert called_for([prebooking], "b1", WINDOW, now=late) == Warn(DUE)
    assert called_for([prebooking, NEAR], "b1", WINDOW, now=late) == Wait()


@pytest.mark.parametrize("minutes", [5, 30, 1440])
def test_the_clock_is_looked_at_twice_between_the_interim_answer_and_the_end_of_the_window(minutes: int) -> None:
    window = Deadline(minutes=minutes)
    left = minutes * 60 * (1 - window.answer)

    assert 0 < 2 * look_every(window, sweep=600) < left
    assert look_every(Deadline(minutes=1440), sweep=600) == 600


def test_a_transfer_waits_until_somebody_answers_it_in_any_way() -> None:
    refused = InvoiceRefused(**COMMON, connection_version=1, findings=(finding("STILL_WORKING"),))
    told = InterimAnswered(**COMMON, external_code="c", message="m")

    assert waits_until([], "b1", WINDOW) is None
    assert waits_until([APPROVED, NEAR], "b1", WINDOW) == DUE
    assert waits_until([APPROVED, refused], "b1", WINDOW) == DUE, "an outcome that Basware has not heard of yet"
    assert waits_until([APPROVED, told], "b1", WINDOW) is None
    assert waits_until([APPROVED, told], "b2", WINDOW) is None
