"""What must be so after the faults, whatever they were: everything in the books of all sides that is not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from operator_console.demo_books import Books, disagreements
from operator_console.demo_scenario import Expected, Scenario


@dataclass(frozen=True)
class Evidence:
    """What was offered, and what all sides say in the end.

    Attributes:
        promised: documents of pushes that were answered 200; `pushed` those whose pushes the stream holds.
        facts: how often the stream holds each type of fact, by document.
        letters: messages that nobody could handle and that were not poisoned, each in a sentence.
        awaited: the most calls that Epicor had at once and somebody waited for.
        breaks: what the product's own reconciliation found, each in a sentence.
    """

    posted: Collection[Expected]
    refused: frozenset[str]
    promised: frozenset[str]
    pushed: frozenset[str]
    books: Books
    facts: Mapping[str, Counter[str]]
    letters: tuple[str, ...]
    awaited: int
    cap: int
    breaks: tuple[str, ...]


def violations(found: Evidence) -> list[str]:
    """A sentence for everything that must not be; none when nothing was lost, doubled, left unanswered or locked."""
    return [
        *(f"the push of {each} was answered 200 and is not in the stream" for each in _lost(found)),
        *disagreements(_plan(found), found.books),
        *_once(found),
        *found.letters,
        *_beyond(found),
        *found.breaks,
    ]


def _lost(found: Evidence) -> list[str]:
    return sorted(found.promised - found.pushed)


def _beyond(found: Evidence) -> list[str]:
    cap, awaited = found.cap, found.awaited
    return [f"{awaited} calls to Epicor at once, {cap} are allowed"] if awaited > cap else []


def _plan(found: Evidence) -> Scenario:
    return Scenario(
        first=(),
        later=(),
        lost_push="",
        lost_answer="",
        refused_by_epicor="",
        only_forged=frozenset(),
        posted=tuple(found.posted),
        refused=found.refused,
        kinds={},
    )


def _once(found: Evidence) -> Iterator[str]:
    wanted = {each.invoice_id: "invoice_posted" for each in found.posted}
    wanted |= dict.fromkeys(found.refused, "invoice_refused")
    for invoice_id, outcome in wanted.items():
        facts = found.facts.get(invoice_id, Counter())
        for fact in ("document_approved", outcome, "outcome_answered"):
            if facts[fact] != 1:
                yield f"the stream holds {fact} of {invoice_id} {facts[fact]} times"


def concerned(sentences: Iterable[str], ids: Collection[str]) -> list[str]:
    """The documents that sentences speak of."""
    words = {word.strip(".,;:'\"()") for sentence in sentences for word in sentence.split()}
    return sorted(words & set(ids))
