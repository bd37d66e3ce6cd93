"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from operator_console.exits import CommandError, Exit

DAYS = (date(1900, 1, 1), date(2999, 12, 31))
"""What may be asked for: beyond it sums with days end in nothing, and no book begins or ends there."""

DIGITS = 100
"""Before or behind the decimal point of an amount that may be asked for."""

DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of an embedded site; without it ./data when it exists, else the MLC_ environment."),
]
SiteDir = Annotated[Path, typer.Option(help="Directory that holds everything of this site.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _said(reason: str) -> str:
    if not reason.strip():
        raise CommandError("Give a reason: it is recorded with your name.", code=Exit.USAGE)
    return reason


Reason = Annotated[str, typer.Option("--reason", "-m", callback=_said, help="Why; it is recorded with your name.")]
ConnectionName = Annotated[str, typer.Argument(help="Name of the connection.")]


def as_moment(text: str | None) -> datetime | None:
    """A day (its first moment) or a time, of this machine's zone unless it names one.

    Raises:
        CommandError: it is neither.
    """
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-25"):
            return datetime.combine(date.fromisoformat(text), time()).astimezone()
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)
        return moment.astimezone() if moment.tzinfo is None else moment
    except (ValueError, OverflowError):
        raise CommandError(
            f"{text} is no day or time; write 2026-11-25 or 2026-11-25T14:30 or 2026-11-25T14:30:00Z.", code=Exit.USAGE
        ) from None


def as_day(text: str | None) -> date | None:
    """A calendar day.

    Raises:
        CommandError: it is none.
    """
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is no day; write it as 2026-11-25.", code=Exit.USAGE) from None
    if day is not None and not DAYS[0] <= day <= DAYS[1]:
        raise CommandError(f"{text} is no day between {DAYS[0]} and {DAYS[1]}.", code=Exit.USAGE)
    return day


def as_amount(text: str | None) -> Decimal | None:
    """An amount with a decimal point.

    Raises:
        CommandError: it is none.
    """
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount is not None and not (amount.is_finite() and abs(amount.adjusted()) < DIGITS):
        raise CommandError(f"{text} is no amount; write it as 1240.50.", code=Exit.USAGE)
    return amount
