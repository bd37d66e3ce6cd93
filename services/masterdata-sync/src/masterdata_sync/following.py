"""Follows batches of records until P2P has said what became of each; what is missing there is sent once more, changed.

The batches come from the stream by a durable of their own, and so do the pauses: both outlive this process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from masterdata_sync.changes import Record
from masterdata_sync.kind import Kind
from masterdata_sync.kinds import kinds_of
from masterdata_sync.outcomes import accepted, not_healed, not_saved
from masterdata_sync.verdicts import Standing, Step, changed_by_itself, next_step
from masterdata_sync.writing import Writer, write
from mlc_basware.request_status import Settlement, settlements
from mlc_basware.targets import Target
from mlc_common.connection import ConnectionDocument
from mlc_common.eventlog import EventLog
from mlc_common.events import BatchSent, MasterDataFact, RecordAccepted, RecordSent
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import load_json
from mlc_common.record_events import SentRecord
from mlc_common.retries import Delivery
from mlc_common.settings import Timings
from mlc_common.streams import MASTERDATA, masterdata_subject

log = structlog.stdlib.get_logger(__name__)

SCOPE = "requestStatus.read"
"""Without this scope in the connection nothing is followed: Basware would refuse to say."""

AT_ONCE = 250
"""Records whose last facts are asked for together, two facts each; the server names 1024 subjects at most."""

LOOK_BACK = timedelta(days=2)
"""How far back an earlier request is looked for: what a killed run may have sent, and a day of time zones."""

MOST_REMEMBERED = 1000
SEEN_ENDED = 2
"""A record is lost when its request has ended without a word about it at so many looks: some errors take minutes."""


@dataclass
class Settled:
    """Which records of batches in hand are settled already, so that a later look tells nothing twice."""

    _by_request: dict[str, set[str]] = field(default_factory=dict)

    def of(self, request_id: str) -> set[str]:
        """The external codes of one batch; the oldest batches are forgotten."""
        found = self._by_request.setdefault(request_id, set())
        while len(self._by_request) > MOST_REMEMBERED:
            del self._by_request[next(iter(self._by_request))]
        return found

    def done(self, request_id: str) -> None:
        """The batch is over."""
        self._by_request.pop(request_id, None)


@dataclass(frozen=True)
class Follower:
    """What it takes to follow one connection's batches."""

    writer: Writer
    log: EventLog
    kinds: Mapping[str, Kind]
    timings: Timings
    scopes: Sequence[str]
    settled: Settled = field(default_factory=Settled)

    @classmethod
    def of(cls, writer: Writer, document: ConnectionDocument, *, log: EventLog, timings: Timings) -> Follower:
        """The follower of a connection."""
        kinds = {kind.name: kind for kind in kinds_of(document)}
        return cls(writer, log, kinds=kinds, timings=timings, scopes=document.basware.scopes)

    def now(self) -> datetime:
        """The clock."""
        return self.writer.now()


async def on_batch(follower: Follower, batch: BatchSent, delivery: Delivery) -> None:
    """Look what became of a batch; every record is settled as soon as something is known of it.

    Raises:
        TransientError: some of it is open still, or Basware or the event stream is away.
    """
    if SCOPE not in follower.scopes:
        return
    if delivery.tries == 1:
        raise _later(follower.timings, delivery)
    done = follower.settled.of(batch.request_id)
    left = [record for record in batch.records if record.external_code not in done]
    told = await _told(follower, batch, left, delivery)
    steps = await _steps(follower, batch, left, told)
    await _carry_out(follower, batch, left, told, steps)
    done.update(record.external_code for record in left if steps[record.external_code] != "wait")
    if "wait" in steps.values():
        raise _later(follower.timings, delivery)
    follower.settled.done(batch.request_id)


async def _told(
    follower: Follower, batch: BatchSent, left: Sequence[SentRecord], delivery: Delivery
) -> dict[str, Settlement]:
    try:
        request = await follower.writer.basware.request_status(batch.request_id)
    except PermanentError as unreadable:
        log.warning("request_status_unreadable", connection=batch.connection, why=str(unreadable))
        request = None
    told = settlements((record.external_code for record in left), request)
    if delivery.tries <= 1 + SEEN_ENDED:
        told = {code: Settlement("pending") if each.word == "lost" else each for code, each in told.items()}
    return told


async def _steps(
    follower: Follower, batch: BatchSent, left: Sequence[SentRecord], told: Mapping[str, Settlement]
) -> dict[str, Step]:
    overdue = follower.now() >= batch.at + timedelta(seconds=follower.timings.delivery_patience)
    asked = [each for each in left if told[each.external_code].word not in ("saved", "pending") or overdue]
    sent, known = await _last(follower, batch, asked)
    skipped = {
        each.external_code
        for each in asked
        if told[each.external_code].word == "unchanged" and known.get((each.company, each.code)) != each.digest
    }
    earlier = await _earlier(follower, batch, skipped) if skipped else {}
    return {
        each.external_code: next_step(
            told[each.external_code],
            Standing(
                number=batch.number,
                newest=_is_newest(sent.get((each.company, each.code)), batch),
                accepted=known.get((each.company, each.code)) == each.digest,
                earlier=earlier.get(each.external_code),
                overdue=overdue,
            ),
        )
        for each in left
    }


def _is_newest(last: RecordSent | None, batch: BatchSent) -> bool:
    """Nothing newer was sent; one whose sending was never recorded was interrupted, and the next run sends it."""
    return last is not None and last.request_id == batch.request_id


async def _last(
    follower: Follower, batch: BatchSent, records: Sequence[SentRecord]
) -> tuple[dict[tuple[str, str], RecordSent], dict[tuple[str, str], str]]:
    """What was last sent, and the digest that was last accepted, by company and code."""
    sent: dict[tuple[str, str], RecordSent] = {}
    known: dict[tuple[str, str], str] = {}
    for start in range(0, len(records), AT_ONCE):
        subjects = [
            masterdata_subject(batch.connection, batch.kind, each.company, each.code, fact)
            for each in records[start : start + AT_ONCE]
            for fact in (RecordSent.fact, RecordAccepted.fact)
        ]
        for recorded in await follower.log.last(MASTERDATA, *subjects):
            match recorded.event:
                case RecordSent() as event:
                    sent[event.company, event.code] = event
                case RecordAccepted() as event:
                    known[event.company, event.code] = event.digest
    return sent, known


async def _earlier(follower: Follower, batch: BatchSent, codes: set[str]) -> dict[str, Settlement]:
    """What the latest other request that named a record without skipping it said of it.

    A run that was killed after its call has left such a request, and nobody wrote down its id.
    """
    target = _target(follower, batch)
    found: dict[str, tuple[str, Settlement]] = {}
    since = batch.at - LOOK_BACK
    statuses = follower.writer.basware.request_statuses(target.entity_type, since=since) if target else None
    if statuses is None:
        return {}
    async for request in statuses:
        if request.requestId == batch.request_id:
            continue
        when = request.lastUpdated or ""
        named = {item.externalCode for system in request.systems or () for item in system.items or ()}
        for code, told in settlements([code for code in codes if code in named], request).items():
            if told.word in ("saved", "not saved") and when >= found.get(code, ("", told))[0]:
                found[code] = (when, told)
    return {code: told for code, (_, told) in found.items()}


async def _carry_out(
    follower: Follower,
    batch: BatchSent,
    left: Sequence[SentRecord],
    told: Mapping[str, Settlement],
    steps: dict[str, Step],
) -> None:
    at = follower.now()
    again = [each for each in left if steps[each.external_code] == "send again"]
    unhelped = await _send_again(follower, batch, again) if again else []
    facts: list[MasterDataFact] = []
    for each in left:
        said = told[each.external_code]
        why = "; ".join(said.messages) or _WORDS[said.word]
        step = "hold" if each in unhelped else steps[each.external_code]
        match step:
            case "accept":
                facts.append(accepted(batch, at, each, said))
            case "refuse":
                facts.append(not_saved(batch, at, each, why))
            case "hold":
                facts.append(not_healed(batch, at, each, why))
    await follower.writer.append(facts)
    trouble = [fact for fact in facts if not isinstance(fact, RecordAccepted)]
    if trouble:
        log.warning("records_not_in_basware", connection=batch.connection, kind=batch.kind, count=len(trouble))


_WORDS = {
    "pending": "Basware has not said what became of it",
    "lost": "Basware's answer does not name it",
    "unchanged": "Basware skips it as unchanged, and never said that it was saved",
    "expired": "Basware says that a newer version was posted, and it was not ours",
    "saved": "",
    "not saved": "",
}


async def _send_again(follower: Follower, batch: BatchSent, records: Sequence[SentRecord]) -> list[SentRecord]:
    """Send them with a change of their own; returns those that have no place for one."""
    kind = follower.kinds.get(batch.kind)
    sent, _ = await _last(follower, batch, records)
    number, unhelped, portion = batch.number + 1, [], []
    for each in records:
        last = sent.get((each.company, each.code))
        entity = load_json(last.record) if last is not None and last.record else None
        changed = changed_by_itself(entity, number) if entity and kind else None
        if changed is None:
            unhelped.append(each)
        else:
            portion.append(Resent(each.company, each.code, changed, natural=each.digest))
    if portion and kind:
        log.info("records_sent_again", connection=batch.connection, kind=batch.kind, count=len(portion), number=number)
        await write(kind, portion, follower.writer, number=number)
    return unhelped


@dataclass(frozen=True)
class Resent(Record):
    """A record with a change of its own, known by the digest of what Epicor says."""

    natural: str = ""

    @property
    def digest(self) -> str:
        """Of the record without that change."""
        return self.natural


def _target(follower: Follower, batch: BatchSent) -> Target | None:
    kind = follower.kinds.get(batch.kind)
    return kind.target if kind else None


def _later(timings: Timings, delivery: Delivery) -> TransientError:
    pauses = timings.delivery_pauses
    wait = pauses[min(delivery.tries, len(pauses)) - 1]
    return TransientError("What became of the records is looked at later.", retry_after=wait, counts=False)
