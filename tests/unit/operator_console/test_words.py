"""How values on the command line are read: days, times and amounts, or one clear sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from operator_console.cli_words import as_amount, as_day, as_moment
from operator_console.exits import CommandError, Exit


def test_a_time_with_a_zone_is_that_instant_and_a_day_is_its_first_moment_here() -> None:
    assert as_moment("2026-11-25T14:30:00Z") == datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
    day = as_moment("2026-11-25")
    assert day is not None
    assert (day.hour, day.minute, day.tzinfo is not None) == (0, 0, True)
    assert as_moment(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "25.11.2026",
        "",
        "2026-11-25T99:00",
        "0001-01-01",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_is_no_time_is_said_with_how_to_write_one(text: str) -> None:
    with pytest.raises(CommandError, match="is no day or time; write 2026-11-25") as caught:
        as_moment(text)

    assert caught.value.code == Exit.USAGE


def test_an_amount_is_exact() -> None:
    assert as_amount("1240.50") == Decimal("1240.50")
    assert as_amount("-0.10") == Decimal("-0.10")
    assert as_amount(None) is None


@pytest.mark.parametrize("text", ["1.240,50", "ten", "NaN", "Infinity", "", "1e999999999", "1e-999"])
def test_what_is_no_amount_is_said(text: str) -> None:
    with pytest.raises(CommandError, match="is no amount") as caught:
        as_amount(text)

    assert caught.value.code == Exit.USAGE


def test_a_day_is_one_of_the_calendar() -> None:
    assert as_day("2026-11-25") == date(2026, 11, 25)
    assert as_day(None) is None


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "2026-11-25T10:00", "", "0001-01-01", "9999-12-31"])
def test_what_is_no_day_that_books_can_have_is_said(text: str) -> None:
    with pytest.raises(CommandError, match=r"is no day; write it as|is no day between 1900-01-01 and") as caught:
        as_day(text)

    assert caught.value.code == Exit.USAGE
