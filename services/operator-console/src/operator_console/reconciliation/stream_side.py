"""Our side: which documents there are, from the read model; what became of each, from the stream itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentFact
from mlc_common.failures import TransientError
from mlc_common.projections import position
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import DOCUMENTS, token
from mlc_common.tables import document_status
from operator_console.document_commands import status
from operator_console.projector import NAME
from operator_console.reconciliation.invoice_sides import Here, InEpicor
from operator_console.reconciliation.recorded import FACTS, here
from operator_console.stream_reader import Read, StreamReader
from operator_console.view import DocumentStatus

PAGE = 500
AT_ONCE = 60
"""Documents whose facts are asked for at once; the server gives 1024 messages in one answer."""

LAG = 200
MOST_LAG = 50_000
"""Messages that the read model may be behind; beyond that it is being rebuilt, and says nothing yet."""

COLUMNS = document_status.c


@dataclass
class StreamSide:
    """One connection's documents.

    Attributes:
        behind: ids of documents about which the stream says more than the read model; filled by `catch_up`.
    """

    engine: AsyncEngine
    log: EventLog
    reader: StreamReader
    connection: str
    behind: set[str] = field(default_factory=set)

    async def catch_up(self) -> None:
        """Find out which documents the read model does not know all of.

        Raises:
            TransientError: the broker is away, or the read model is being rebuilt.
        """
        async with self.engine.connect() as db:
            at = await position(db, NAME)
        read = 0
        while batch := await self.reader.after(DOCUMENTS, at, most=LAG):
            at, read = batch[-1].sequence, read + len(batch)
            self.behind |= {each.event.invoice_id for each in batch if _is_of(each, self.connection)}  # type: ignore[union-attr]
            if read > MOST_LAG:
                raise TransientError(
                    "The read model is far behind the stream; wait until it is rebuilt (operator-console)."
                )

    async def between(self, first: datetime, until: datetime) -> AsyncIterator[list[Here]]:
        """The documents to which something happened between these moments, or which were in work then.

        Raises:
            TransientError: broker or database are away.
        """
        last = ""
        while True:
            alive = (COLUMNS.invoice_id > last, COLUMNS.last_change >= first, COLUMNS.first_seen < until)
            rows = await self._rows(*alive)
            if not rows:
                break
            last = rows[-1].invoice_id
            async for batch in self._with_facts([row for row in rows if row.invoice_id not in self.behind]):
                yield batch
        for invoice_id in sorted(self.behind):
            found = await self._from_the_stream(invoice_id)
            if found is not None and found.last_change >= first and found.first_seen < until:
                async for batch in self._with_facts([found]):
                    yield batch

    async def known(self, ids: Sequence[str]) -> AsyncIterator[list[Here]]:
        """Those of these documents that the stream knows, of whatever time.

        What the read model does not know is looked up in the stream: a document that is not there was never read.

        Raises:
            TransientError: broker or database are away.
        """
        for start in range(0, len(ids), PAGE):
            some = ids[start : start + PAGE]
            rows = [row for row in await self._rows(COLUMNS.invoice_id.in_(some)) if row.invoice_id not in self.behind]
            missing = set(some) - {row.invoice_id for row in rows}
            rows += [row for each in sorted(missing) if (row := await self._from_the_stream(each))]
            async for batch in self._with_facts(rows):
                yield batch

    async def claimants(self, rows: Iterable[InEpicor]) -> list[str]:
        """Ids of the documents that claim these AP invoices or are named by them, of whatever time.

        Raises:
            TransientError: the database is away.
        """
        keys = sorted({(row.company, row.vendor_num, row.number) for row in rows})
        found: list[str] = []
        for start in range(0, len(keys), PAGE):
            claimed = tuple_(COLUMNS.epicor_company, COLUMNS.vendor_num, COLUMNS.epicor_invoice)
            some = keys[start : start + PAGE]
            found += [row.invoice_id for row in await self._rows(claimed.in_(some))]
        return found

    async def _rows(self, *conditions: ColumnElement[bool]) -> list[DocumentStatus]:
        query = select(document_status).where(COLUMNS.connection == self.connection, *conditions)
        async with self.engine.connect() as db:
            found = (await db.execute(query.order_by(COLUMNS.invoice_id).limit(PAGE))).mappings().all()
        return [DocumentStatus.of(row) for row in found]

    async def _from_the_stream(self, invoice_id: str) -> DocumentStatus | None:
        timeline = await self.log.timeline(self.connection, invoice_id)
        return status(timeline) if timeline else None

    async def _with_facts(self, rows: Sequence[DocumentStatus]) -> AsyncIterator[list[Here]]:
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            facts = await self._facts([row.invoice_id for row in some])
            found = (here(row, [each.event for each in facts[row.invoice_id] if each.event]) for row in some)
            yield [each for each in found if each is not None]

    async def _facts(self, ids: Iterable[str]) -> dict[str, list[Read]]:
        """The latest fact of each kind and attempt of these documents, oldest first."""
        start = f"documents.{token(self.connection)}"
        subjects = [f"{start}.{token(each)}.{kind.fact}.*" for each in ids for kind in FACTS]
        found: dict[str, list[Read]] = defaultdict(list)
        for read in await self.reader.latest(DOCUMENTS, subjects):
            if isinstance(read.event, FactOfDocument):
                found[read.event.invoice_id].append(read)
        return found


def _is_of(read: Read, connection: str) -> bool:
    return isinstance(read.event, DocumentFact) and read.event.connection == connection
