"""The sweep is the truth: it finds what no push announced, and finishes what a crash left half done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from prometheus_client import Counter

from basware_reader.approvals import (
    ANSWERED,
    FOR_A_PERSON,
    WITHDRAWN,
    Approve,
    Nothing,
    Sight,
    attempts,
    changed_in_hand,
    decide,
    offered,
    shown,
)
from basware_reader.deadlines import waits_until
from basware_reader.handlers import Reader, read_document
from basware_reader.interim import keep_deadline
from basware_reader.locks import InHandError, sweep_lock
from mlc_basware.documents import AccountingDocument, text_of
from mlc_common.connection_flows import Flow
from mlc_common.ending import surely_ended
from mlc_common.failures import FailureError, PermanentError

log = structlog.stdlib.get_logger(__name__)

LOOK_BACK = timedelta(days=2)
"""How old a removal may be to be looked at; a lost push and an outage of the reader are shorter than that."""

FIRST_PAUSE = 2.0
"""Seconds after the start until the first sweep, unless sweeps come faster than that."""


@dataclass(frozen=True)
class Swept:
    """What one sweep saw: documents offered, those nobody had announced, those that failed, and the next deadline."""

    offered: int = 0
    unannounced: int = 0
    failed: int = 0
    due: datetime | None = None


@dataclass(frozen=True)
class Sweeping:
    """How one connection is swept: how often, how many documents at once."""

    reader: Reader
    unannounced: Counter
    every: float
    at_once: int


async def sweep(reader: Reader, *, at_once: int) -> Swept:
    """Read every document that is offered and not settled by its history; one bad document never stops the others.

    Raises:
        TransientError: the list cannot be read; the next sweep reads it anew.
        PermanentError: Basware refuses to list.
    """
    waiting, unreadable = await _listed(reader, offered(reader.document))
    dues: list[datetime] = []
    announced, failed = await _each(reader, waiting, partial(_catch_up, dues=dues), at_once=at_once)
    aside, unreadable_aside = await _listed(reader, sorted(FOR_A_PERSON))
    gone, unreadable_gone = await _listed(reader, sorted(WITHDRAWN - FOR_A_PERSON), since=reader.now() - LOOK_BACK)
    _, failed_aside = await _each(reader, aside | gone, _look_aside, at_once=at_once)
    unreadable += unreadable_aside + unreadable_gone
    return Swept(len(waiting) + unreadable, announced, failed + failed_aside + unreadable, min(dues, default=None))


async def _each(
    reader: Reader, found: Mapping[str, Sight], work: Callable[[Reader, str, Sight], Awaitable[bool]], *, at_once: int
) -> tuple[int, int]:
    """Work on every document; for how many the work says yes, and how many failed."""
    places = asyncio.Semaphore(at_once)

    async def one(invoice_id: str, seen: Sight) -> bool:
        async with places:
            return await work(reader, invoice_id, seen)

    results = await asyncio.gather(*(one(*each) for each in found.items()), return_exceptions=True)
    failures = [(name, each) for name, each in zip(found, results, strict=True) if isinstance(each, BaseException)]
    _report(reader.connection, failures)
    return sum(each is True for each in results), len(failures)


async def _listed(
    reader: Reader, statuses: Iterable[str], *, since: datetime | None = None
) -> tuple[dict[str, Sight], int]:
    """Every document in one of the statuses, by id, and how many could not be read. All pages first, then the work:
    acknowledging while paging shifts the pages (Basware API reference, §3.2).
    """
    found: dict[str, Sight] = {}
    unreadable = 0
    for status in statuses:
        async for item in reader.basware.documents(status, since=since):
            try:
                text = text_of(item)
                document = AccountingDocument.parse(text)
                found[document.invoiceId] = Sight.of(text, document)
            except PermanentError as failure:
                unreadable += 1
                log.warning("sweep_document_unreadable", connection=reader.connection, why=str(failure))
    return found, unreadable


async def _catch_up(reader: Reader, invoice_id: str, seen: Sight, *, dues: list[datetime]) -> bool:
    """Do what is due for one document, and note its deadline while it waits; True when nobody had announced it."""
    history = await reader.log.history(reader.connection, invoice_id)
    known = attempts(recorded.event for recorded in history)
    decision = decide(seen, known)
    try:
        if isinstance(decision, Nothing):
            if decision.reason == ANSWERED:
                # P2P takes an answer some time after it was stored; for long, somebody must look
                log.warning("answered_and_still_offered", connection=reader.connection, invoice=invoice_id)
            elif same := shown(seen, known):
                events = [recorded.event for recorded in history]
                if due := waits_until(events, same.name, reader.document.basware.deadline):
                    dues.append(due)
                await keep_deadline(reader, invoice_id, same, history)
            if changed_in_hand(seen, known):
                await _look_once(reader, invoice_id, seen)
            return False
        if Flow.INGEST in reader.paused:
            return False
        return isinstance(await read_document(reader, invoice_id, seen_by="sweep"), Approve)
    except InHandError:  # a push came meanwhile; the next sweep sees what became of it
        return False


async def _look_once(reader: Reader, invoice_id: str, seen: Sight) -> None:
    """Read a document that is not as it was when its transfer was taken up; a list may show less than a reading."""
    sight = f"{invoice_id} {seen.status} {seen.content}"
    if sight not in reader.looked_at and Flow.INGEST not in reader.paused:
        await read_document(reader, invoice_id, seen_by="sweep")
        reader.looked_at.add(sight)


async def _look_aside(reader: Reader, invoice_id: str, seen: Sight) -> bool:
    """Record a document that is in nobody's hands, or was taken out of ours, once; True when it was new."""
    sight = f"{invoice_id} {seen.status} {seen.last_updated}"
    if sight in reader.looked_at or Flow.INGEST in reader.paused:
        return False
    if seen.status in FOR_A_PERSON or await reader.log.history(reader.connection, invoice_id):
        try:
            await read_document(reader, invoice_id, seen_by="sweep")
        except InHandError:  # the next sweep looks again
            return False
    reader.looked_at.add(sight)
    return True


def _report(connection: str, failures: Iterable[tuple[str, BaseException]]) -> None:
    for invoice_id, failure in failures:
        bug = None if isinstance(failure, FailureError) else failure
        log.error("sweep_document_failed", connection=connection, invoice=invoice_id, why=str(failure), exc_info=bug)


@asynccontextmanager
async def sweeping(how: Sweeping) -> AsyncIterator[None]:
    """Sweep on a timer while inside; leaving ends the sweep under way, which the next one makes up for."""
    metrics, name = how.reader.metrics, how.reader.connection
    metrics.gauges.swept.labels(name).set(how.reader.now().timestamp())  # or nobody would miss the first one
    how.unannounced.labels(name)
    metrics.drift.labels(name)
    task = asyncio.create_task(_keep_sweeping(how), name=f"sweep {how.reader.connection}")
    try:
        yield
    finally:
        await surely_ended(task)


async def _keep_sweeping(how: Sweeping) -> None:
    await asyncio.sleep(min(FIRST_PAUSE, how.every))
    while True:
        (outcome,) = await asyncio.gather(_sweep_alone(how), return_exceptions=True)
        if isinstance(outcome, BaseException):
            bug = None if isinstance(outcome, FailureError) else outcome
            log.error("sweep_failed", connection=how.reader.connection, why=str(outcome), exc_info=bug)
        await asyncio.sleep(how.every)


async def _sweep_alone(how: Sweeping) -> None:
    """One sweep, unless another replica is at it."""
    gauges = how.reader.metrics.gauges
    async with how.reader.locks.held(sweep_lock(how.reader.connection)) as ours:
        if not ours:
            log.info("sweep_left_to_another_replica", connection=how.reader.connection)
            gauges.deadline(how.reader.connection, None)  # the other one knows better
            return
        swept = await sweep(how.reader, at_once=how.at_once)
    how.unannounced.labels(how.reader.connection).inc(swept.unannounced)
    gauges.deadline(how.reader.connection, swept.due)
    gauges.swept.labels(how.reader.connection).set(how.reader.now().timestamp())
    level = log.warning if swept.unannounced or swept.failed else log.info
    level(
        "swept",
        connection=how.reader.connection,
        offered=swept.offered,
        unannounced=swept.unannounced,
        failed=swept.failed,
    )
