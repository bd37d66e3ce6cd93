"""Reads payments out of Epicor by the way that a connection has chosen; every call is made under a slot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from mlc_common.failures import PermanentError, TransientError
from mlc_common.payment_rules import PaymentBaq, Payments
from mlc_epicor.client import EpicorClient, Row
from mlc_epicor.payables import APTranRow, CheckHedRow, InvoiceKey, PayableRow, Unreadable, read_each, read_rows
from mlc_epicor.questions_about_payments import (
    ODATA,
    WHERE,
    InstantForm,
    after,
    changed_since,
    of_heads,
    of_invoices,
    start_of,
)
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)

AT_ONCE = 20
"""Invoices or payments asked for in one call; keeps an address under two kilobytes."""

PAGE = 100
"""Rows of a page: what an Epicor in the cloud gives at most (Epicor reference, 8.2)."""

MOST_PAGES = 10_000
SETS = {"APTranSearches": "Erp.BO.APTranSearchSvc/APTranSearches", "APTrans": "Erp.BO.PaymentEntrySvc/APTrans"}
SEARCHES = "Erp.BO.APInvSearchSvc"
PAYMENT_ENTRY = "Erp.BO.PaymentEntrySvc"
_OTHER_TABLES = (
    "CheckHedAttch", "APTran", "APTranTGLC", "APTTaxDtl", "BankTran", "BankTranTaxDtl", "BankTranTGLC", "TaxDtl",
    "LegalNumGenOpts",
)  # fmt: skip
_KEY = ("HeadNum", "APTranNo", "InvoiceNum", "Voided")


@dataclass
class PaymentReader:
    """One connection's payments; remembers which form of an instant its Epicor takes."""

    epicor: EpicorClient
    slots: Slots
    rules: Payments
    forms: list[InstantForm] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the form that the connection names, or find it out."""
        literal = self.rules.date_literal
        self.forms = ["local", "zoned"] if literal == "probed" else [literal]

    async def changed(self, company: str, watermark: str) -> AsyncIterator[list[APTranRow | Unreadable]]:
        """Every transaction changed since shortly before the watermark, page by page.

        Raises:
            TransientError: Epicor cannot be asked now.
            PermanentError: Epicor does not understand the question in any form.
        """
        overlap = timedelta(minutes=self.rules.overlap_minutes)
        for place, form in enumerate(self.forms):
            pages = self._since(company, start_of(watermark, overlap, form))
            try:
                first = await anext(pages, None)
            except PermanentError as refused:
                if place + 1 == len(self.forms):
                    raise
                log.info("instant_form_refused", form=form, why=str(refused))
                continue
            self.forms = [form]
            if first is not None:
                yield read_each(APTranRow, first)
            async for page in pages:
                yield read_each(APTranRow, page)
            return

    async def transactions(self, company: str, keys: Sequence[InvoiceKey]) -> list[APTranRow | Unreadable]:
        """Every transaction of these invoices, at most `AT_ONCE` of them.

        Raises:
            TransientError, PermanentError: as `changed`.
        """
        names = self._columns("APTran")
        if self.rules.read == "GetRows":
            where = of_invoices(WHERE, keys, vendor="VendorNum", number="InvoiceNum")
            pages = self._search_pages(company, where)
        else:
            where = of_invoices(ODATA, keys, vendor=names["VendorNum"], number=names["InvoiceNum"])
            pages = self._set_pages(company, where, {})
        return [row async for page in pages for row in read_each(APTranRow, page)]

    async def cheques(self, company: str, heads: Sequence[int]) -> list[CheckHedRow]:
        """The payments of these keys, at most `AT_ONCE` of them."""
        if self.rules.read == "GetRows":
            clauses = {"CheckHed": of_heads(WHERE, heads), **dict.fromkeys(_OTHER_TABLES, "1=0")}
            path = f"{PAYMENT_ENTRY}/GetRows"
            pages = self._pages_of(company, path, table="CheckHed", clauses=clauses)
            return read_rows(CheckHedRow, [row async for page in pages for row in page])
        if self.rules.baq is not None:
            return await self._cheques_of_baq(company, heads, self.rules.baq)
        columns = tuple(CheckHedRow.model_fields)
        rows = await self._rows(
            company, f"{PAYMENT_ENTRY}/PaymentEntries", where=of_heads(ODATA, heads), select=columns, order="HeadNum"
        )
        return read_rows(CheckHedRow, rows)

    async def payables(self, company: str, keys: Sequence[InvoiceKey]) -> list[PayableRow | Unreadable]:
        """The headers of these invoices, at most `AT_ONCE` of them; one that is gone is missing."""
        if self.rules.read == "GetRows":
            where = of_invoices(WHERE, keys, vendor="VendorNum", number="InvoiceNum")
            path, clauses = f"{SEARCHES}/GetRows", {"APInvHed": where}
            pages = self._pages_of(company, path, table="APInvHed", clauses=clauses)
            return read_each(PayableRow, [row async for page in pages for row in page])
        where = of_invoices(ODATA, keys, vendor="VendorNum", number="InvoiceNum")
        columns = tuple(PayableRow.model_fields)
        path, order = f"{SEARCHES}/APInvSearches", "VendorNum,InvoiceNum"
        return read_each(PayableRow, await self._rows(company, path, where=where, select=columns, order=order))

    def _since(self, company: str, start: str) -> AsyncIterator[list[Row]]:
        if self.rules.read == "GetRows":
            return self._search_pages(company, changed_since(WHERE, "ChangeDate", start))
        if self.rules.baq is not None:
            # A BAQ is filtered after it has run; its parameter is what keeps it small (Epicor reference, 8.2).
            return self._set_pages(company, None, {self.rules.baq.since: start})
        return self._set_pages(company, changed_since(ODATA, "ChangeDate", start), {})

    async def _set_pages(
        self, company: str, where: str | None, parameters: Mapping[str, str]
    ) -> AsyncIterator[list[Row]]:
        """Pages in key order, each asked for by the key of the last row: rows that change meanwhile move nothing."""
        names = self._columns("APTran")
        path = f"BaqSvc/{self.rules.baq.id}/Data" if self.rules.baq else SETS[self.rules.read]
        select = () if self.rules.baq else tuple(names)
        last: str | None = None
        for _ in range(MOST_PAGES):
            both = f"{where} and {last}" if where and last else where or last
            order = ",".join(names[each] for each in _KEY)
            rows = await self._rows(company, path, where=both, select=select, order=order, parameters=parameters)
            if not rows:
                return
            page = [_renamed(row, names) for row in rows]
            yield page
            last = after(_key_of(page[-1], names))
        raise TransientError(f"Epicor {path}: there is no end to its pages.")

    async def _search_pages(self, company: str, where: str) -> AsyncIterator[list[Row]]:
        clauses = {"APTranSearch": where, "PaymentTotals": "1=0"}
        path = "Erp.BO.APTranSearchSvc/GetRows"
        async for rows in self._pages_of(company, path, table="APTranSearch", clauses=clauses):
            yield rows

    async def _pages_of(
        self, company: str, path: str, *, table: str, clauses: Mapping[str, str]
    ) -> AsyncIterator[list[Row]]:
        """The pages of GetRows, until it says that there are no more, or gives none or the same one again.

        Where they begin is not documented: 0 and 1 may be the same page, so both are asked for (Epicor reference, 8.2).
        """
        wheres = {f"whereClause{name}": clause for name, clause in clauses.items()}
        last: list[Row] = []
        for number in range(MOST_PAGES):
            params = {**wheres, "pageSize": str(PAGE), "absolutePage": str(number)}
            async with self.slots.hold():
                value: Any = await self.epicor.ask(company, path, params=params)
            rows = (value.get("returnObj") or {}).get(table) if isinstance(value, Mapping) else None
            if not isinstance(rows, list):
                raise TransientError(f"Epicor {path}: the answer holds no {table}.")
            if number > 1 and rows in ([], last):
                return
            if rows and rows != last:
                yield rows
                if (value.get("parameters") or {}).get("morePages") is False:
                    return
            last = rows
        raise TransientError(f"Epicor {path}: there is no end to its pages.")

    async def _cheques_of_baq(self, company: str, heads: Sequence[int], baq: PaymentBaq) -> list[CheckHedRow]:
        names = {name: baq.columns.get(f"CheckHed_{name}", f"CheckHed_{name}") for name in CheckHedRow.model_fields}
        head = self._columns("APTran")["HeadNum"]
        where = of_heads(ODATA, heads).replace("HeadNum", head)
        path, found = f"BaqSvc/{baq.id}/Data", dict[int, CheckHedRow]()
        last: str | None = None
        order = ",".join(self._columns("APTran")[each] for each in _KEY)
        for _ in range(MOST_PAGES):
            both = f"{where} and {last}" if last else where
            rows = await self._rows(company, path, where=both, select=(), order=order)
            found |= {row.HeadNum: row for row in read_rows(CheckHedRow, [_renamed(row, names) for row in rows])}
            if not rows:
                return list(found.values())
            names_of_rows = self._columns("APTran")
            last = after(_key_of(_renamed(rows[-1], names_of_rows), names_of_rows))
        raise TransientError(f"Epicor {path}: there is no end to its pages.")

    def _columns(self, table: str) -> dict[str, str]:
        """What the columns of a transaction are called where it is read."""
        baq = self.rules.baq
        if baq is None:
            return {name: name for name in APTranRow.model_fields}
        return {name: baq.columns.get(f"{table}_{name}", f"{table}_{name}") for name in APTranRow.model_fields}

    async def _rows(
        self,
        company: str,
        path: str,
        *,
        where: str | None,
        select: Sequence[str],
        order: str,
        parameters: Mapping[str, str] | None = None,
    ) -> list[Row]:
        given = {"$filter": where, "$select": ",".join(select), "$orderby": order, "$top": str(PAGE)}
        params = {**(parameters or {}), **{name: value for name, value in given.items() if value}}
        async with self.slots.hold():
            value: Any = await self.epicor.ask(company, path, params=params)
        rows = value.get("value") if isinstance(value, Mapping) else None
        if not isinstance(rows, list):
            raise TransientError(f"Epicor {path}: the answer holds no rows.")
        return rows


def _renamed(row: Row, names: Mapping[str, str]) -> Row:
    return {ours: row[theirs] for ours, theirs in names.items() if theirs in row}


def _key_of(row: Row, names: Mapping[str, str]) -> tuple[tuple[str, Any], ...]:
    """Where the next page goes on, by the names of the columns there.

    Raises:
        PermanentError: a column of the key holds nothing.
    """
    if missing := [names[each] for each in _KEY if row.get(each) is None]:
        raise PermanentError(f"Epicor APTran: look at the columns {', '.join(missing)}.")
    return tuple((names[each], row[each]) for each in _KEY)
