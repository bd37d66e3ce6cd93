"""Runs that somebody asks for: now, of one kind, company or record, or only to see what would be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from masterdata_sync import remembered
from masterdata_sync.confirming import unconfirmed
from masterdata_sync.kind import Kind
from masterdata_sync.planning import plan
from masterdata_sync.progress import Mode, Owner, run_of
from masterdata_sync.reading import Reader, conditions_of
from masterdata_sync.rebuilding import rebuild
from masterdata_sync.rota import election
from masterdata_sync.runs import Task, bring_up_to_date
from masterdata_sync.schedule import elected
from masterdata_sync.settling import addressee_of, settle, translated
from masterdata_sync.sides import Sides
from masterdata_sync.watermarks import can_tell
from mlc_common.company_rules import CompanyPair
from mlc_common.events import Event, SyncEnded, SyncFinished, SyncRequested
from mlc_common.failures import PermanentError
from mlc_common.masterdata_events import MadeAnew
from mlc_common.retries import Delivery

log = structlog.stdlib.get_logger(__name__)

WAIT = 0.5
"""Seconds between two looks whether the run of another replica is over."""

PATIENCE = timedelta(minutes=5)
"""How long a run on demand waits for the confirmation of what its kind needs; then it is sent all the same."""


@dataclass(frozen=True)
class Requests:
    """Answers requests with facts; `SyncEnded` is the last one of each."""

    kinds: Sequence[Kind]
    sides: Sides

    async def handle(self, event: Event, _delivery: Delivery) -> None:
        """Do what was asked for.

        Raises:
            TransientError: something is away; the request is done again.
        """
        if not isinstance(event, SyncRequested):
            return
        kinds = [kind for kind in self.kinds if event.kind in (None, kind.name)]
        pairs = [pair for pair in self.sides.document.companies if event.company in (None, pair.basware)]
        problem, anew = _unknown(event, kinds, pairs, of=self.kinds), list[MadeAnew]()
        for kind in kinds if problem is None else ():
            for pair in pairs:
                match await self._in_turn(event, kind, pair):
                    case MadeAnew() as made:
                        anew.append(made)
                    case str() as why:
                        problem = why
        ended = {"connection": self.sides.name, "at": self.sides.now(), "request": event.request, "problem": problem}
        await self.sides.journal.append([SyncEnded(**ended, anew=_together(anew) if event.anew else None)])

    async def _in_turn(self, event: SyncRequested, kind: Kind, pair: CompanyPair) -> str | MadeAnew | None:
        if not (event.plan or event.anew):
            await self._confirmed(kind)
        while True:
            async with elected(self.sides.engine, election(self.sides.name, kind.name)) as ours:
                if ours:
                    return await self._do(event, kind, pair)
            await asyncio.sleep(WAIT)

    async def _confirmed(self, kind: Kind) -> None:
        """Wait until P2P has said what became of what the kind needs; somebody waits, so not for long."""
        journal, until = self.sides.journal, self.sides.now() + PATIENCE
        while await unconfirmed(journal.nats, self.sides.name, kind.needs, timeout=journal.timeout):
            if self.sides.now() >= until:
                log.warning("needs_not_confirmed", connection=self.sides.name, kind=kind.name, needs=kind.needs)
                return
            await asyncio.sleep(WAIT)

    async def _do(self, event: SyncRequested, kind: Kind, pair: CompanyPair) -> str | MadeAnew | None:
        try:
            if event.anew:
                return await rebuild(Owner(self.sides.name, kind.name, pair.basware), self.sides)
            if event.plan:
                await plan(event, kind, pair, self.sides)
                return None
            if event.key is not None:
                return await _one(event, event.key, kind, pair, self.sides)
            await self._run(event, kind, pair)
            return None
        except PermanentError as failure:
            return str(failure)

    async def _run(self, event: SyncRequested, kind: Kind, pair: CompanyPair) -> None:
        owner = Owner(self.sides.name, kind.name, pair.basware)
        async with self.sides.engine.connect() as db:
            before = await run_of(db, owner)
        rules = self.sides.document.masterdata.reading(kind.name, pair.basware)
        whole = event.full or event.allow_removals or before.full_at is None or not can_tell(kind.source, rules)
        mode: Mode = "full" if whole else "delta"
        task = Task(kind, pair, mode, again=event.full, allow_removals=event.allow_removals, request=event.request)
        # A run that was cut off is ended first; it may have been of the other sort.
        while (await bring_up_to_date(task, self.sides)).mode != mode:
            pass


def _together(some: Sequence[MadeAnew]) -> MadeAnew:
    return MadeAnew(
        facts=sum(each.facts for each in some),
        removed=sum(each.removed for each in some),
        changed=sum(each.changed for each in some),
    )


def _unknown(
    event: SyncRequested, kinds: Sequence[Kind], pairs: Sequence[CompanyPair], *, of: Sequence[Kind]
) -> str | None:
    if not kinds:
        known = ", ".join(kind.name for kind in of)
        return f"This connection imports no kind {event.kind}; it imports: {known}."
    return None if pairs else f"This connection has no company {event.company}."


async def _one(event: SyncRequested, code: str, kind: Kind, pair: CompanyPair, sides: Sides) -> str | None:
    """Bring one record up to date; says so when Epicor has none of that code."""
    owner = Owner(sides.name, kind.name, pair.basware)
    async with sides.engine.connect() as db:
        known = await remembered.known(db, owner, [code])
        run = max((await run_of(db, owner)).run, 1)
    key = known[code].key if code in known else None
    reader = Reader(kind, pair.epicor, sides.document.masterdata.reading(kind.name, pair.basware), sides)
    addressee = addressee_of(pair, sides)
    async for page in reader.pages(conditions_of(kind.source, key) if key else ()):
        rows = [row for row in translated(kind, page.rows, addressee, sides.seal) if row.code == code]
        if rows:
            settled = await settle(kind, rows[:1], owner, sides, run=run, again=True)
            async with sides.engine.begin() as db:
                await settled.store(db, owner, run=run)
            fact = SyncFinished(
                **owner._asdict(),
                at=sides.now(),
                request=event.request,
                run=run,
                mode="one",
                outcome="finished",
                read=1,
                changed=len(settled.judged.changed),
                sent=len(settled.written.taken),
                refused=len(settled.written.refused),
            )
            await sides.journal.append([fact])
            return None
    return f"Epicor has no {kind.name} {code} in company {pair.epicor}."
