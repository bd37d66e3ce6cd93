"""What to do about a record once Basware has said, or not said, what became of it. Pure.

Basware API reference, §9.1 (item statuses) and §7: a record that is sent again as it was is skipped, whether P2P has it
or not, so one that is missing there needs a real change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mlc_basware.request_status import Settlement

MOST_TIMES = 4
"""How often a record is sent until a person has to look: once, and three times with a change of its own."""

LANGUAGES = ("en-GB", "en-AU", "en-NZ")
"""Names in these are added, one more each time, saying the same as en-US: a change that nobody sees."""

_NAMES = ("accountNames", "costCenterNames", "taxCodeNames", "paymentTermNames")
_REMARKS = {"vendorCode": "description", "orderNumber": "description", "lineNumber": "comment"}


@dataclass(frozen=True)
class Standing:
    """What is known of a sent record beside what its request says.

    Args:
        number: how often it has been sent, this time included.
        newest: nothing newer of it was sent since.
        accepted: this very content was accepted before.
        earlier: what the latest earlier request that did not skip it said of it.
        overdue: nothing more is waited for.
    """

    number: int
    newest: bool
    accepted: bool
    earlier: Settlement | None
    overdue: bool


Step = Literal["wait", "accept", "refuse", "send again", "hold", "leave"]


def next_step(told: Settlement, standing: Standing) -> Step:
    """What is due. `leave`: a newer version of ours is under way and says the rest."""
    match told.word:
        case "saved":
            return "accept"
        case "pending" if not standing.overdue:
            return "wait"
        case "expired" if not standing.newest:
            return "leave"
        case "not saved" if not told.technical:
            return "refuse" if standing.newest else "leave"
        case "unchanged" if standing.accepted or (standing.earlier and standing.earlier.word == "saved"):
            return "accept"
    if not standing.newest:
        return "leave"
    return "send again" if standing.number < MOST_TIMES else "hold"


def changed_by_itself(entity: dict[str, Any], number: int) -> dict[str, Any] | None:
    """The record with a change that means nothing, another one for every `number` from 2; None where there is no place.

    Names get one more language that repeats the English one, as the vendor asks for anyway; a vendor, an order and a
    line a remark in a member that is not used otherwise; a project ends a second later. A rate and an item of a list
    have no member of which nobody could tell.
    """
    extra = LANGUAGES[: number - 1]
    for member in _NAMES:
        if member in entity:
            english = next(name["translation"] for name in entity[member] if name["language"] == "en-US")
            own = [name for name in entity[member] if name["language"] not in LANGUAGES]
            return entity | {member: own + [{"language": language, "translation": english} for language in extra]}
    for code, member in _REMARKS.items():
        if code in entity:
            return entity | {member: f"Sent again ({number - 1})"}
    if "validUntil" in entity:
        return entity | {"validUntil": f"{entity['validUntil'][:-3]}0{number - 1}Z"}
    return None


_WORDS = {
    "pending": "Basware has not said what became of it.",
    "lost": "Basware's answer does not name it.",
    "unchanged": "Basware skips it as unchanged, and never said that it was saved.",
    "expired": "Basware says that a newer version was posted, and it was not ours.",
}


def words_for(told: Settlement) -> str:
    """What Basware says of a record, for a person."""
    return "; ".join(told.messages) or _WORDS.get(told.word, "No reason was given.")
