"""The watch list in PostgreSQL: which document an AP invoice is, when it is looked at next, how far was read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.events import InvoicePosted
from mlc_common.failures import TransientError
from mlc_common.projections import advance, position
from mlc_common.streams import DOCUMENTS
from mlc_common.tables import invoice_payments, payment_watermarks
from mlc_epicor.odata import collated
from mlc_epicor.payables import InvoiceKey

OTHER = "other"
"""The attempt of an invoice that this product did not post."""

_KEY = ("connection", "company", "vendor_num", "invoice_key")


@dataclass(frozen=True)
class Watched:
    """One AP invoice and the document that it is; `digest` is that of the last picture that was recorded."""

    company: str
    vendor_num: int
    invoice_key: str
    invoice_num: str
    invoice_id: str
    attempt: str
    posted_at: datetime
    digest: str | None = None
    settled_at: datetime | None = None
    next_look: datetime | None = None

    @property
    def key(self) -> InvoiceKey:
        """The invoice in its company."""
        return self.vendor_num, self.invoice_key


class WatchList:
    """The list of one connection. Every method raises TransientError while the database is away."""

    def __init__(self, engine: AsyncEngine, connection: str) -> None:
        self._engine = engine
        self._connection = connection
        self._name = f"invoice-payments {connection}"

    async def position(self) -> int:
        """The sequence of the last posted fact on the list."""
        async with self._session() as db:
            return await position(db, self._name)

    async def learn(self, posted: Iterable[InvoicePosted], *, since: int, to: int, now: datetime) -> None:
        """Put posted invoices on the list, to be looked at now; of two facts of one invoice the later one counts."""
        latest = {_key_of(fact): _watched(fact, now) for fact in posted}
        async with self._session() as db:
            await self._put(db, latest.values())
            await advance(db, self._name, stream=DOCUMENTS, since=since, to=to, now=now)

    async def add(self, watched: Sequence[Watched]) -> None:
        """Put invoices on the list that this product did not post."""
        async with self._session() as db:
            await self._put(db, watched)

    async def known(self, company: str, keys: Iterable[InvoiceKey]) -> list[Watched]:
        """Those of these invoices that are on the list."""
        columns = invoice_payments.c
        query = self._all(company).where(tuple_(columns.vendor_num, columns.invoice_key).in_(sorted(keys)))
        async with self._session() as db:
            return [Watched(**row) for row in (await db.execute(query)).mappings()]

    async def due(self, company: str, *, now: datetime, most: int) -> list[Watched]:
        """Invoices whose time has come, the longest waiting first."""
        column = invoice_payments.c.next_look
        query = self._all(company).where(column <= now).order_by(column, invoice_payments.c.invoice_key).limit(most)
        async with self._session() as db:
            return [Watched(**row) for row in (await db.execute(query)).mappings()]

    async def looked(self, looks: Sequence[Watched]) -> None:
        """Note what was seen: digest, since when it is settled, and when to look again."""
        columns = invoice_payments.c
        statement = (
            update(invoice_payments)
            .where(*(columns[name] == bindparam(f"its_{name}") for name in (*_KEY, "attempt")))
            .values({name: bindparam(f"new_{name}") for name in ("digest", "settled_at", "next_look")})
        )
        rows = [_bound(each, self._connection) for each in looks]
        async with self._session() as db:
            if rows:
                await db.execute(statement, rows)

    async def first_posted(self, company: str) -> datetime | None:
        """When the first invoice on the list was posted."""
        columns = invoice_payments.c
        query = select(func.min(columns.posted_at)).filter_by(connection=self._connection, company=company)
        async with self._session() as db:
            found: datetime | None = await db.scalar(query)
            return found

    async def watermark(self, company: str) -> str | None:
        """The newest ChangeDate that was read through to its end, as Epicor wrote it."""
        query = select(payment_watermarks.c.watermark).filter_by(connection=self._connection, company=company)
        async with self._session() as db:
            return await db.scalar(query)

    async def move_watermark(self, company: str, watermark: str) -> None:
        """Everything up to this ChangeDate was read and looked at."""
        row = {"connection": self._connection, "company": company, "watermark": watermark}
        statement = insert(payment_watermarks).values(**row)
        changed = {"watermark": statement.excluded.watermark}
        async with self._session() as db:
            await db.execute(statement.on_conflict_do_update(index_elements=("connection", "company"), set_=changed))

    def _all(self, company: str) -> Any:
        names = [name for name in Watched.__dataclass_fields__]
        return select(*(invoice_payments.c[name] for name in names)).filter_by(
            connection=self._connection, company=company
        )

    async def _put(self, db: AsyncConnection, watched: Iterable[Watched]) -> None:
        rows = [{"connection": self._connection, **vars(each)} for each in watched]
        if not rows:
            return
        statement = insert(invoice_payments)
        changed = {name: column for name, column in statement.excluded.items() if name not in _KEY}
        newer = statement.excluded.attempt != invoice_payments.c.attempt
        await db.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=changed, where=newer), rows)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as db:
                yield db
        except DATABASE_ERRORS as error:
            raise TransientError("The database does not answer.") from error


def _key_of(fact: InvoicePosted) -> tuple[str, int, str]:
    return fact.company, fact.vendor_num, collated(fact.invoice_num)


def _watched(fact: InvoicePosted, now: datetime) -> Watched:
    return Watched(
        company=fact.company,
        vendor_num=fact.vendor_num,
        invoice_key=collated(fact.invoice_num),
        invoice_num=fact.invoice_num,
        invoice_id=fact.invoice_id,
        attempt=fact.attempt,
        posted_at=fact.at,
        next_look=now,
    )


def _bound(each: Watched, connection: str) -> dict[str, Any]:
    key = {f"its_{name}": getattr(each, name) for name in (*_KEY[1:], "attempt")}
    return {"its_connection": connection, **key} | {
        f"new_{name}": getattr(each, name) for name in ("digest", "settled_at", "next_look")
    }
