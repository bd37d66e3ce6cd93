"""What taking a transfer up anew would do, by where its document stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mlc_common.events import (
    Event,
    MasterDataRedeliveryRequested,
    Redelivery,
    RedeliveryRequested,
    ReplayStarted,
    ReplayStopped,
)
from operator_console.view import DocumentStatus, Phase


class Verdict(StrEnum):
    """What a replay of a document comes to."""

    POST = "post"
    READ = "read again"
    CONFIRM = "confirm only"
    AGAIN = "hand out again"
    NOTHING = "nothing"
    PERSON = "needs a person"


ACTS = frozenset({Verdict.POST, Verdict.READ, Verdict.CONFIRM, Verdict.AGAIN})
"""Verdicts for which something is done."""


@dataclass(frozen=True)
class Buried:
    """A message that is handed out again as it is: where it stands, who gave it up, by which version, and why then.

    `attempt` is that of the document it is about, None of master data.
    """

    letter: int
    durable: str
    sequence: int
    attempt: str | None
    failure: str
    version: str | None


@dataclass(frozen=True)
class Planned:
    """A document, what its replay comes to, and why; `buried` where a message goes to its durable again."""

    status: DocumentStatus
    verdict: Verdict
    why: str
    buried: Buried | None = None


def planned(status: DocumentStatus) -> Planned:
    """What taking the document's latest transfer up anew would do."""
    verdict, why = _verdict(status)
    return Planned(status, verdict, why)


def _verdict(status: DocumentStatus) -> tuple[Verdict, str]:
    match status.phase:
        case Phase.NOTICED:
            return Verdict.NOTHING, "it is not ours to act on"
        case Phase.POSTED | Phase.REFUSED if status.answered:
            return Verdict.NOTHING, f"it was {status.phase}, and Basware knows"
        case Phase.POSTED | Phase.REFUSED:
            return Verdict.CONFIRM, f"it was {status.phase}, and Basware has not been told"
        case Phase.STUCK if status.voucher is not None:
            return Verdict.CONFIRM, "it stands in Epicor, and telling Basware failed"
        case Phase.STUCK:
            return Verdict.POST, status.reason or "nobody could handle it"
        case Phase.HELD:
            return Verdict.PERSON, "somebody holds it; release it first"
        case Phase.FOR_A_PERSON | Phase.ANSWER_REJECTED | Phase.UNDELIVERED:
            return Verdict.PERSON, status.reason or "settle it in Basware"
        case _:
            return Verdict.POST, "it has no outcome yet"


def redelivery(planned: Planned, buried: Buried, replay: str, *, by: str, reason: str, at: datetime) -> Redelivery:
    """The fact that has a buried message handed out again."""
    common: dict[str, Any] = {
        "connection": planned.status.connection,
        "at": at,
        "by": by,
        "reason": reason,
        "replay": replay,
        "durable": buried.durable,
        "sequence": buried.sequence,
        "letter": buried.letter,
    }
    if buried.attempt is None:
        return MasterDataRedeliveryRequested(**common)
    return RedeliveryRequested(**common, invoice_id=planned.status.invoice_id, attempt=buried.attempt)


@dataclass(frozen=True)
class Replay:
    """One occasion on which transfers were taken up anew, as the stream tells it."""

    name: str
    connection: str
    by: str
    reason: str
    selection: Mapping[str, str]
    documents: int
    state: str
    requested: int


def replays(operations: Iterable[Event]) -> dict[str, Replay]:
    """Every replay by its name; a later start under the same name goes on with it."""
    found: dict[str, Replay] = {}
    for event in operations:
        match event:
            case ReplayStarted():
                found[event.replay] = Replay(
                    event.replay, event.connection, event.by, event.reason, event.selection, event.documents,
                    "running", found[event.replay].requested if event.replay in found else 0,
                )  # fmt: skip
            case ReplayStopped() if event.replay in found:
                known = vars(found[event.replay])
                requested = max(event.requested, known["requested"])
                found[event.replay] = Replay(**{**known, "state": event.how, "requested": requested})
    return found
