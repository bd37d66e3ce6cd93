"""Values that several sections of the rules share. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


class Action(StrEnum):
    """What to do with an invoice that is out of the ordinary.

    `hold` enters it in Epicor on hold, so that nobody can pay it before a person has released it there.
    """

    POST = "post"
    HOLD = "hold"
    REFUSE = "refuse"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("no such time zone; give one like Europe/Helsinki") from error
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""A time zone by its name in the IANA database."""
