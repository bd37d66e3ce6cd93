"""What is remembered of records, made anew from the facts: for a lost database, for what older versions sent.

How often a record was missing and which run saw it last are no facts: where they are lost they count from now on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nats.aio.msg import Msg
from sqlalchemy import Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from masterdata_sync import remembered
from masterdata_sync.changes import Known
from masterdata_sync.progress import Owner, Run, run_of, store
from masterdata_sync.sides import Sides
from mlc_common.beside import beside, hold_off, put_in_place
from mlc_common.direct_get import following, sequence_of
from mlc_common.events import RecordChanged, RecordRefused, RecordSent
from mlc_common.masterdata_events import MadeAnew
from mlc_common.streams import MASTERDATA, token
from mlc_common.tables import masterdata_records

Fact = RecordChanged | RecordSent | RecordRefused

BATCH = 500
NOT_FOLDED = ("run", "missing")
GOING = 2
"""How often a record was missing, at least, when a fact says that it is gone; Basware is told next."""

_MINE = "old.connection = :connection AND old.kind = :kind AND old.company = :company"


async def rebuild(owner: Owner, sides: Sides) -> MadeAnew:
    """Fold a kind of a company beside what is remembered, and put it in place. None of its runs may be under way.

    Where no run is known, as after the loss of the database, the next one is a full one and sends what differs.

    Raises:
        TransientError: the broker is away; nothing has changed.
    """
    async with beside(sides.engine, masterdata_records) as (db, new):
        anew = _Anew(owner, sides, db, new)
        async for batch in anew.batches():
            async with db.begin():
                await anew.fold(batch)
        async with db.begin():
            # What P2P refuses is written down at any time.
            await hold_off(db, masterdata_records)
            async for batch in anew.batches():
                await anew.fold(batch)
            return await anew.put_in_place()


@dataclass
class _Anew:
    """What is remembered of one owner's records, as far as it is folded."""

    owner: Owner
    sides: Sides
    db: AsyncConnection
    new: Table
    last: int = 0
    facts: int = 0
    run: int = 0

    async def batches(self) -> AsyncIterator[Sequence[Msg]]:
        """To the end that the stream has now."""
        subject = f"masterdata.{'.'.join(map(token, self.owner))}.*.*"
        journal, pending = self.sides.journal, True
        while pending and (
            batch := await following(
                journal.nats, MASTERDATA, self.last, subject=subject, most=BATCH, timeout=journal.timeout
            )
        ):
            yield batch
            self.last, pending = sequence_of(batch[-1]), (batch[-1].headers or {})["Nats-Num-Pending"] != "0"

    async def fold(self, batch: Sequence[Msg]) -> None:
        """In the caller's transaction."""
        events = [await self.sides.journal.log.resolve(each) for each in batch]
        facts = [event for event in events if isinstance(event, RecordChanged | RecordSent | RecordRefused)]
        states = await remembered.known(self.db, self.owner, sorted({fact.code for fact in facts}), table=self.new)
        for fact in facts:
            states[fact.code] = folded(states, fact)
        await remembered.remember(self.db, self.owner, list(states.values()), run=0, table=self.new)
        self.facts += len(facts)
        self.run = max([self.run, *(fact.run for fact in facts if isinstance(fact, RecordChanged))])

    async def put_in_place(self) -> MadeAnew:
        """In the caller's transaction; a record that was lost counts as seen by the last run."""
        known = await run_of(self.db, self.owner)
        await self.db.execute(update(self.new).values(run=max(self.run, known.run), missing=0))
        about = self.owner._asdict()
        removed, changed = await put_in_place(
            self.db, masterdata_records, self.new, among=_MINE, about=about, aside=NOT_FOLDED
        )
        if not known.run:
            await store(self.db, self.owner, Run(run=self.run))
        return MadeAnew(facts=self.facts, removed=removed, changed=changed)


def folded(states: Mapping[str, Known], fact: Fact) -> Known:
    """What is known of a record after one more fact; `missing` is used to say that it is going, and told next."""
    known = states.get(fact.code, Known(fact.code))
    match fact:
        case RecordChanged(gone=True) if fact.digest == known.sent:
            return _retired(known, fact.digest)
        case RecordChanged(gone=True):
            return replace(known, missing=GOING)
        case RecordChanged():
            return _there(known, fact.digest, fact.key)
        case RecordSent() if known.missing and fact.digest != known.sent:
            return _retired(known, fact.digest)
        case RecordSent():
            return replace(known, sent=fact.digest, refused=None)
        case RecordRefused(by="rules"):
            return _there(known, fact.digest, fact.key)
        case RecordRefused(by="api"):
            return known if known.missing else replace(known, refused=fact.digest)
        case RecordRefused() if fact.digest == known.sent:
            return replace(known, sent=None, refused=fact.digest)
    return known


def _there(known: Known, digest: str, key: str | None) -> Known:
    return replace(known, missing=0, seen=digest, key=key or known.key, retired=False)


def _retired(known: Known, digest: str) -> Known:
    return replace(known, missing=0, seen=digest, sent=digest, refused=None, retired=True)
