"""What an accounting document is to become in the ledger, before Epicor's own keys are known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from epicor_writer import kinds
from epicor_writer.apply_dates import apply_date_of
from epicor_writer.checks import in_the_document, terms_code
from epicor_writer.coding import Chart
from epicor_writer.draft_lines import draft_lines
from epicor_writer.exchange import currency_of, rate_of
from epicor_writer.invoice import Draft, Line
from epicor_writer.normal import as_entered
from epicor_writer.order_rows import order_numbers
from epicor_writer.reference import Wanted
from epicor_writer.taxes import TaxLine, tax_lines, tax_sum
from epicor_writer.templates import cut, extra_columns, fill
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding
from mlc_common.company_rules import CompanyPair, LookUpTable
from mlc_common.order_lines import NOT_MATCHED, OrderMatch
from mlc_common.posting_rules import Posting

LONGEST_DESCRIPTION = 50
"""Characters; the width is not documented, so it is kept short. The whole text stays in Basware. A payment reference is
never cut: half of one is a wrong one."""

Tables = Mapping[str, LookUpTable]
NO_TABLES: Tables = {}


def to_draft(
    document: AccountingDocument,
    pair: CompanyPair | None,
    posting: Posting,
    *,
    today: date,
    tables: Tables = NO_TABLES,
    apply_date: date | None = None,
    match: OrderMatch = NOT_MATCHED,
) -> Draft | tuple[Finding, ...]:
    """What a document is to become, or everything that is wrong with it.

    Args:
        tables: the connection's look-up tables.
        apply_date: the day it was meant for before; else the connection's rule tells.
        match: what the rows that name purchase orders become.
    """
    if apply_date is not None:
        # What was sent before is found out by its own day, also when its period was closed since.
        posting = posting.model_copy(update={"open_from": None})
    day = apply_date or apply_date_of(document, posting, today=today)
    chart = None if pair is None else Chart(pair, tables, day)
    findings = in_the_document(document, chart, posting, apply_date=day, match=match)
    if findings or chart is None or day is None or document.invoiceDate is None or document.grossSum is None:
        return findings
    entered, meant, pair = as_entered(document, posting), kinds.type_of(document, posting), chart.pair
    total = abs(document.grossSum)
    taxes, lines = _taxes(entered, pair), draft_lines(entered, chart, posting, match)
    return Draft(
        pair=pair,
        invoice_id=document.invoiceId,
        invoice_num=(document.invoiceNumber or "").strip(),
        invoice_date=document.invoiceDate,
        apply_date=day,
        due_date=document.dueDate,
        terms=terms_code(document, pair),
        currency=currency_of(document, pair),
        total=total,
        description=cut(fill(posting.description, document.value), LONGEST_DESCRIPTION),
        link=fill(posting.external_link, document.value) if posting.external_link else None,
        hold=document.paymentBlock,
        lines=_with_residue(lines, total - tax_sum(taxes) - sum(line.amount for line in lines)),
        taxes=taxes if posting.tax == "as given" else (),
        credit=kinds.is_credit(document, posting),
        payment_reference=fill(posting.reference or "", document.value),
        document_type=meant.document_type if meant else None,
        rate=rate_of(entered, pair, posting),
        rate_group=posting.exchange_rates.rate_group,
        computes_tax=posting.tax == "epicor computes",
        tax_region=pair.tax_region,
        orders=match,
        remarks=match.remarks,
        extra=extra_columns(posting.header_fields, document.value),
    ).held_back(())


def wanted(
    document: AccountingDocument,
    pair: CompanyPair,
    posting: Posting,
    *,
    apply_date: date | None = None,
    tables: Tables = NO_TABLES,
) -> Wanted:
    """The codes that Epicor must know; also of a document that has other faults."""
    document, chart = as_entered(document, posting), Chart(pair, tables, apply_date)
    accounts = (chart.account(row) for row in document.codingRows)
    taxes = tax_lines(document, pair.tax_codes) if posting.tax == "as given" else ()
    terms = terms_code(document, pair)
    return Wanted(
        company=pair.epicor,
        chart=pair.chart,
        vendor_id=document.supplierCode.strip(),
        accounts=frozenset(account.internal for account in accounts if account),
        taxes=frozenset(line.code for line in taxes if line.code),
        terms=frozenset({terms} if terms else ()),
        validate_on=apply_date if posting.validate_accounts else None,
        orders=order_numbers(document),
    )


def _taxes(document: AccountingDocument, pair: CompanyPair) -> tuple[TaxLine, ...]:
    lines = tax_lines(document, pair.tax_codes)
    residue = tax_sum(lines) if document.taxSum1 is None else document.taxSum1
    residue -= tax_sum(lines)
    if not residue or not lines:
        return lines
    largest = max(lines, key=lambda line: abs(line.amount))
    return tuple(replace(line, amount=line.amount + residue) if line is largest else line for line in lines)


def _with_residue(lines: tuple[Line, ...], residue: Decimal) -> tuple[Line, ...]:
    """The lines with an accepted gap put on the largest one, so that the control total is met."""
    if not residue or not lines:
        return lines
    largest = max(lines, key=lambda line: abs(line.amount))
    return tuple(_with_more(line, residue) if line is largest else line for line in lines)


def _with_more(line: Line, residue: Decimal) -> Line:
    if not line.shares:
        return replace(line, amount=line.amount + residue)
    largest = max(line.shares, key=lambda share: abs(share.amount))
    shares = tuple(
        replace(share, amount=share.amount + residue) if share is largest else share for share in line.shares
    )
    return replace(line, amount=line.amount + residue, shares=shares)
