"""Records gone from Epicor become inactive in Basware: after two complete readings, and never too many at once.

Epicor tells nobody what was deleted, and an answer without rows may be wrong (Epicor reference, heavy services).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import structlog

from masterdata_sync import remembered
from masterdata_sync.changes import Known, Record, too_many
from masterdata_sync.kind import Kind
from masterdata_sync.progress import Owner, Run, store
from masterdata_sync.settling import as_seen
from masterdata_sync.sides import Sides
from masterdata_sync.writing import write
from mlc_common.http import load_json

log = structlog.stdlib.get_logger(__name__)

Outcome = Literal["finished", "too many gone", "nothing there"]


async def settle_removals(kind: Kind, run: Run, owner: Owner, sides: Sides, *, allowed: bool) -> tuple[Outcome, Run]:
    """Retire what two complete readings did not have, unless that would be too much; then say so and retire nothing.

    Raises:
        TransientError: Basware, the broker or the database is away.
    """
    async with sides.engine.connect() as db:
        held, gone = await remembered.held_and_gone(db, owner)
    if held and not run.progress.get("read", 0):
        log.error("nothing_there", **owner._asdict(), held=held, what="Epicor shows no row; nothing is retired")
        return "nothing there", run
    largest = sides.document.masterdata.reading(owner.kind, owner.company).largest_removal
    if not allowed and too_many(gone, of=held, largest=largest):
        command = f"ml-connector sync {owner.connection} --kind {owner.kind} --company {owner.company} --allow-removals"
        log.error("too_many_gone", **owner._asdict(), held=held, gone=gone, what=f"nothing is retired; {command}")
        return "too many gone", run
    after = ""
    while True:
        async with sides.engine.connect() as db:
            batch = await remembered.gone(db, owner, after=after, most=kind.target.most)
        if not batch:
            return "finished", run
        after = batch[-1].code
        run = await _retire(kind, batch, run, owner, sides)


async def _retire(kind: Kind, batch: Sequence[Known], run: Run, owner: Owner, sides: Sides) -> Run:
    records = [each for known in batch if (each := await _last(kind, known, owner, sides)) is not None]
    at = sides.now()
    await sides.journal.append([as_seen(each, owner, at, run=run.run, gone=True) for each in records])
    new = [each for each in records if each.digest != _sent(batch, each)]
    written = await write(kind, new, sides.writer)
    untold = {record.code for record in (*written.refused, *written.later)}
    digests: dict[str, str | None] = {each.code: each.digest for each in records if each.code not in untold}
    # What was never sent, and what nobody wrote down, is only forgotten.
    digests |= {known.code: None for known in batch if known.code not in {record.code for record in records}}
    run = replace(run, progress={**run.progress, "gone": run.progress.get("gone", 0) + len(written.taken)})
    async with sides.engine.begin() as db:
        await remembered.retired(db, owner, digests)
        await store(db, owner, run)
    sides.metrics.masterdata.records.labels(owner.connection, owner.kind, "gone").inc(len(written.taken))
    return run


def _sent(batch: Sequence[Known], record: Record) -> str | None:
    return next(known.sent for known in batch if known.code == record.code)


async def _last(kind: Kind, known: Known, owner: Owner, sides: Sides) -> Record | None:
    """The record as it was last seen, no longer active; None when Basware never had it or nobody wrote it down."""
    if known.sent is None:
        return None
    last = await sides.journal.last_record(owner.kind, owner.company, known.code)
    if last is None:
        log.warning("gone_and_not_known", **owner._asdict(), code=known.code, what="set it inactive in Basware by hand")
        return None
    text, gone = last
    entity = load_json(text)
    return Record(owner.company, known.code, entity if gone else kind.retire(entity), known.key or "")
