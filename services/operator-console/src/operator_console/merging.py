"""Facts of documents and dead letters in the one order in which they were stored, so that a fold always ends the same.

Two streams have no common sequence; the time at which the broker stored a message is their order, a fact first where
both are the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from mlc_common.streams import DEADLETTERS, DOCUMENTS
from operator_console.stream_reader import Read, StreamReader


@dataclass(frozen=True)
class Places:
    """The last sequences that were folded, of both streams."""

    documents: int = 0
    letters: int = 0


@dataclass(frozen=True)
class Message:
    """One message of either stream."""

    read: Read
    buried: bool


@dataclass(frozen=True)
class Batch:
    """Messages in their order, and the places after them."""

    messages: Sequence[Message]
    places: Places


async def following(reader: StreamReader, places: Places, *, most: int) -> Batch:
    """The next messages of both streams; none when there are no more.

    Dead letters are read twice: first, so that every fact that is older than one of them is there to be read; then
    again, so that every one that is older than one of these facts is among them.

    Raises:
        TransientError: the broker is away.
    """
    known = await reader.after(DEADLETTERS, places.letters, most=most)
    facts = await reader.after(DOCUMENTS, places.documents, most=most)
    letters = await reader.after(DEADLETTERS, places.letters, most=most) if facts else known
    return merged(known, facts, letters, places)


def merged(known: Sequence[Read], facts: Sequence[Read], letters: Sequence[Read], places: Places) -> Batch:
    """What may be folded of it: nothing before which a message may come that was not read yet.

    Args:
        known: the dead letters as they were before the facts were read; `letters` as they were after it.
    """
    more = bool(facts) and facts[-1].pending > 0
    horizon = _horizon(facts, () if more else known)
    if letters and letters[-1].pending:
        facts = list(takewhile(lambda each: each.stored_at <= letters[-1].stored_at, facts))
    ready = [] if horizon is None else list(takewhile(lambda each: _is_before(each, horizon, or_at=not more), letters))
    messages = heapq.merge(
        (Message(each, buried=False) for each in facts),
        (Message(each, buried=True) for each in ready),
        key=lambda each: each.read.stored_at,
    )
    last = (facts[-1].sequence if facts else places.documents, ready[-1].sequence if ready else places.letters)
    return Batch(list(messages), Places(*last))


def _horizon(facts: Sequence[Read], known: Sequence[Read]) -> datetime | None:
    """Until when every fact was read."""
    return max((each[-1].stored_at for each in (facts, known) if each), default=None)


def _is_before(letter: Read, horizon: datetime, *, or_at: bool) -> bool:
    return letter.stored_at < horizon or (or_at and letter.stored_at == horizon)
