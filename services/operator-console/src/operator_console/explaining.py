"""Why a document stands where it stands: one sentence, whose it is, what to do, and the facts that say so. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mlc_common.catalogue import Finding, answer_text, entry_of
from mlc_common.eventlog import Recorded
from mlc_common.events import (
    AnswerRejected,
    AnswerUnconfirmed,
    AnswerUndelivered,
    DeadlineNear,
    DocumentHeld,
    DocumentNoticed,
    InterimAnswered,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    PostingIntended,
    PostingUnclear,
)
from operator_console import telling
from operator_console.dead_letters import DeadLetter
from operator_console.view import DocumentStatus, Phase


@dataclass(frozen=True)
class Evidence:
    """A fact that an explanation rests on: where it stands in the stream, and what it says."""

    sequence: int
    what: str
    says: str
    connection_version: int | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a document stands where it stands.

    Attributes:
        sentence: the one that matters.
        owner: who has to act; None when nobody has to.
        remedy: what to do.
        code: of the catalogue, where the sentence is one of it.
        field: Basware's field that a clerk must look at.
        also: what is wrong beside.
        evidence: the facts, oldest first.
    """

    sentence: str
    owner: str | None = None
    remedy: str | None = None
    code: str | None = None
    field: str | None = None
    also: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()


_EVIDENCE = (
    DocumentNoticed,
    DocumentHeld,
    PostingIntended,
    PostingUnclear,
    InvoiceRemoved,
    InvoicePosted,
    InvoiceRefused,
    DeadlineNear,
    InterimAnswered,
    AnswerRejected,
    AnswerUndelivered,
    AnswerUnconfirmed,
)


def explain(status: DocumentStatus, timeline: Sequence[Recorded], letters: Sequence[DeadLetter]) -> Explanation:
    """Why the document has this status; `timeline` oldest first, `letters` the dead letters about it."""
    mine = [each for each in timeline if getattr(each.event, "attempt", None) == status.attempt]
    evidence = (*_evidence(mine), *(_buried(each) for each in letters))
    found = _explained(status, [each.event for each in mine], letters)
    return replace(found, evidence=evidence)


def _explained(status: DocumentStatus, events: Sequence[object], letters: Sequence[DeadLetter]) -> Explanation:
    refused = [each for each in events if isinstance(each, InvoiceRefused)]
    match status.phase:
        case Phase.REFUSED if refused:
            first, *others = refused[-1].findings
            told = "" if status.answered else " Basware has not been told yet."
            return Explanation(
                first.sentence + told, first.owner, first.remedy, first.code, first.field, also=tuple(others)
            )
        case Phase.POSTED:
            return _posted(status, events)
        case Phase.STUCK if letters:
            said = "Nobody could handle it: " + letters[-1].failure
            return Explanation(said, "integration", "Mend the cause, then: ml-connector replay --document ID --commit")
        case Phase.APPROVED if status.reason is None:
            return Explanation("It waits to be entered in Epicor.", remedy="Nothing, unless it waits for long.")
        case _:
            return _by_sentence(status)


def _posted(status: DocumentStatus, events: Sequence[object]) -> Explanation:
    posted = [each for each in events if isinstance(each, InvoicePosted)]
    held = posted[-1].held_for or () if posted else ()
    where = f"invoice {status.epicor_invoice} in Epicor company {status.epicor_company}, group {status.group_id}"
    told = "Basware knows" if status.answered else "Basware has not been told yet"
    sentence = f"It stands as {where}; {told}."
    if held:
        return Explanation(
            f"{sentence} It is on hold: {answer_text(held)}", held[0].owner, held[0].remedy, held[0].code, also=held[1:]
        )
    return Explanation(sentence)


def _by_sentence(status: DocumentStatus) -> Explanation:
    """The owner and the remedy belong to the catalogue's entry whose sentence the status shows."""
    sentence = status.reason or f"It is {status.phase}."
    found = entry_of(sentence)
    if found is None:
        waiting = status.phase in (Phase.POSTING, Phase.UNCLEAR)
        remedy = "Nothing: it is looked up again by itself." if waiting else None
        return Explanation(sentence, remedy=remedy)
    code, entry = found
    return Explanation(sentence, entry.owner, entry.remedy, code)


def _evidence(timeline: Sequence[Recorded]) -> Iterator[Evidence]:
    for each in timeline:
        if isinstance(each.event, _EVIDENCE):
            what, says = telling.tell(each.event)
            yield Evidence(each.sequence, what, says, getattr(each.event, "connection_version", None))


def _buried(letter: DeadLetter) -> Evidence:
    return Evidence(letter.sequence, "dead letter", f"{letter.durable} gave up after {letter.tries}: {letter.failure}")
