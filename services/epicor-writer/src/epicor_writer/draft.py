"""What an accounting document is to become in the ledger, before Epicor's own keys are known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from epicor_writer import kinds
from epicor_writer.apply_dates import apply_date_of
from epicor_writer.checks import in_the_document, terms_code
from epicor_writer.coding import Chart, rows_in_order
from epicor_writer.exchange import currency_of, rate_of
from epicor_writer.invoice import Draft, Line, Share
from epicor_writer.normal import as_entered
from epicor_writer.reference import Wanted
from epicor_writer.taxes import TaxLine, epicor_code, tax_lines, tax_sum
from epicor_writer.templates import Value, cut, extra_columns, fill, of_line
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.catalogue import Finding
from mlc_common.company_rules import CompanyPair, LookUpTable
from mlc_common.posting_rules import Posting

LONGEST_DESCRIPTION = 50
LONGEST_LINE_DESCRIPTION = 200
"""Characters; the widths are not documented, so both are kept short. The whole text stays in Basware. A payment
reference is never cut: half of one is a wrong one."""

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
) -> Draft | tuple[Finding, ...]:
    """What a document is to become, or everything that is wrong with it.

    Args:
        tables: the connection's look-up tables.
        apply_date: the day it was meant for before; else the connection's rule tells.
    """
    if apply_date is not None:
        # What was sent before is found out by its own day, also when its period was closed since.
        posting = posting.model_copy(update={"open_from": None})
    day = apply_date or apply_date_of(document, posting, today=today)
    chart = None if pair is None else Chart(pair, tables, day)
    findings = in_the_document(document, chart, posting, apply_date=day)
    if findings or chart is None or day is None or document.invoiceDate is None or document.grossSum is None:
        return findings
    entered, meant, pair = as_entered(document, posting), kinds.type_of(document, posting), chart.pair
    total = abs(document.grossSum)
    taxes, lines = _taxes(entered, pair), _lines(entered, chart, posting)
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
        extra=extra_columns(posting.header_fields, document.value),
    )


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
    )


def _taxes(document: AccountingDocument, pair: CompanyPair) -> tuple[TaxLine, ...]:
    lines = tax_lines(document, pair.tax_codes)
    residue = tax_sum(lines) if document.taxSum1 is None else document.taxSum1
    residue -= tax_sum(lines)
    if not residue or not lines:
        return lines
    largest = max(lines, key=lambda line: abs(line.amount))
    return tuple(replace(line, amount=line.amount + residue) if line is largest else line for line in lines)


def _lines(document: AccountingDocument, chart: Chart, posting: Posting) -> tuple[Line, ...]:
    header = fill("{description}", document.value) or fill("{supplierName} {invoiceNumber}", document.value)
    found = []
    for _, row in rows_in_order(document):
        account = chart.account(row)
        if account is not None and row.netTotal is not None:
            line = _line(of_line(row, document), Share(row.netTotal, account), header=header, posting=posting)
            found.append(replace(line, tax_category=_category(row, chart.pair, posting)))
    some = tuple(line for line in found if line.amount)
    return some if some and posting.zero_rows == "leave out" else tuple(found)


def _line(value: Value, share: Share, *, header: str, posting: Posting) -> Line:
    text = fill(posting.line_description, value) or header
    extra = extra_columns(posting.line_fields, value)
    return Line(share.amount, (share,), cut(text, LONGEST_LINE_DESCRIPTION), extra=extra)


def _category(row: CodingRow, pair: CompanyPair, posting: Posting) -> str | None:
    if posting.tax != "epicor computes":
        return None
    return epicor_code(row.taxCode, row.taxPercent, pair.tax_categories, otherwise="") or None


def _with_residue(lines: tuple[Line, ...], residue: Decimal) -> tuple[Line, ...]:
    """The lines with an accepted gap put on the largest one, so that the control total is met."""
    if not residue or not lines:
        return lines
    largest = max(lines, key=lambda line: abs(line.amount))
    return tuple(_with_more(line, residue) if line is largest else line for line in lines)


def _with_more(line: Line, residue: Decimal) -> Line:
    largest = max(line.shares, key=lambda share: abs(share.amount))
    shares = tuple(
        replace(share, amount=share.amount + residue) if share is largest else share for share in line.shares
    )
    return replace(line, amount=line.amount + residue, shares=shares)
