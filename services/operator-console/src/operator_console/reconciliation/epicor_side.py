"""Epicor's side: the headers of AP invoices in a window that may be ours, and single ones by their key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from sys import intern
from typing import Any

import structlog
from pydantic import ValidationError

from mlc_common.failures import PermanentError
from mlc_epicor.client import EpicorClient, Row
from mlc_epicor.datasets import APInvHedRow, Flag, Money
from mlc_epicor.odata import both, equals, literal
from mlc_epicor.questions_about_payments import after
from mlc_epicor.slots import Slots
from operator_console.reconciliation.invoice_sides import Claim, InEpicor, same
from operator_console.reconciliation.judging_epicor import is_our_group
from operator_console.reconciliation.patience import PAUSES, patiently

log = structlog.stdlib.get_logger(__name__)

SEARCHES = "Erp.BO.APInvSearchSvc/APInvSearches"
"""The light service (Epicor reference, uniqueness, ambiguity, looking up)."""

PAGE = 100
KEYS_AT_ONCE = 12
"""Pairs of vendor and number in one filter; keeps an address under two kilobytes."""

COLUMNS = (
    *("VendorNum", "InvoiceNum", "InvoiceDate", "ApplyDate", "CurrencyCode", "DocInvoiceAmt", "DocInvoiceVendorAmt"),
    *("DocInvoiceBal", "OpenPayable", "DebitMemo", "InvoiceHeld", "Posted", "ExternalID", "GroupID", "EntryPerson"),
)


class _Header(APInvHedRow):
    DocInvoiceBal: Money = None
    OpenPayable: Flag = False


@dataclass(frozen=True)
class Window:
    """Days, both included."""

    first: date
    last: date


@dataclass
class EpicorBooks:
    """One connection's Epicor; every call is made under a slot. Remembers which question its Epicor takes.

    Attributes:
        user: Epicor's name of our own user; None where a token signs in.
    """

    client: EpicorClient
    slots: Slots
    user: str | None
    pauses: Sequence[float] = PAUSES
    questions: list[tuple[str, bool]] = field(
        default_factory=lambda: [("", True), ("Z", True), ("", False), ("Z", False)]
    )
    """Forms of the filter still in question: what follows an instant, and whether marks of ours are asked for."""

    async def invoices(self, company: str, window: Window, *, prefix: str) -> AsyncIterator[list[InEpicor]]:
        """AP invoices whose apply or invoice date lies in the window and that bear a mark of ours, page by page.

        How a filter writes an instant is not documented, and a tenant may not take every function (Epicor reference,
        OData syntax): what it refuses is asked otherwise.

        Raises:
            TransientError: Epicor cannot be asked now.
            PermanentError: Epicor takes the question in no form, or its answer cannot be read.
        """
        while True:
            zone, marks = self.questions[0]
            where = both(_dated(window, zone), self._marked(prefix) if marks else None) or ""
            pages = self._pages(company, where)
            try:
                first = await anext(pages, None)
            except PermanentError as refused:
                if len(self.questions) == 1:
                    raise
                log.info("question_refused", why=str(refused))
                del self.questions[0]
                continue
            del self.questions[1:]
            if first is not None:
                yield [row for row in first if self._bears_a_mark(row, prefix)]
            async for page in pages:
                yield [row for row in page if self._bears_a_mark(row, prefix)]
            return

    async def of_claims(self, claims: Sequence[Claim]) -> list[InEpicor]:
        """The AP invoices of one company that stand under these keys.

        Raises:
            TransientError, PermanentError: as `invoices`.
        """
        found: list[InEpicor] = []
        for start in range(0, len(claims), KEYS_AT_ONCE):
            some = claims[start : start + KEYS_AT_ONCE]
            keys = (f"({equals('VendorNum', c.vendor_num)} and {equals('InvoiceNum', c.number)})" for c in some)
            found += await self._rows(some[0].company, f"({' or '.join(keys)})")
        return found

    async def of_documents(self, company: str, invoice_ids: Sequence[str]) -> list[InEpicor]:
        """The AP invoices of a company that carry these Basware ids, as far as Epicor keeps them whole.

        Raises:
            TransientError, PermanentError: as `invoices`.
        """
        found: list[InEpicor] = []
        for start in range(0, len(invoice_ids), KEYS_AT_ONCE):
            some = invoice_ids[start : start + KEYS_AT_ONCE]
            found += await self._rows(company, "(" + " or ".join(equals("ExternalID", each) for each in some) + ")")
        return found

    async def _pages(self, company: str, where: str) -> AsyncIterator[list[InEpicor]]:
        """By key, so that what is entered meanwhile moves nothing; until a page is empty."""
        last: str | None = None
        while True:
            rows = await self._asked(company, both(where, last) or where)
            if not rows:
                return
            yield [_row(company, row) for row in rows]
            vendor, number = int(rows[-1]["VendorNum"]), str(rows[-1]["InvoiceNum"])
            last = after((("VendorNum", vendor), ("InvoiceNum", number)))

    async def _rows(self, company: str, where: str) -> list[InEpicor]:
        return [row async for page in self._pages(company, where) for row in page]

    async def _asked(self, company: str, where: str) -> list[Row]:
        return await patiently(partial(self._page, company, where), self.pauses)

    async def _page(self, company: str, where: str) -> list[Row]:
        async with self.slots.hold():
            return await self.client.rows(
                company, SEARCHES, where=where, select=COLUMNS, order_by="VendorNum,InvoiceNum", top=PAGE
            )

    def _bears_a_mark(self, row: InEpicor, prefix: str) -> bool:
        return bool(row.external_id) or is_our_group(row.group, prefix) or same(row.entered_by, self.user or "-")

    def _marked(self, prefix: str) -> str:
        marks = [f"startswith(GroupID,{literal(prefix)})", "ExternalID ne ''"]
        if self.user:
            marks.append(equals("EntryPerson", self.user))
        return f"({' or '.join(marks)})"


def _dated(window: Window, zone: str) -> str:
    first, after = (f"{day.isoformat()}T00:00:00{zone}" for day in (window.first, window.last + timedelta(days=1)))
    columns = (f"({column} ge {first} and {column} lt {after})" for column in ("ApplyDate", "InvoiceDate"))
    return f"({' or '.join(columns)})"


def _row(company: str, row: dict[str, Any]) -> InEpicor:
    try:
        header = _Header.model_validate(row)
    except ValidationError as error:
        columns = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
        raise PermanentError(f"Epicor {SEARCHES}: look at the columns {columns}.") from error
    return InEpicor(
        company=intern(company),
        vendor_num=header.VendorNum,
        number=header.InvoiceNum.strip(),
        currency=intern(header.CurrencyCode),
        total=header.DocInvoiceAmt or Decimal(0),
        external_id=header.ExternalID.strip(),
        group=intern(header.GroupID),
        entered_by=intern(header.EntryPerson),
        control=header.DocInvoiceVendorAmt,
        balance=header.DocInvoiceBal,
        day=header.InvoiceDate,
        apply_date=header.ApplyDate,
        debit_memo=header.DebitMemo,
        posted=header.Posted,
        held=header.InvoiceHeld,
        open=header.OpenPayable,
    )
