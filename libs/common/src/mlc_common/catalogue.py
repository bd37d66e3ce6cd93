"""Every refusal a person can see: code, sentence, owner and remedy, in one place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from pydantic import BaseModel, ConfigDict

from mlc_common.sentences.attachments import ATTACHMENTS
from mlc_common.sentences.codes import CODES
from mlc_common.sentences.document import DOCUMENT
from mlc_common.sentences.entry import Entry, Owner
from mlc_common.sentences.life_cycle import LIFE_CYCLE
from mlc_common.sentences.orders import ORDERS
from mlc_common.sentences.payables import PAYABLES
from mlc_common.sentences.people import PEOPLE
from mlc_common.sentences.posting import POSTING

LONGEST_ANSWER = 250
"""Characters Basware accepts in a response message (Basware API reference, TransferResponseEntity)."""


class Finding(BaseModel):
    """One reason why a document is not posted, ready to be read by a person."""

    model_config = ConfigDict(frozen=True)

    code: str
    sentence: str
    owner: Owner
    remedy: str
    field: str | None = None


SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "in the document itself": DOCUMENT,
    "in its codes, by what Epicor knows": CODES,
    "with purchase orders": ORDERS,
    "while it is entered in Epicor": POSTING,
    "while its group is posted": PAYABLES,
    "by what Basware says of it": LIFE_CYCLE,
    "with its attachments": ATTACHMENTS,
    "by what people decided": PEOPLE,
}
"""The entries by where they arise; a test sees to it that no code stands in two places."""

CATALOGUE: Mapping[str, Entry] = {code: entry for section in SECTIONS.values() for code, entry in section.items()}
"""Every entry by its code."""


def finding(code: str, /, *, field: str | None = None, **values: object) -> Finding:
    """The catalogue's entry `code`, filled with this case's values; `field` names the field a clerk must look at."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        sentence=entry.sentence.format(field=field, **values),
        owner=entry.owner,
        remedy=entry.remedy,
        field=field,
    )


def entry_of(sentence: str) -> tuple[str, Entry] | None:
    """The code and the entry that a sentence was made from, or None when it is none of the catalogue's."""
    fits = [code for code, pattern in _patterns().items() if pattern.fullmatch(sentence)]
    if not fits:
        return None
    # The one that says most by itself: a sentence with few words of its own fits almost anything.
    code = max(fits, key=lambda each: len(_FILLED.sub("", CATALOGUE[each].sentence)))
    return code, CATALOGUE[code]


_FILLED = re.compile(r"\{\w+\}")


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    return {
        code: re.compile(".*".join(map(re.escape, _FILLED.split(entry.sentence))), re.DOTALL)
        for code, entry in CATALOGUE.items()
    }


def posted_text(
    *,
    company: str,
    group: str,
    number: str,
    held_for: tuple[Finding, ...] = (),
    in_payables: bool | None = None,
    not_posted: tuple[Finding, ...] = (),
) -> str:
    """What Basware shows the clerk when the AP invoice stands in Epicor.

    Args:
        in_payables: whether its group is posted; None where nobody asked for that.
        not_posted: why not, although it was asked for.
    """
    where = f"company {company}, group {group}, invoice {number}"
    reasons = " ".join(each.sentence for each in (*not_posted, *held_for))
    match in_payables:
        case None:
            text = f"Posted to Epicor AP, {where}" + (", on hold" if reasons else "")
        case True:
            text = f"Posted to Epicor's payables, {where}"
        case False:
            text = f"Entered in Epicor AP, {where}, " + ("but not posted" if not_posted else "on hold and not posted")
    return (f"{text}: {reasons}" if reasons else text)[:LONGEST_ANSWER]


def answer_text(findings: tuple[Finding, ...]) -> str:
    """What Basware shows the clerk: as many whole sentences as fit 250 characters, and how many more there are."""
    text = ""
    for position, each in enumerate(findings):
        rest = len(findings) - position - 1
        tail = f" (+{rest} more)" if rest else ""
        longer = f"{text} {each.sentence}".strip()
        if len(longer) + len(tail) > LONGEST_ANSWER:
            more = f" (+{rest + 1} more)" if text else "..."
            return (text or longer[: LONGEST_ANSWER - 3]) + more
        text = longer
    return text or "Refused without a reason."
