"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from operator_console.exits import CommandError, Exit

DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of an embedded site; without it ./data when it exists, else the MLC_ environment."),
]
SiteDir = Annotated[Path, typer.Option(help="Directory that holds everything of this site.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
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
    except ValueError:
        raise CommandError(
            f"{text} is no day or time; write 2026-11-25 or 2026-11-25T14:30 or 2026-11-25T14:30:00Z.", code=Exit.USAGE
        ) from None
    return moment.astimezone() if moment.tzinfo is None else moment


def as_day(text: str | None) -> date | None:
    """A calendar day.

    Raises:
        CommandError: it is none.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is no day; write it as 2026-11-25.", code=Exit.USAGE) from None


def as_amount(text: str | None) -> Decimal | None:
    """An amount with a decimal point.

    Raises:
        CommandError: it is none.
    """
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount is not None and not amount.is_finite():
        raise CommandError(f"{text} is no amount; write it as 1240.50.", code=Exit.USAGE)
    return amount
