"""One use case: read a kind of a company, compare, send what changed, and remember, a few pages at a time.

What is remembered is stored with the place in the reading, in one transaction: a run that was killed goes on there.
What it did after that transaction is done again, but for records whose facts say that they were sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import structlog

from masterdata_sync import remembered
from masterdata_sync.changes import Record, Unfit
from masterdata_sync.kind import Kind
from masterdata_sync.progress import Mode, Owner, Run, run_of, store
from masterdata_sync.reading import Reader
from masterdata_sync.rebuilding import rebuild
from masterdata_sync.removals import settle_removals
from masterdata_sync.settling import Settled, addressee_of, settle, translated
from masterdata_sync.sides import Sides
from masterdata_sync.watermarks import conditions, raised
from mlc_common.company_rules import CompanyPair
from mlc_common.events import SyncFinished
from mlc_common.http import dump_json, load_json
from mlc_epicor.questions import Cursor

log = structlog.stdlib.get_logger(__name__)

STRIDE = 500
"""Rows that are compared, sent and remembered together, at least."""

Outcome = Literal["finished", "too many gone", "nothing there"]


@dataclass(frozen=True)
class Task:
    """What is to be brought up to date.

    Args:
        again: records that Basware refused are sent again, though they are the same.
        allow_removals: retire what is gone, however much it is.
        request: who asked for it; None is the schedule.
    """

    kind: Kind
    pair: CompanyPair
    mode: Mode
    again: bool = False
    allow_removals: bool = False
    request: str | None = None


@dataclass(frozen=True)
class Stride:
    """Some rows, translated; where to go on after them; what is the newest among them."""

    rows: Sequence[Record | Unfit]
    cursor: Cursor
    high: Mapping[str, Any]


async def bring_up_to_date(task: Task, sides: Sides) -> SyncFinished:
    """Do a run, or the rest of one that was cut off, to its end.

    Raises:
        TransientError: a far side, the broker or the database is away; the next try goes on where this one stopped.
        PermanentError: Epicor does not understand the question.
    """
    owner = Owner(sides.name, task.kind.name, task.pair.basware)
    reader = Reader(task.kind, task.pair.epicor, sides.document.masterdata.reading(owner.kind, owner.company), sides)
    run, resumed = await _begin(task, owner, sides, way=reader.way_name)
    if run.progress.get("phase") != "removing":
        run = await _read_all(task, run, owner, reader, resumed=resumed)
        run = await _end_of_reading(run, owner, sides)
    outcome: Outcome = "finished"
    if run.mode == "full":
        outcome, run = await settle_removals(task.kind, run, owner, sides, allowed=task.allow_removals)
    return await _finish(task, run, owner, sides, outcome=outcome)


async def _begin(task: Task, owner: Owner, sides: Sides, *, way: str) -> tuple[Run, bool]:
    async with sides.engine.connect() as db:
        run = await run_of(db, owner)
    if not run.run and await sides.journal.knows(owner.kind, owner.company):
        await rebuild(owner, sides)
        async with sides.engine.connect() as db:
            run = await run_of(db, owner)
    if run.mode is not None:
        if run.progress.get("way") != way:
            # The cursor of another way says nothing; this run begins anew, and knows what it has seen.
            run = replace(run, cursor=None, progress={**run.progress, "way": way, "phase": None})
        return run, True
    run = replace(run, run=run.run + 1, mode=task.mode, started_at=sides.now(), cursor=None, progress={"way": way})
    async with sides.engine.begin() as db:
        await store(db, owner, run)
    return run, False


async def _read_all(task: Task, run: Run, owner: Owner, reader: Reader, *, resumed: bool) -> Run:
    """Every page that is left, the next ones being read while the last ones are dealt with."""
    since = conditions(task.kind.source, reader.rules, run.watermark) if run.mode == "delta" else ()
    after: Cursor | None = load_json(run.cursor) if run.cursor else None
    strides = _strides(reader, task, since, after=after, high=run.progress.get("high", {}))
    waiting = asyncio.create_task(anext(strides, None))
    try:
        while (stride := await waiting) is not None:
            waiting = asyncio.create_task(anext(strides, None))
            run = await _take(stride, task, run, owner, reader.sides, doubtful=resumed)
            resumed = False
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await strides.aclose()
    return run


async def _strides(
    reader: Reader, task: Task, since: Sequence[Any], *, after: Cursor | None, high: Mapping[str, Any]
) -> AsyncGenerator[Stride, None]:
    most = task.kind.target.most
    wanted = -(-STRIDE // most) * most
    addressee = addressee_of(task.pair, reader.sides)
    rows: list[Record | Unfit] = []
    cursor: Cursor | None = None
    async for page in reader.pages(since, after=after):
        high = raised(high, page.rows, task.kind.source)
        rows += translated(task.kind, page.rows, addressee, reader.sides.seal)
        cursor = page.cursor
        if len(rows) >= wanted:
            yield Stride(rows, cursor, high)
            rows, cursor = [], None
    if cursor is not None:
        yield Stride(rows, cursor, high)


async def _take(stride: Stride, task: Task, run: Run, owner: Owner, sides: Sides, *, doubtful: bool) -> Run:
    """Settle some rows, and remember them together with the place in the reading."""
    settled = await settle(task.kind, stride.rows, owner, sides, run=run.run, again=task.again, doubtful=doubtful)
    run = _counted(run, stride, settled)
    async with sides.engine.begin() as db:
        await settled.store(db, owner, run=run.run)
        await store(db, owner, run)
    return run


def _counted(run: Run, stride: Stride, settled: Settled) -> Run:
    more = {
        "read": len(settled.judged.present),
        "changed": len(settled.judged.changed),
        "sent": len(settled.written.taken),
        "refused": len(settled.written.refused) + sum(isinstance(row, Unfit) for row in settled.judged.changed),
    }
    counts = {name: run.progress.get(name, 0) + number for name, number in more.items()}
    cursor = dump_json(stride.cursor).decode()
    return replace(run, cursor=cursor, progress={**run.progress, **counts, "high": dict(stride.high)})


async def _end_of_reading(run: Run, owner: Owner, sides: Sides) -> Run:
    """Everything was read: a full run counts what it has not seen, unless it has seen nothing at all."""
    run = replace(run, progress={**run.progress, "phase": "removing"})
    async with sides.engine.begin() as db:
        if run.mode == "full" and run.progress.get("read", 0):
            await remembered.count_missed(db, owner, run=run.run)
        await store(db, owner, run)
    return run


async def _finish(task: Task, run: Run, owner: Owner, sides: Sides, *, outcome: Outcome) -> SyncFinished:
    now = sides.now()
    counts = {name: run.progress.get(name, 0) for name in ("read", "changed", "sent", "refused", "gone")}
    mode: Mode = run.mode or task.mode
    fact = SyncFinished(
        **owner._asdict(), at=now, request=task.request, run=run.run, mode=mode, outcome=outcome, **counts
    )
    if task.request or outcome != "finished" or any(counts[name] for name in ("changed", "sent", "gone")):
        await sides.journal.append([fact])
    seconds = (now - (run.started_at or now)).total_seconds()
    high = dict(run.progress.get("high", {}))
    watermark = {**(run.watermark if mode == "delta" else {}), **high, "seconds": seconds}
    stopped = None if outcome == "finished" else outcome
    after = replace(run, mode=None, cursor=None, progress={}, watermark=watermark)
    async with sides.engine.begin() as db:
        if mode == "full":
            await store(db, owner, replace(after, full_at=now, stopped=stopped))
        else:
            await store(db, owner, replace(after, delta_at=now))
    sides.metrics.masterdata.success.labels(*owner, mode).set(now.timestamp())
    if mode == "full":
        sides.metrics.masterdata.stopped.labels(*owner).set(0 if stopped is None else 1)
    log.info("kind_up_to_date", **owner._asdict(), mode=mode, outcome=outcome, run=run.run, **counts)
    return fact
