"""The projection `record_uses`: which master records the invoices in Epicor use, folded from DOCUMENTS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, Table, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_basware.documents import AccountingDocument
from mlc_basware.overrides import overridden
from mlc_basware.record_codes import used_by
from mlc_common.connection import ConnectionDocument
from mlc_common.connection_documents import StoredDocumentError, parse_stored
from mlc_common.events import DocumentApproved, DocumentOverridden, Event, InvoicePosted
from mlc_common.failures import PermanentError
from mlc_common.projections import advance, position
from mlc_common.streams import DOCUMENTS, document_subject
from mlc_common.tables import connection_versions, record_uses
from operator_console.stream_reader import Read, StreamReader

log = structlog.stdlib.get_logger(__name__)

NAME = "record-uses"
BATCH = 50
POSTED = f"documents.*.*.{InvoicePosted.fact}.*"

Transfer = tuple[str, str, str]
"""Connection, document, attempt."""


@dataclass(frozen=True)
class Use:
    """How often a master record was used by invoices; the columns of the table `record_uses`."""

    connection: str
    kind: str
    company: str
    code: str
    times: int
    first_at: datetime
    last_at: datetime
    last_invoice_id: str
    last_number: str | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The record."""
        return self.connection, self.kind, self.company, self.code

    def then(self, later: Use) -> Use:
        """Both together."""
        return replace(later, times=self.times + later.times, first_at=self.first_at)


async def catch_up(engine: AsyncEngine, reader: StreamReader, *, now: Callable[[], datetime]) -> int:
    """Fold one batch of posted invoices; returns how many there were.

    Raises:
        TransientError: the broker is away, or another projector moved the position meanwhile.
    """
    async with engine.connect() as db:
        after = await position(db, NAME)
        batch = await posted_after(reader, after, most=BATCH)
        uses = await uses_by(db, batch, reader)
    if not batch:
        return 0
    async with engine.begin() as db:
        await count(db, record_uses, uses)
        await advance(db, NAME, stream=DOCUMENTS, since=after, to=batch[-1].sequence, now=now())
    return len(batch)


async def posted_after(reader: StreamReader, sequence: int, *, most: int) -> list[Read]:
    """Facts that an invoice stands in Epicor, at most so many that follow this sequence."""
    return await reader.after(DOCUMENTS, sequence, most=most, subject=POSTED)


async def uses_by(db: AsyncConnection, batch: Sequence[Read], reader: StreamReader) -> list[Use]:
    """The records that these posted invoices use, each record once.

    It depends on the stream and on the version that each invoice was mapped with: whenever they are counted, it is
    the same.
    """
    posted = [(each.sequence, each.event) for each in batch if isinstance(each.event, InvoicePosted)]
    documents = await _documents(db, {(fact.connection, fact.connection_version) for _, fact in posted})
    told = await _told(posted, reader)
    uses: dict[tuple[str, str, str, str], Use] = {}
    for _, fact in posted:
        connection = documents.get((fact.connection, fact.connection_version))
        for use in used(fact, told.get((fact.connection, fact.invoice_id, fact.attempt), ()), connection):
            uses[use.key] = uses[use.key].then(use) if use.key in uses else use
    return list(uses.values())


async def count(db: AsyncConnection, table: Table, uses: Sequence[Use]) -> None:
    """Add them to the rows of this table, which is `record_uses` or like it, in the caller's transaction."""
    if uses:
        await db.execute(_upsert(table), [asdict(each) for each in uses])


async def uses_of(db: AsyncConnection, connection: str, kind: str, code: str) -> dict[str, Use]:
    """How often the records of this code were used, by company."""
    wanted = {"connection": connection, "kind": kind, "code": code}
    query: Select[Any] = select(record_uses).filter_by(**wanted)
    return {row["company"]: Use(**row) for row in (await db.execute(query)).mappings()}


async def _documents(
    db: AsyncConnection, versions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], ConnectionDocument]:
    columns, found = connection_versions.c, {}
    query = select(connection_versions).where(tuple_(columns.name, columns.version).in_(sorted(versions)))
    for row in (await db.execute(query)).mappings():
        try:
            found[row["name"], row["version"]] = parse_stored(row)
        except StoredDocumentError as error:
            log.warning("connection_not_understood", connection=row["name"], why=str(error))
    return found


async def _told(posted: Sequence[tuple[int, InvoicePosted]], reader: StreamReader) -> dict[Transfer, list[Event]]:
    """The document of each posted transfer, and the override that was in force when it was posted."""
    places = {(fact.connection, fact.invoice_id, fact.attempt): sequence for sequence, fact in posted}
    facts = (DocumentApproved.fact, DocumentOverridden.fact)
    subjects = [
        document_subject(name, invoice_id, fact, attempt) for name, invoice_id, attempt in places for fact in facts
    ]
    told: dict[Transfer, list[Event]] = {}
    for read in await reader.latest(DOCUMENTS, subjects):
        if isinstance(event := read.event, DocumentApproved | DocumentOverridden):
            transfer = (event.connection, event.invoice_id, event.attempt)
            if read.sequence < places[transfer]:
                told.setdefault(transfer, []).append(event)
    return told


def used(fact: InvoicePosted, told: Iterable[Any], connection: ConnectionDocument | None) -> list[Use]:
    """The records that one posted invoice uses: each once; none when its document or connection is not known."""
    known = {type(event): event for event in told}
    approved, override = known.get(DocumentApproved), known.get(DocumentOverridden)
    if approved is None or connection is None or (pair := connection.pair(approved.company_code or "")) is None:
        return []
    try:
        text = overridden(approved.document, override.changes) if override else approved.document
        document = AccountingDocument.parse(text)
    except PermanentError as error:
        log.warning("uses_not_counted", invoice=fact.invoice_id, why=str(error))
        return []
    return [
        Use(fact.connection, kind, pair.basware, code, 1, fact.at, fact.at, fact.invoice_id, approved.invoice_number)
        for kind, code in used_by(document, pair, connection.kinds)
    ]


def _upsert(table: Table) -> Any:
    statement = insert(table)
    new = statement.excluded
    last = {name: new[name] for name in ("last_at", "last_invoice_id", "last_number")}
    key = ("connection", "kind", "company", "code")
    return statement.on_conflict_do_update(index_elements=key, set_={"times": table.c.times + new.times, **last})
