"""AP invoice groups of our own: one per apply date and slot, so that no two calls in flight share one. Pure.

Epicor reference, groups: ids have at most 8 characters A-Z and 0-9; a group open in somebody's screen has an
ActiveUserID; one that is being posted has PostInProcess.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime

from mlc_common.connection import ConnectionDocument
from mlc_epicor.datasets import APInvGrpRow

_PLACES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS = _PLACES[10:]
_LOCK_WORDS = re.compile(r"\block(ed)?\b|in use|another user|being posted|post in process", re.IGNORECASE)


def group_ids(prefix: str, apply_date: date, *, slot: int, cap: int) -> list[str]:
    """The groups a slot may use, the first one first; the others are for when somebody holds it."""
    return [f"{prefix}{apply_date:%y%m%d}{place}" for place in _PLACES[slot::cap]]


def own_group_ids(prefix: str, whose: str, *, slot: int, cap: int) -> list[str]:
    """The groups of one invoice's own that a slot may use; `whose` names the transfer.

    The second character is a letter, so that none of them is a group of a day.
    """
    number = int.from_bytes(hashlib.sha256(whose.encode()).digest()[:8])
    number, first = divmod(number, len(_LETTERS))
    digits = ""
    for _ in range(5):
        number, digit = divmod(number, len(_PLACES))
        digits += _PLACES[digit]
    return [f"{prefix}{_LETTERS[first]}{digits}{place}" for place in _PLACES[slot::cap]]


def apply_date_in(group_id: str) -> date:
    """The apply date a group of ours was made for. Raises ValueError for a name that is not of our making."""
    return datetime.strptime(group_id[1:7], "%y%m%d").date()  # noqa: DTZ007 - a calendar day has no zone


def sharing(mine: ConnectionDocument, others: Iterable[ConnectionDocument]) -> list[str]:
    """The names of other connections that use groups of the same names in the same Epicor company."""
    groups = _groups(mine)
    return [
        other.name
        for other in others
        if other.name != mine.name
        and other.epicor.base_url.casefold() == mine.epicor.base_url.casefold()
        and groups & _groups(other)
    ]


def _groups(document: ConnectionDocument) -> set[tuple[str, str]]:
    """Epicor company and first letter of the groups used in it."""
    return {(pair.epicor.casefold(), document.rules(pair).group_prefix) for pair in document.companies}


def holder(group: APInvGrpRow, *, user: str | None) -> str | None:
    """Who keeps us from using the group, or None.

    `user` is our own user where we know it; we also are who created the group, since only we use its name.
    """
    if group.PostInProcess:
        return "it is being posted"
    ours = {name.strip().casefold() for name in (user, group.CreatedBy) if name}
    active = group.ActiveUserID.strip()
    return active if active and active.casefold() not in ours else None


def speaks_of_a_lock(message: str, group_id: str) -> bool:
    """Whether a refusal says that somebody has the group; the exact text is not documented."""
    about_it = group_id.casefold() in message.casefold() or "group" in message.casefold()
    return about_it and bool(_LOCK_WORDS.search(message))
