"""Some rows of Epicor: translated, compared with what is remembered, sent where Basware does not have them so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from masterdata_sync import remembered
from masterdata_sync.approval import sealed
from masterdata_sync.changes import Judged, Known, Record, Unfit, found, judge
from masterdata_sync.kind import Kind, Untranslatable
from masterdata_sync.kind import Owner as Addressee
from masterdata_sync.outcomes import unfit
from masterdata_sync.progress import Owner
from masterdata_sync.reading import key_text
from masterdata_sync.sides import Sides
from masterdata_sync.withholding import withhold
from masterdata_sync.writing import Written, write
from mlc_common.account_seal import AccountSeal
from mlc_common.company_rules import CompanyPair
from mlc_common.events import RecordChanged, RecordRefused

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Settled:
    """What the rows meant, what became of those that were sent, and what there is to remember.

    Args:
        there: rows of which nothing but their being there is new.
        remembered: the others.
    """

    judged: Judged
    written: Written
    there: Sequence[Known]
    remembered: Sequence[Known]

    async def store(self, db: AsyncConnection, owner: Owner, *, run: int) -> None:
        """Remember it."""
        await remembered.there(db, owner, self.there, run=run)
        await remembered.remember(db, owner, self.remembered, run=run)


def addressee_of(pair: CompanyPair, sides: Sides) -> Addressee:
    """Whose records they become."""
    zone = ZoneInfo(sides.document.masterdata.time_zone)
    today = sides.now().astimezone(zone).date()
    return Addressee.of(pair, source_system=sides.document.epicor.source_system, today=today)


def translated(
    kind: Kind, rows: Sequence[Mapping[str, Any]], addressee: Addressee, seal: AccountSeal
) -> list[Record | Unfit]:
    """The rows as records, account numbers sealed; those not meant for Basware are left out."""
    made = (_translated(kind, row, addressee, seal) for row in rows)
    return [each for each in made if each is not None]


def _translated(kind: Kind, row: Mapping[str, Any], addressee: Addressee, seal: AccountSeal) -> Record | Unfit | None:
    place = {"company": addressee.company, "code": kind.code(row)}
    entity = kind.translate(row, addressee)
    if kind.approval != "none":
        entity = sealed(entity, seal, **place)
    return found(entity, **place, key=key_text(kind.source, row))


async def settle(
    kind: Kind,
    rows: Sequence[Record | Unfit],
    owner: Owner,
    sides: Sides,
    *,
    run: int,
    again: bool = False,
    doubtful: bool = False,
) -> Settled:
    """Compare, record what changed, send, record what was sent; remembering is left to the caller.

    `doubtful`: an earlier try may have sent some of them and not have come to remember it; the facts say.

    Raises:
        TransientError: Basware, the broker or the database is away.
    """
    async with sides.engine.connect() as db:
        stored = known = await remembered.known(db, owner, [row.code for row in rows])
    at = sides.now()
    rows, held = await withhold(kind, rows, owner, sides.journal, known=known, at=at)
    judged = judge(rows, known, again=again)
    if doubtful and judged.to_send:
        known = await _with_facts(known, judged, owner, sides)
        judged = judge(rows, known, again=again)
    _tell(judged, owner)
    changes = [*held, *(_changed(row, owner, at, run=run) for row in judged.changed)]
    written = await _both(write(kind, judged.to_send, sides.writer), sides.journal.append(changes))
    unfits = sum(isinstance(row, Unfit) for row in judged.changed)
    counts = {"changed": len(judged.changed), "sent": len(written.taken), "refused": len(written.refused) + unfits}
    for how, number in counts.items():
        sides.metrics.masterdata.records.labels(owner.connection, owner.kind, how).inc(number)
    after = _remembered(judged, known, written)
    there, others = list[Known](), list[Known]()
    for each in after:
        (there if _told(each) == _told(stored.get(each.code)) else others).append(each)
    return Settled(judged, written, there, others)


async def _both(writing: Awaitable[Written], recording: Awaitable[None]) -> Written:
    """Side by side; each is waited for, whatever becomes of the other."""
    written, recorded = await asyncio.gather(writing, recording, return_exceptions=True)
    if isinstance(recorded, BaseException):
        raise recorded
    if isinstance(written, BaseException):
        raise written
    return written


def _told(known: Known | None) -> tuple[str | None, str | None] | None:
    """What Basware was told of a record, and what it refused."""
    return None if known is None else (known.sent, known.refused)


def _changed(row: Record | Unfit, owner: Owner, at: datetime, *, run: int) -> RecordChanged | RecordRefused:
    if isinstance(row, Unfit):
        why = Untranslatable(row.code, row.reason)
        return unfit(owner.connection, at, owner.kind, owner.company, why, key=row.key or None)
    return as_seen(row, owner, at, run=run)


def as_seen(record: Record, owner: Owner, at: datetime, *, run: int, gone: bool = False) -> RecordChanged:
    """The fact that Epicor holds this now, or holds it no longer."""
    return RecordChanged(
        **owner._asdict(),
        at=at,
        code=record.code,
        digest=record.digest,
        record=record.body.decode(),
        gone=gone,
        key=record.key or None,
        run=run,
    )


async def _with_facts(known: Mapping[str, Known], judged: Judged, owner: Owner, sides: Sides) -> dict[str, Known]:
    """What is remembered, with what a run that was cut off has sent and did not come to remember."""
    sent = await sides.journal.last_sent(owner.kind, owner.company, [record.code for record in judged.to_send])
    return {**known, **{code: replace(known.get(code, Known(code)), sent=digest) for code, digest in sent.items()}}


def _tell(judged: Judged, owner: Owner) -> None:
    if judged.twice:
        codes = sorted({row.code for row in judged.twice})[:20]
        log.warning("codes_twice_in_epicor", kind=owner.kind, company=owner.company, codes=codes)
    for row in judged.changed:
        if isinstance(row, Unfit):
            log.warning("record_held_back", kind=owner.kind, company=owner.company, code=row.code, why=row.reason)


def _remembered(judged: Judged, known: Mapping[str, Known], written: Written) -> list[Known]:
    taken, refused = ({record.code for record in some} for some in (written.taken, written.refused))

    def one(row: Record | Unfit) -> Known:
        before = known.get(row.code, Known(row.code))
        after = replace(before, key=row.key, missing=0, seen=row.digest, retired=False)
        if row.code in taken:
            return replace(after, sent=row.digest, refused=None)
        return replace(after, refused=row.digest) if row.code in refused else after

    return [one(row) for row in judged.present]
