"""Reads the three sides of one connection and judges every invoice; bounded by one small value per invoice and side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mlc_basware.client import BaswareClient
from mlc_common.connections import Connection
from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import FailureError
from operator_console.reconciliation import basware_side
from operator_console.reconciliation.books import Books
from operator_console.reconciliation.deep import Expect, Sample, look
from operator_console.reconciliation.epicor_side import EpicorBooks, Window
from operator_console.reconciliation.invoice_sides import Case, Here, InBasware, Rules, Side, same
from operator_console.reconciliation.kind import Break
from operator_console.reconciliation.reconciling import company_of, in_motion, judge
from operator_console.reconciliation.stream_side import StreamSide
from operator_console.reconciliation.sums import Line, Sums

AT_ONCE = 4
"""Documents that are asked for singly at the same time."""


@dataclass(frozen=True)
class Scope:
    """What is reconciled: days in Epicor, the same as moments elsewhere, and a company of either side or all."""

    window: Window
    first: datetime
    until: datetime
    company: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came out of one connection; `incomplete` says which reads failed half-way, and why."""

    connection: str
    lines: tuple[Line, ...]
    breaks: tuple[Break, ...]
    invoices: int
    moving: int
    incomplete: tuple[str, ...]


@dataclass
class Reconciliation:
    """One connection's reconciliation."""

    connection: Connection
    scope: Scope
    rules: Rules
    basware: BaswareClient
    epicor: EpicorBooks
    stream: StreamSide
    books: Books = field(default_factory=Books)
    sums: Sums = field(default_factory=Sums)
    breaks: list[Break] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    invoices: int = 0
    moving: int = 0
    judged: set[str] = field(default_factory=set)
    sample: Sample = field(default_factory=lambda: Sample(0))
    expect: Expect | None = None

    async def run(self) -> Outcome:
        """Read the far sides first and ours last: what is answered meanwhile is in motion, and not judged."""
        await asyncio.gather(self._read_basware(), self._read_epicor())
        try:
            await self.stream.catch_up()
            async for batch in self.stream.between(self.scope.first, self.scope.until):
                await self._judge(batch)
            await self._known_otherwise()
        except (FailureError, *DATABASE_ERRORS) as error:
            self._fails(Side.HERE, error)
        if Side.HERE not in self.books.unsure:
            for case in self.books.left():
                self._settle(case)
        await self._look_deep()
        self.breaks.sort(
            key=lambda each: (each.company, each.group, each.code, each.invoice_id or "", each.number or "")
        )
        return Outcome(
            self.connection.name,
            tuple(self.sums.lines()),
            tuple(self.breaks),
            self.invoices,
            self.moving,
            tuple(self.incomplete),
        )

    async def _read_basware(self) -> None:
        try:
            async for document in basware_side.documents(
                self.basware, since=self.scope.first, pauses=self.epicor.pauses
            ):
                self.books.basware[document.invoice_id] = document
        except FailureError as error:
            self._fails(Side.BASWARE, error)

    async def _read_epicor(self) -> None:
        for company in self._companies():
            await self._read_company(company)

    async def _read_company(self, company: str) -> None:
        prefix = (self.rules.prefixes or {}).get(company, "")
        try:
            async for page in self.epicor.invoices(company, self.scope.window, prefix=prefix):
                self.books.add(page)
        except (FailureError, *DATABASE_ERRORS) as error:
            self._fails(Side.EPICOR, error, company=company)

    async def _known_otherwise(self) -> None:
        """Documents that the window here does not hold, but a far side does."""
        ids = [each for each, document in self.books.basware.items() if self._is_in_window(document)]
        await self._judge_known(ids)
        rows = list(self.books.by_key.values())
        named = [row.external_id for row in rows if row.external_id]
        claimants = await self.stream.claimants(rows)
        await self._judge_known(sorted({*named, *claimants}))

    async def _judge_known(self, ids: Sequence[str]) -> None:
        async for batch in self.stream.known(ids):
            await self._judge(batch)

    async def _judge(self, read: Sequence[Here]) -> None:
        batch = [here for here in read if here.invoice_id not in self.judged]
        self.judged.update(here.invoice_id for here in batch)
        await self._complete(batch)
        for here in batch:
            self._settle(self.books.take(here))

    async def _look_deep(self) -> None:
        epicor = self.epicor
        try:
            self.breaks += await look(
                self.sample, epicor.client, epicor.slots, rules=self.rules, pauses=epicor.pauses, expect=self.expect
            )
        except (FailureError, *DATABASE_ERRORS) as error:
            self._fails(Side.EPICOR, error)

    def _settle(self, case: Case) -> None:
        """Count one invoice and tell its breaks, if it is of the company asked for and of the window."""
        if not self._is_asked_for(case):
            return
        found = judge(case, self.rules)
        if case.here is None and not found and case.basware is None:
            return  # somebody else's AP invoice
        self.invoices += 1
        self.moving += in_motion(case, self.rules)
        self.sums.add(case, self.rules)
        self.breaks += found
        if not found and not in_motion(case, self.rules):
            self.sample.offer(case)

    def _is_asked_for(self, case: Case) -> bool:
        if case.here is None and case.basware is not None:
            known = case.basware.company in self.rules.companies
            if not known or not self._is_in_window(case.basware):
                return False
        if self.scope.company is None:
            return True
        one = case.here or case.basware
        return same(company_of(case, self.rules), self.scope.company) or (
            one is not None and same(one.company, self.scope.company)
        )

    def _is_in_window(self, document: InBasware) -> bool:
        return document.changed is None or document.changed < self.scope.until

    async def _complete(self, batch: Sequence[Here]) -> None:
        """Ask singly for what the lists did not show; what Basware or Epicor lack then is really absent."""
        missing = [here for here in batch if here.invoice_id not in self.books.basware]
        if Side.BASWARE not in self.books.unsure:
            await self._ask_basware([here.invoice_id for here in missing])
        for company in self._companies():
            if company not in self.books.unsure_companies:
                await self._ask_epicor(company, [here for here in batch if self._lacks(here)])

    def _lacks(self, here: Here) -> bool:
        return bool(here.claims) and not self.books.rows_of(here.invoice_id, here)

    async def _ask_basware(self, ids: Sequence[str]) -> None:
        try:
            for start in range(0, len(ids), AT_ONCE):
                asked = (
                    basware_side.document(self.basware, each, pauses=self.epicor.pauses)
                    for each in ids[start : start + AT_ONCE]
                )
                for document in await asyncio.gather(*asked, return_exceptions=True):
                    if isinstance(document, BaseException):
                        raise document
                    if document is not None:
                        self.books.basware[document.invoice_id] = document
        except FailureError as error:
            self._fails(Side.BASWARE, error)

    async def _ask_epicor(self, company: str, lacking: Sequence[Here]) -> None:
        """By the keys they claim, then by their ids, should people have changed the key."""
        claims = [claim for here in lacking for claim in here.claims if claim.company == company]
        if not claims:
            return
        try:
            self.books.add(await self.epicor.of_claims(claims))
            ids = [here.invoice_id for here in lacking if self._lacks(here)]
            self.books.add(await self.epicor.of_documents(company, ids))
        except (FailureError, *DATABASE_ERRORS) as error:
            self._fails(Side.EPICOR, error, company=company)

    def _companies(self) -> tuple[str, ...]:
        """Epicor's companies that are asked for."""
        asked = self.scope.company
        pairs = self.connection.document.companies
        found = (
            pair.epicor for pair in pairs if asked is None or same(pair.epicor, asked) or same(pair.basware, asked)
        )
        return tuple(dict.fromkeys(found))

    def _fails(self, side: Side, error: Exception, *, company: str | None = None) -> None:
        if company is None:
            self.books.unsure.add(side)
        else:
            self.books.unsure_companies.add(company)
        where = f"{side} {company}" if company else str(side)
        why = (
            str(error) if isinstance(error, FailureError) else f"the database does not answer ({type(error).__name__})"
        )
        self.incomplete.append(f"{where}: {why}")
