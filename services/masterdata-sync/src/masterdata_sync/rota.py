"""Which kinds are read now: those that are due, in the order that Basware needs, one replica at a time for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from masterdata_sync.confirming import unconfirmed
from masterdata_sync.due import due
from masterdata_sync.kind import Kind
from masterdata_sync.progress import Mode, Owner, Run, run_of
from masterdata_sync.runs import Task, bring_up_to_date
from masterdata_sync.schedule import elected, pause
from masterdata_sync.sides import Sides
from mlc_common.company_rules import CompanyPair
from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import FailureError, TransientError
from mlc_common.settings import Timings

log = structlog.stdlib.get_logger(__name__)


@dataclass
class Rota:
    """The kinds of one connection; one that fails waits a growing while and holds up no other."""

    kinds: Sequence[Kind]
    sides: Sides
    timings: Timings
    failures: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, datetime] = field(default_factory=dict)

    async def look(self) -> None:
        """Do what is due now."""
        for kind in self.kinds:
            if self.not_before.get(kind.name, self.sides.now()) <= self.sides.now():
                await self._mind(kind)

    async def _mind(self, kind: Kind) -> None:
        try:
            await self._bring(kind)
            self.failures.pop(kind.name, None)
        except FailureError as failure:
            count = self.failures[kind.name] = self.failures.get(kind.name, 0) + 1
            seconds = pause(count, timings=self.timings)
            self.not_before[kind.name] = self.sides.now() + timedelta(seconds=seconds)
            log.warning("run_failed", connection=self.sides.name, kind=kind.name, why=str(failure), failures=count)

    async def _bring(self, kind: Kind) -> None:
        if not [pair for pair in self.sides.document.companies if await self._due(kind, pair)]:
            return
        journal = self.sides.journal
        if await unconfirmed(journal.nats, self.sides.name, kind.needs, timeout=journal.timeout):
            log.debug("kind_waits", connection=self.sides.name, kind=kind.name, needs=kind.needs)
            return
        async with elected(self.sides.engine, election(self.sides.name, kind.name)) as ours:
            for pair in self.sides.document.companies if ours else ():
                if waits_for := await self.sides.journal.unconfirmed(kind.needs):
                    log.info("kind_waits", connection=self.sides.name, kind=kind.name, until_p2p_has=waits_for)
                    return
                # Asked again: another replica may have done it before we were elected.
                if mode := await self._due(kind, pair):
                    await bring_up_to_date(Task(kind, pair, mode), self.sides)

    async def _due(self, kind: Kind, pair: CompanyPair) -> Mode | None:
        reading = self.sides.document.masterdata.reading
        zone = ZoneInfo(self.sides.document.masterdata.time_zone)
        try:
            async with self.sides.engine.connect() as db:
                run = await run_of(db, Owner(self.sides.name, kind.name, pair.basware))
                there = {each.name for each in self.kinds}
                for need in kind.needs:
                    before = await run_of(db, Owner(self.sides.name, need, pair.basware))
                    if need in there and before.full_at is None and not reading(need, pair.basware).paused:
                        return None
        except DATABASE_ERRORS as error:
            raise TransientError("The database does not answer.") from error
        self._measure(kind, pair, run)
        return due(run, reading(kind.name, pair.basware), kind.source, now=self.sides.now(), zone=zone)

    def _measure(self, kind: Kind, pair: CompanyPair, run: Run) -> None:
        """What the table says: every replica shows the same, also right after its start."""
        metrics, labels = self.sides.metrics.masterdata, (self.sides.name, kind.name, pair.basware)
        for mode, at in (("full", run.full_at), ("delta", run.delta_at)):
            if at is not None:
                metrics.success.labels(*labels, mode).set(at.timestamp())
        metrics.stopped.labels(*labels).set(0 if run.stopped is None else 1)


def election(connection: str, kind: str) -> str:
    """What the replicas elect one of themselves for."""
    return f"masterdata {connection} {kind}"
