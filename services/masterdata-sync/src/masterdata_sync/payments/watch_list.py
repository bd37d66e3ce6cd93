"""The watch list in PostgreSQL: which document an AP invoice is, when it is looked at next, how far was read.

Which document it is, is folded from the posted facts and can be made anew. What was seen of it, since when it is
settled and when it is looked at next is what Epicor's books said at the last look: a line made anew has its look at
once, and what Basware was told before stands in the histories.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Table, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.beside import beside, put_in_place
from mlc_common.database import DATABASE_ERRORS
from mlc_common.events import InvoicePosted
from mlc_common.failures import TransientError
from mlc_common.projections import advance, position
from mlc_common.streams import DOCUMENTS
from mlc_common.tables import invoice_payments, payment_watermarks
from mlc_epicor.odata import collated
from mlc_epicor.payables import InvoiceKey

log = structlog.stdlib.get_logger(__name__)

OTHER = "other"
"""The attempt of an invoice that this product did not post."""

_KEY = ("connection", "company", "vendor_num", "invoice_key")
_LOOKS = ("digest", "settled_at", "next_look")
"""Columns that come from Epicor's books, not from the facts."""

_OURS = f"old.connection = :connection AND old.attempt <> '{OTHER}'"
"""Lines of what this product posted; those of other invoices come from Epicor's transactions, and stay."""


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
        async with self._session() as db:
            await self.put(db, _latest(posted, now))
            await advance(db, self._name, stream=DOCUMENTS, since=since, to=to, now=now)

    async def is_to_be_made_anew(self) -> bool:
        """Whether nothing counts as read, and yet there are lines that were made from posted facts."""
        ours = self._all().where(invoice_payments.c.attempt != OTHER).limit(1)
        async with self._session() as db:
            return not await position(db, self._name) and (await db.execute(ours)).first() is not None

    @asynccontextmanager
    async def anew(self) -> AsyncIterator[ListAnew]:
        """A list beside this one, empty, that takes its place in the end. One replica alone does this, and learns."""
        try:
            async with beside(self._engine, invoice_payments) as (db, new):
                yield ListAnew(self, db, new)
        except DATABASE_ERRORS as error:
            raise TransientError("The database does not answer.") from error

    async def replace(self, db: AsyncConnection, new: Table, *, to: int, now: datetime) -> None:
        """Put the lines of a table like this one in place, in the caller's transaction."""
        about = {"connection": self._connection}
        removed, changed = await put_in_place(db, invoice_payments, new, among=_OURS, about=about, aside=_LOOKS)
        if to:
            await advance(db, self._name, stream=DOCUMENTS, since=0, to=to, now=now)
        log.info("watch_list_made_anew", connection=self._connection, removed=removed, changed=changed)

    async def add(self, watched: Sequence[Watched]) -> None:
        """Put invoices on the list that this product did not post."""
        async with self._session() as db:
            await self.put(db, watched)

    async def known(self, company: str, keys: Iterable[InvoiceKey]) -> list[Watched]:
        """Those of these invoices that are on the list."""
        columns = invoice_payments.c
        query = self._all(company=company).where(tuple_(columns.vendor_num, columns.invoice_key).in_(sorted(keys)))
        async with self._session() as db:
            return [Watched(**row) for row in (await db.execute(query)).mappings()]

    async def due(self, company: str, *, now: datetime, most: int) -> list[Watched]:
        """Invoices whose time has come, the longest waiting first."""
        column = invoice_payments.c.next_look
        query = (
            self._all(company=company).where(column <= now).order_by(column, invoice_payments.c.invoice_key).limit(most)
        )
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

    def _all(self, **only: str) -> Any:
        names = [name for name in Watched.__dataclass_fields__]
        return select(*(invoice_payments.c[name] for name in names)).filter_by(connection=self._connection, **only)

    async def put(self, db: AsyncConnection, watched: Iterable[Watched], *, into: Table = invoice_payments) -> None:
        """Put lines into a table, in the caller's transaction; a line of another document or transfer is replaced."""
        rows = [{"connection": self._connection, **vars(each)} for each in watched]
        if not rows:
            return
        statement = insert(into)
        new = statement.excluded
        changed = {name: column for name, column in new.items() if name not in _KEY}
        another = (new.attempt != into.c.attempt) | (new.invoice_id != into.c.invoice_id)
        await db.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=changed, where=another), rows)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as db:
                yield db
        except DATABASE_ERRORS as error:
            raise TransientError("The database does not answer.") from error


@dataclass(frozen=True)
class ListAnew:
    """A watch list that is being folded from the first posted fact on, beside the one in use."""

    list: WatchList
    db: AsyncConnection
    new: Table

    async def learn(self, posted: Iterable[InvoicePosted], *, now: datetime) -> None:
        """As the list in use learns it."""
        async with self.db.begin():
            await self.list.put(self.db, _latest(posted, now), into=self.new)

    async def put_in_place(self, *, to: int, now: datetime) -> None:
        """Take the old list's place: lines that are as they were keep what was seen of them.

        Raises:
            TransientError: somebody else has begun to learn meanwhile.
        """
        async with self.db.begin():
            await self.list.replace(self.db, self.new, to=to, now=now)


def _latest(posted: Iterable[InvoicePosted], now: datetime) -> Iterable[Watched]:
    return {_key_of(fact): _watched(fact, now) for fact in posted}.values()


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
