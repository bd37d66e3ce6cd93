"""Values that several sections of the rules share. Pure."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What to do with an invoice that is out of the ordinary.

    `hold` enters it in Epicor on hold, so that nobody can pay it before a person has released it there.
    """

    POST = "post"
    HOLD = "hold"
    REFUSE = "refuse"
