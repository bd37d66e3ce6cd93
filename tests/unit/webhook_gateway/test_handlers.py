"""What is said how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from webhook_gateway.handlers import Seldom

NOW = datetime(2026, 3, 5, 8, 31, tzinfo=UTC)


def test_the_same_thing_is_said_once_in_a_while_with_how_often_it_was_not() -> None:
    seldom = Seldom(timedelta(seconds=10))

    said = [seldom.left_unsaid("observe", NOW + timedelta(seconds=second)) for second in (0, 1, 9, 10, 11, 25)]

    assert said == [0, None, None, 2, None, 1]
    assert seldom.left_unsaid("another", NOW) == 0
