"""Asks Epicor about a document before anything is sent: its codes, orders, number, look-alikes. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from epicor_writer.checks import LONGEST_NUMBER, holds, in_epicor
from epicor_writer.coding import Chart
from epicor_writer.credit_notes import credit_number
from epicor_writer.draft import wanted
from epicor_writer.duplicates import near_duplicates
from epicor_writer.invoice import Draft
from epicor_writer.matching import match_orders
from epicor_writer.orders import given_back
from epicor_writer.ports import Ledger
from epicor_writer.reference import Reference, Vendor
from epicor_writer.templates import fill
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.company_rules import CompanyPair, LookUpTable
from mlc_common.connections import Connection
from mlc_common.order_lines import NOT_MATCHED, OrderMatch
from mlc_common.posting_rules import Action, Posting
from mlc_epicor.datasets import APInvoiceDataset


@dataclass(frozen=True)
class Case:
    """A document, the connection that it came by, and the ledger that it is for."""

    document: AccountingDocument
    connection: Connection
    ledger: Ledger

    @property
    def pair(self) -> CompanyPair | None:
        """The company pair of the document, if the connection has it."""
        return self.connection.document.pair(self.document.companyCode)

    @property
    def rules(self) -> Posting:
        """How the connection posts."""
        return self.connection.document.rules(self.pair)

    @property
    def tables(self) -> Mapping[str, LookUpTable]:
        """The connection's look-up tables."""
        return self.connection.document.tables


@dataclass(frozen=True)
class Before:
    """An AP invoice of ours that Epicor holds from an earlier transfer: what it took of orders is not left any more."""

    match: OrderMatch | None = None
    """Its purchase-order lines, when the document names the same ones still."""
    held: APInvoiceDataset | None = None


@dataclass(frozen=True)
class Checked:
    """What Epicor knows of the document's codes, what is wrong with them, and why to enter it on hold."""

    reference: Reference = field(default_factory=Reference)
    findings: tuple[Finding, ...] = ()
    holds: tuple[Finding, ...] = ()
    match: OrderMatch = NOT_MATCHED


async def check(case: Case, *, apply_date: date | None, before: Before) -> Checked:
    """Ask Epicor about the document's codes; bad news is never old news.

    Args:
        before: the purchase-order lines it was sent with, or the invoice whose place it is to take.
    """
    if case.pair is None:
        return Checked()
    codes = wanted(case.document, case.pair, case.rules, apply_date=apply_date, tables=case.tables)
    chart = Chart(case.pair, case.tables, apply_date)
    for fresh in (False, True):
        reference = await case.ledger.reference(codes, fresh=fresh)
        if before.held is not None:
            reference = replace(reference, orders=given_back(reference.orders, before.held))
        made = before.match or match_orders(case.document, case.pair, case.rules, reference)
        findings = in_epicor(case.document, chart, case.rules, reference, match=made)
        held_for = holds(case.document, case.pair, case.rules, reference)
        if not findings and not held_for:
            break
    return Checked(reference, findings, held_for, made)


async def numbered(draft: Draft, vendor: Vendor, case: Case) -> Draft:
    """A credit note under the number it gets: with the suffix where an invoice of the supplier has its own already."""
    if draft.credit:
        held = await case.ledger.look_up(draft.pair.epicor, vendor.num, draft.invoice_num)
        draft = replace(draft, invoice_num=credit_number(draft, held, suffix=case.rules.credit_notes.suffix))
    return await credited(draft, vendor, case)


async def alike(draft: Draft, case: Case) -> tuple[Finding, ...]:
    """An invoice that Epicor holds in one of the connection's companies and that looks like this one."""
    if case.rules.near_duplicates is Action.POST:
        return ()
    companies = sorted({pair.epicor for pair in case.connection.document.companies})
    return near_duplicates(draft, await case.ledger.alike(companies, case.document.supplierCode.strip(), draft.total))


async def credited(draft: Draft, vendor: Vendor, case: Case) -> Draft:
    """A credit note with the number of the invoice it credits, if Epicor holds that one."""
    number = fill(case.rules.credit_notes.reference, case.document.value)[:LONGEST_NUMBER]
    if not draft.credit or not number:
        return draft
    original = await case.ledger.look_up(draft.pair.epicor, vendor.num, number)
    if original is None or original.header.DebitMemo:
        return draft.told(finding("ORIGINAL_NOT_FOUND", number=number))
    return replace(draft, reference=number)
