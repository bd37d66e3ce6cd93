"""What an accounting document is to become in the ledger, before Epicor's own keys are known. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

from epicor_writer import coding
from epicor_writer.checks import in_the_document, terms_code
from epicor_writer.invoice import Draft, Line, Share
from epicor_writer.reference import Wanted
from epicor_writer.taxes import TaxLine, tax_lines, tax_sum
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding
from mlc_common.company_rules import CompanyPair
from mlc_common.posting_rules import ApplyDate, Posting

LONGEST_DESCRIPTION = 50
LONGEST_LINE_DESCRIPTION = 200
"""Characters; the widths are not documented, so both are kept short. The whole text stays in Basware."""


def to_draft(
    document: AccountingDocument, pair: CompanyPair | None, posting: Posting, *, today: date
) -> Draft | tuple[Finding, ...]:
    """What a document is to become, or everything that is wrong with it."""
    findings = in_the_document(document, pair, posting)
    apply_date = apply_date_of(document, posting, today=today)
    if findings or pair is None or apply_date is None or document.invoiceDate is None or document.grossSum is None:
        return findings
    taxes = () if posting.tax == "none" else _taxes(document, pair)
    lines = _lines(document, pair)
    return Draft(
        pair=pair,
        invoice_id=document.invoiceId,
        invoice_num=(document.invoiceNumber or "").strip(),
        invoice_date=document.invoiceDate,
        apply_date=apply_date,
        due_date=document.dueDate,
        terms=terms_code(document, pair),
        currency=document.currencyCode,
        total=document.grossSum,
        description=_cut(fill(posting.description, document), LONGEST_DESCRIPTION),
        link=fill(posting.external_link, document) if posting.external_link else None,
        hold=document.paymentBlock,
        lines=_with_residue(lines, document.grossSum - tax_sum(taxes) - sum(line.amount for line in lines)),
        taxes=taxes,
    )


def apply_date_of(document: AccountingDocument, posting: Posting, *, today: date) -> date | None:
    """The day that picks the fiscal period, by the connection's rule; None when the document lacks it."""
    match posting.apply_date:
        case ApplyDate.INVOICE_DATE | ApplyDate.FIRST_OPEN_DAY:
            return document.invoiceDate
        case ApplyDate.VOUCHER_DATE:
            return document.voucherDate
        case ApplyDate.TODAY:
            return today


def wanted(document: AccountingDocument, pair: CompanyPair, posting: Posting) -> Wanted:
    """The codes that Epicor must know; also of a document that has other faults."""
    accounts = (coding.account(row, pair) for row in document.codingRows)
    taxes = tax_lines(document, pair.tax_codes) if posting.tax == "as given" else ()
    terms = terms_code(document, pair)
    return Wanted(
        company=pair.epicor,
        chart=pair.chart,
        vendor_id=document.supplierCode.strip(),
        accounts=frozenset(account.internal for account in accounts if account),
        taxes=frozenset(line.code for line in taxes if line.code),
        terms=frozenset({terms} if terms else ()),
    )


def fill(template: str, document: AccountingDocument) -> str:
    """A template with {member} replaced by the document's members; blanks left by missing ones are closed up."""
    text = re.sub(r"\{(\w+)\}", lambda match: document.value(match[1]) or "", template)
    return " ".join(text.split())


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _taxes(document: AccountingDocument, pair: CompanyPair) -> tuple[TaxLine, ...]:
    lines = tax_lines(document, pair.tax_codes)
    residue = tax_sum(lines) if document.taxSum1 is None else document.taxSum1
    residue -= tax_sum(lines)
    if not residue or not lines:
        return lines
    largest = max(lines, key=lambda line: abs(line.amount))
    return tuple(replace(line, amount=line.amount + residue) if line is largest else line for line in lines)


def _lines(document: AccountingDocument, pair: CompanyPair) -> tuple[Line, ...]:
    header = fill("{description}", document) or fill("{supplierName} {invoiceNumber}", document)
    found = []
    for _, row in coding.rows_in_order(document):
        account = coding.account(row, pair)
        if account is not None and row.netTotal is not None:
            text = row.value("accountName") or header
            shares = (Share(row.netTotal, account),)
            found.append(Line(row.netTotal, shares, _cut(text, LONGEST_LINE_DESCRIPTION)))
    return tuple(found)


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
