"""After failures in a row the far side is left alone, then one message tries."""

from __future__ import annotations

import pytest

from epicor_writer.breaker import Breaker
from mlc_common.failures import TransientError


class Clock:
    """Seconds that move when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: Breaker, *, counts: bool = True) -> None:
    with pytest.raises(TransientError, match="down"), breaker.admitted():
        raise TransientError("down", counts=counts)


def opened(clock: Clock, told: list[bool]) -> Breaker:
    breaker = Breaker("Epicor", pause=15, clock=clock, on_change=told.append)
    for _ in range(5):
        fail(breaker)
    return breaker


def test_five_failures_in_a_row_open_it_and_messages_wait_the_pause() -> None:
    clock, told = Clock(), list[bool]()
    breaker = opened(clock, told)

    with pytest.raises(TransientError, match="left alone") as turned_away, breaker.admitted():
        pytest.fail("must not be admitted")

    assert turned_away.value.retry_after == 15
    assert not turned_away.value.counts
    assert told == [True]


def test_a_success_between_keeps_it_closed() -> None:
    breaker = Breaker("Epicor", pause=15, clock=Clock())
    for _ in range(3):
        for _ in range(4):
            fail(breaker)
        with breaker.admitted():
            pass

    assert not breaker.is_open


def test_deliberate_pauses_are_no_failures() -> None:
    breaker = Breaker("Epicor", pause=15, clock=Clock())
    for _ in range(20):
        fail(breaker, counts=False)

    assert not breaker.is_open


def test_after_the_pause_one_message_tries_and_its_success_closes_it() -> None:
    clock, told = Clock(), list[bool]()
    breaker = opened(clock, told)
    clock.now += 15.1

    with breaker.admitted(), pytest.raises(TransientError, match="left alone"), breaker.admitted():
        pytest.fail("only one probes")

    assert not breaker.is_open
    assert told == [True, False]


def test_a_probe_that_fails_opens_it_for_another_pause() -> None:
    clock = Clock()
    breaker = opened(clock, [])
    clock.now += 15.1
    fail(breaker)

    with pytest.raises(TransientError, match="left alone"), breaker.admitted():
        pytest.fail("must not be admitted")


def test_a_probe_that_ends_in_a_deliberate_pause_lets_the_next_one_probe() -> None:
    clock = Clock()
    breaker = opened(clock, [])
    clock.now += 15.1
    fail(breaker, counts=False)

    with breaker.admitted():
        pass
    assert not breaker.is_open
