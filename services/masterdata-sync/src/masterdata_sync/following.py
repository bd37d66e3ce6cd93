"""Follows batches of records until P2P has said what became of each; what is missing there is sent once more, changed.

The batches come from the stream by a durable of their own, and so do the pauses: both outlive this process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from masterdata_sync import remembered
from masterdata_sync.evidence import earlier_words, last_facts
from masterdata_sync.healing import send_again
from masterdata_sync.kind import Kind
from masterdata_sync.outcomes import accepted, not_healed, not_saved
from masterdata_sync.progress import Owner
from masterdata_sync.sides import Sides
from masterdata_sync.verdicts import Standing, Step, next_step, words_for
from mlc_basware.request_status import Settlement, settlements
from mlc_common.account_seal import scrubbed
from mlc_common.events import BatchSent, RecordAccepted, RecordHeld, RecordRefused
from mlc_common.failures import PermanentError, TransientError
from mlc_common.record_events import SentRecord
from mlc_common.retries import Delivery
from mlc_common.settings import Timings

log = structlog.stdlib.get_logger(__name__)

SCOPE = "requestStatus.read"
"""Without this scope in the connection nothing is followed: Basware would refuse to say."""

MOST_REMEMBERED = 1000
LOOKS_UNTIL_LOST = 3
"""A record is lost when its request has ended without a word about it at so many looks: some errors take minutes."""


@dataclass(frozen=True)
class Sight:
    """One look at a batch: the records that are open, what Basware says of each, and what is due, by external code."""

    open: Sequence[SentRecord]
    told: Mapping[str, Settlement]
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class Follower:
    """Follows the batches of one connection; `done` are the records of batches in hand that are settled already."""

    sides: Sides
    kinds: Mapping[str, Kind]
    timings: Timings
    done: dict[str, set[str]] = field(default_factory=dict)

    async def handle(self, batch: BatchSent, delivery: Delivery) -> None:
        """Look what became of a batch; every record is settled as soon as something is known of it.

        Raises:
            TransientError: some of it is open still, or Basware, the database or the event stream is away.
        """
        if SCOPE not in self.sides.document.basware.scopes:
            return
        if delivery.tries == 1:
            raise self._later(delivery)
        sight = await self._look(batch, delivery)
        await self._carry_out(batch, sight)
        settled = {code for code, step in sight.steps.items() if step != "wait"}
        if len(settled) < len(sight.open):
            self._remember(batch.request_id, settled)
            raise self._later(delivery)
        self.done.pop(batch.request_id, None)

    async def _look(self, batch: BatchSent, delivery: Delivery) -> Sight:
        settled = self.done.get(batch.request_id, set())
        records = [record for record in batch.records if record.external_code not in settled]
        told = await self._told(batch, records, patient=delivery.tries <= LOOKS_UNTIL_LOST)
        overdue = self.sides.now() >= delivery.begun(batch.at) + timedelta(seconds=self.timings.delivery_patience)
        asked = [each for each in records if overdue or told[each.external_code].word not in ("saved", "pending")]
        known = await last_facts(self.sides.journal.log, batch, asked)
        skipped = {
            each.external_code
            for each in asked
            if told[each.external_code].word == "unchanged" and not known.accepted(each)
        }
        kind = self.kinds.get(batch.kind)
        earlier = (
            await earlier_words(self.sides.writer.basware, kind.target, batch, skipped) if skipped and kind else {}
        )
        steps = {
            each.external_code: next_step(
                told[each.external_code],
                Standing(
                    number=batch.number,
                    newest=known.newest(each),
                    accepted=known.accepted(each),
                    earlier=earlier.get(each.external_code),
                    overdue=overdue,
                ),
            )
            for each in records
        }
        return Sight(records, told, steps)

    async def _told(self, batch: BatchSent, records: Sequence[SentRecord], *, patient: bool) -> dict[str, Settlement]:
        try:
            request = await self.sides.writer.basware.request_status(batch.request_id)
        except PermanentError as unreadable:
            log.warning("request_status_unreadable", connection=batch.connection, why=str(unreadable))
            request = None
        told = settlements((record.external_code for record in records), request)
        kind = self.kinds.get(batch.kind)
        if kind is not None and kind.approval != "none":
            told = {code: replace(each, messages=tuple(map(scrubbed, each.messages))) for code, each in told.items()}
        if patient:
            return {code: Settlement("pending") if each.word == "lost" else each for code, each in told.items()}
        return told

    async def _carry_out(self, batch: BatchSent, sight: Sight) -> None:
        at, kind = self.sides.now(), self.kinds.get(batch.kind)
        missing = [each for each in sight.open if sight.steps[each.external_code] == "send again"]
        unhelped = await send_again(kind, batch, missing, self.sides) if missing and kind else missing
        facts: list[RecordAccepted | RecordRefused | RecordHeld] = []
        for each in sight.open:
            told = sight.told[each.external_code]
            match "hold" if each in unhelped else sight.steps[each.external_code]:
                case "accept":
                    facts.append(accepted(batch, at, each, told))
                case "refuse":
                    facts.append(not_saved(batch, at, each, words_for(told)))
                case "hold":
                    facts.append(not_healed(batch, at, each, words_for(told)))
        await self.sides.journal.append(facts)
        await self._forget(batch, [fact for fact in facts if isinstance(fact, RecordRefused)])
        for fact in facts:
            if not isinstance(fact, RecordAccepted):
                log.warning("record_not_in_basware", fact=fact.fact, kind=batch.kind, code=fact.code)

    async def _forget(self, batch: BatchSent, refused: Sequence[RecordRefused]) -> None:
        for company in {fact.company for fact in refused}:
            owner = Owner(batch.connection, batch.kind, company)
            digests = {fact.code: fact.digest for fact in refused if fact.company == company}
            async with self.sides.engine.begin() as db:
                await remembered.refused_later(db, owner, digests)

    def _remember(self, request_id: str, settled: set[str]) -> None:
        self.done.setdefault(request_id, set()).update(settled)
        while len(self.done) > MOST_REMEMBERED:
            del self.done[next(iter(self.done))]

    def _later(self, delivery: Delivery) -> TransientError:
        pauses = self.timings.delivery_pauses
        wait = pauses[min(delivery.tries, len(pauses)) - 1]
        return TransientError("What became of the records is looked at later.", retry_after=wait, counts=False)
