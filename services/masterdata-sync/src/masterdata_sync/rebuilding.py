"""What is remembered of records, made anew from the facts: for a lost database, for what older versions sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import delete

from masterdata_sync import remembered
from masterdata_sync.changes import Known
from masterdata_sync.progress import Owner, Run, store
from masterdata_sync.sides import Sides
from mlc_common.events import Event, RecordChanged, RecordRefused, RecordSent
from mlc_common.streams import MASTERDATA, token
from mlc_common.tables import masterdata_records

BATCH = 500


async def rebuild(owner: Owner, sides: Sides) -> Run:
    """Forget what is remembered of a kind of a company, and fold it from the stream; says where its runs stand then.

    The place in a reading is not among the facts: the next run is a full one, and sends what is different.

    Raises:
        TransientError: the broker is away.
    """
    columns = masterdata_records.c
    mine = (columns.connection == owner.connection) & (columns.kind == owner.kind) & (columns.company == owner.company)
    async with sides.engine.begin() as db:
        await db.execute(delete(masterdata_records).where(mine))
    subject = f"masterdata.{token(owner.connection)}.{token(owner.kind)}.{token(owner.company)}.*.*"
    run, batch = 0, list[Event]()
    async for recorded in sides.journal.log.facts(MASTERDATA, subject):
        batch.append(recorded.event)
        if len(batch) == BATCH:
            run = await _fold(batch, owner, sides, run=run)
            batch = []
    run = await _fold(batch, owner, sides, run=run)
    after = Run(run=run)
    async with sides.engine.begin() as db:
        await store(db, owner, after)
    return after


async def _fold(batch: Iterable[Event], owner: Owner, sides: Sides, *, run: int) -> int:
    facts = [fact for fact in batch if isinstance(fact, RecordChanged | RecordSent | RecordRefused)]
    async with sides.engine.begin() as db:
        states = await remembered.known(db, owner, sorted({fact.code for fact in facts}))
        for fact in facts:
            states[fact.code] = folded(states, fact)
        run = max([run, *(fact.run for fact in facts if isinstance(fact, RecordChanged))])
        await remembered.remember(db, owner, list(states.values()), run=run)
    return run


def folded(states: Mapping[str, Known], fact: RecordChanged | RecordSent | RecordRefused) -> Known:
    """What is known of a record after one more fact."""
    known = states.get(fact.code, Known(fact.code))
    match fact:
        case RecordChanged():
            return replace(known, seen=fact.digest, key=fact.key or known.key, retired=fact.gone)
        case RecordSent():
            return replace(known, sent=fact.digest, refused=None)
        case RecordRefused(by="api"):
            return replace(known, refused=fact.digest)
        case RecordRefused(by="rules"):
            return replace(known, seen=fact.digest)
        case RecordRefused() if fact.digest == known.sent:
            return replace(known, sent=None, refused=fact.digest)
    return known
