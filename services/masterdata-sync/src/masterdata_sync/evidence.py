"""What is known of sent records beside what their own request says: the facts, and earlier requests at Basware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mlc_basware.client import BaswareClient
from mlc_basware.request_status import RequestStatus, Settlement, settlements
from mlc_basware.targets import Target
from mlc_common.eventlog import EventLog
from mlc_common.events import BatchSent, RecordAccepted, RecordSent
from mlc_common.record_events import SentRecord
from mlc_common.streams import MASTERDATA, masterdata_subject

AT_ONCE = 250
"""Records whose last facts are asked for together, two each; the server names 1024 subjects at most."""

LOOK_BACK = timedelta(days=2)
"""How far back an earlier request is looked for: what a killed run may have sent, and a day of time zones."""

_FACTS = (RecordSent.fact, RecordAccepted.fact)


@dataclass(frozen=True)
class LastFacts:
    """The last facts of the records of a batch, by fact, company and code."""

    batch: BatchSent
    facts: Mapping[tuple[str, str, str], RecordSent | RecordAccepted]

    def newest(self, record: SentRecord) -> bool:
        """Whether nothing newer was sent since; what was not written down before a crash is sent by the next run."""
        last = self.facts.get((RecordSent.fact, record.company, record.code))
        return isinstance(last, RecordSent) and last.request_id == self.batch.request_id

    def accepted(self, record: SentRecord) -> bool:
        """Whether this very content is what P2P accepted last."""
        last = self.facts.get((RecordAccepted.fact, record.company, record.code))
        return last is not None and last.digest == record.digest

    def content(self, record: SentRecord) -> str | None:
        """The record as it was sent, in JSON; None when nobody wrote that down or it is another one by now."""
        last = self.facts.get((RecordSent.fact, record.company, record.code))
        return last.record if isinstance(last, RecordSent) and last.digest == record.digest else None


async def last_facts(log: EventLog, batch: BatchSent, records: Sequence[SentRecord]) -> LastFacts:
    """What the stream knows of these records of a batch.

    Raises:
        TransientError: the broker is away.
    """
    found: dict[tuple[str, str, str], RecordSent | RecordAccepted] = {}
    for start in range(0, len(records), AT_ONCE):
        subjects = [
            masterdata_subject(batch.connection, batch.kind, each.company, each.code, fact)
            for each in records[start : start + AT_ONCE]
            for fact in _FACTS
        ]
        for recorded in await log.last(MASTERDATA, *subjects):
            if isinstance(event := recorded.event, RecordSent | RecordAccepted):
                found[event.fact, event.company, event.code] = event
    return LastFacts(batch, found)


async def earlier_words(
    basware: BaswareClient, target: Target, batch: BatchSent, codes: set[str]
) -> dict[str, Settlement]:
    """What the latest other request that named a record without skipping it said of it, by external code.

    A run that was killed after its call has left such a request, and nobody wrote down its id.

    Raises:
        TransientError: Basware is away.
    """
    found: dict[str, tuple[str, Settlement]] = {}
    async for request in basware.request_statuses(target.entity_type, since=batch.at - LOOK_BACK):
        if request.requestId == batch.request_id:
            continue
        when = request.lastUpdated or ""
        for code, told in settlements(codes & _named(request), request).items():
            if told.word in ("saved", "not saved") and when >= found.get(code, ("", told))[0]:
                found[code] = (when, told)
    return {code: told for code, (_, told) in found.items()}


def _named(request: RequestStatus) -> set[str]:
    return {item.externalCode or "" for system in request.systems or () for item in system.items or ()}
