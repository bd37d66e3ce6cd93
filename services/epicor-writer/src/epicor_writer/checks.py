"""Every reason not to post an accounting document, all at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from epicor_writer import coding, exchange, kinds, taxes
from epicor_writer.apply_dates import apply_date_findings
from epicor_writer.coding import Chart
from epicor_writer.matching import match_orders
from epicor_writer.normal import as_entered
from epicor_writer.order_accounts import left_to_epicor, unmatched
from epicor_writer.reference import Reference, same_key
from epicor_writer.templates import column_findings
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.company_rules import CompanyPair
from mlc_common.order_lines import NOT_MATCHED, OrderMatch
from mlc_common.posting_rules import Action, Posting

LONGEST_NUMBER = 50
"""Characters of an Epicor invoice number (Epicor reference, AP invoice data model)."""


def in_the_document(
    document: AccountingDocument,
    chart: Chart | None,
    posting: Posting,
    *,
    apply_date: date | None,
    match: OrderMatch = NOT_MATCHED,
) -> tuple[Finding, ...]:
    """What is wrong with the document itself, before Epicor is asked anything; no chart means no such company.

    Args:
        match: what its rows are matched with in purchase orders; what is wrong with that is part of the answer.
    """
    entered = as_entered(document, posting)
    pair = chart.pair if chart else None
    found = [
        *_header(document, posting),
        *apply_date_findings(document, posting, apply_date),
        *_sums(entered, posting, pair),
        *column_findings(entered, posting),
    ]
    if chart is None:
        return (finding("UNKNOWN_COMPANY", field="companyCode", company=document.companyCode), *found)
    found += exchange.exchange_findings(entered, chart.pair, posting)
    return (*found, *_rows(entered, chart, posting, match), *unmatched(entered, match, company=chart.pair.epicor))


def in_epicor(
    document: AccountingDocument, chart: Chart, posting: Posting, known: Reference, *, match: OrderMatch | None = None
) -> tuple[Finding, ...]:
    """What is wrong with the document's codes and its purchase orders, by what Epicor knows.

    Args:
        match: what its rows are matched with in purchase orders; None works it out.
    """
    pair = chart.pair
    match = match_orders(document, pair, posting, known) if match is None else match
    document = as_entered(document, posting)
    return (
        *_vendor(document, pair, known, posting),
        *_accounts(document, chart, known, without=left_to_epicor(document, chart, posting, match)),
        *(_tax_codes(document, pair, known) if posting.tax == "as given" else ()),
        *_terms(document, pair, known),
        *match.findings,
    )


def holds(document: AccountingDocument, pair: CompanyPair, posting: Posting, known: Reference) -> tuple[Finding, ...]:
    """Why the document is entered on hold, for a person to release; nothing here keeps it from being entered."""
    if posting.vendor_on_hold is Action.HOLD and known.vendor is not None and known.vendor.on_hold:
        return (_on_hold(document, pair),)
    return ()


def terms_code(document: AccountingDocument, pair: CompanyPair) -> str | None:
    """Epicor's payment terms for the document, or None when Basware names none."""
    given = (document.paymentTermCode or "").strip()
    return pair.terms.get(given, given) or None


def _header(document: AccountingDocument, posting: Posting) -> Iterator[Finding]:
    number = (document.invoiceNumber or "").strip()
    if not number:
        yield finding("NO_INVOICE_NUMBER", field="invoiceNumber")
    if len(number) > LONGEST_NUMBER:
        yield finding("NUMBER_TOO_LONG", field="invoiceNumber", number=number)
    if document.invoiceDate is None:
        yield finding("NO_INVOICE_DATE", field="invoiceDate")
    if document.grossSum is None:
        yield finding("NO_TOTAL", field="grossSum")
    yield from kinds.kind_findings(document, posting)
    if document.prebooked and posting.prebooking == "off":
        yield finding("PREBOOKED", field="prebooked")


def _sums(document: AccountingDocument, posting: Posting, pair: CompanyPair | None) -> Iterator[Finding]:
    if not document.codingRows:
        yield finding("NO_CODING_ROWS", field="codingRows")
        return
    currency, rows = document.currencyCode, taxes.row_sum(document)
    net = rows if document.netSum is None else document.netSum
    if abs(net - rows) > posting.tolerance:
        yield finding("ROWS_DO_NOT_ADD_UP", field="netSum", rows=rows, header=net, currency=currency)
    lines = taxes.tax_lines(document, pair.tax_codes if pair else {})
    row_tax = taxes.tax_sum(lines)
    tax = row_tax if document.taxSum1 is None else document.taxSum1
    if abs(tax - row_tax) > posting.tolerance:
        yield finding("TAX_DOES_NOT_ADD_UP", field="taxSum1", rows=row_tax, header=tax, currency=currency)
    yield from _tax_findings(document, posting, lines, tax)
    if document.grossSum is not None and abs(net + tax - document.grossSum) > posting.tolerance:
        values = {"net": net, "tax": tax, "gross": document.grossSum, "currency": currency}
        yield finding("TOTAL_DOES_NOT_ADD_UP", field="grossSum", **values)


def _tax_findings(
    document: AccountingDocument, posting: Posting, lines: tuple[taxes.TaxLine, ...], tax: Decimal
) -> Iterator[Finding]:
    currency = document.currencyCode
    if second := taxes.second_tax(document):
        yield finding("SECOND_TAX", field="taxSum2", tax=second, currency=currency)
    if posting.tax == "none":
        if tax or any(line.amount for line in lines):
            yield finding("TAX_NOT_EXPECTED", field="taxSum1", tax=tax, currency=currency)
        return
    if posting.tax == "epicor computes":
        return
    without = sum((line.amount for line in lines if not line.code), taxes.ZERO)
    if without:
        yield finding("TAX_WITHOUT_CODE", field="taxCode", tax=without, currency=currency)


def _rows(document: AccountingDocument, chart: Chart, posting: Posting, match: OrderMatch) -> Iterator[Finding]:
    without = left_to_epicor(document, chart, posting, match)
    places = posting.decimals.get(document.currencyCode.strip().upper(), 2)
    for field in ("grossSum", "netSum", "taxSum1"):
        amount = getattr(document, field)
        if amount is not None and _finer_than(amount, places):
            yield finding("SUM_TOO_FINE", field=field, amount=amount, places=places, currency=document.currencyCode)
    for place, (name, row) in enumerate(coding.rows_in_order(document)):
        if row.netTotal is None:
            yield finding("ROW_WITHOUT_AMOUNT", field="netTotal", row=name)
        for field, amount in (("netTotal", row.netTotal), ("taxSum", row.taxSum)):
            if amount is not None and _finer_than(amount, places):
                values = {"amount": amount, "places": places, "currency": document.currencyCode}
                yield finding("AMOUNT_TOO_FINE", field=field, row=name, **values)
        if place not in without:
            yield from chart.findings(name, row)


def _finer_than(amount: Decimal, places: int) -> bool:
    exponent = amount.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent < -places


def _vendor(document: AccountingDocument, pair: CompanyPair, known: Reference, posting: Posting) -> Iterator[Finding]:
    values = {"vendor": document.supplierCode, "company": pair.epicor}
    if known.vendor is None:
        yield finding("UNKNOWN_VENDOR", field="supplierCode", **values)
    elif known.vendor.inactive:
        yield finding("INACTIVE_VENDOR", field="supplierCode", **values)
    elif known.vendor.on_hold and posting.vendor_on_hold is Action.REFUSE:
        yield _on_hold(document, pair)


def _on_hold(document: AccountingDocument, pair: CompanyPair) -> Finding:
    return finding("VENDOR_ON_HOLD", field="supplierCode", vendor=document.supplierCode, company=pair.epicor)


def _accounts(
    document: AccountingDocument, chart: Chart, known: Reference, *, without: frozenset[int]
) -> Iterator[Finding]:
    rows = [row for place, (_, row) in enumerate(coding.rows_in_order(document)) if place not in without]
    meant = {account.internal: account for row in rows if (account := chart.account(row))}
    field = next((segment.field for segment in chart.pair.segments if segment.field), None)
    for internal, account in meant.items():
        held = known.accounts.get(same_key(internal))
        values = {"account": account.display, "company": chart.pair.epicor}
        if held is None:
            yield finding("UNKNOWN_ACCOUNT", field=field, **values)
        elif not held.open_on(chart.day):
            yield finding("INACTIVE_ACCOUNT", field=field, **values)
        elif message := known.invalid.get(same_key(internal)):
            yield finding("INVALID_ACCOUNT", field=field, message=message, **values)


def _tax_codes(document: AccountingDocument, pair: CompanyPair, known: Reference) -> Iterator[Finding]:
    for line in taxes.tax_lines(document, pair.tax_codes):
        if line.code and same_key(line.code) not in known.taxes:
            yield finding("UNKNOWN_TAX_CODE", field="taxCode", code=line.code, company=pair.epicor)


def _terms(document: AccountingDocument, pair: CompanyPair, known: Reference) -> Iterator[Finding]:
    terms = terms_code(document, pair)
    if terms and same_key(terms) not in known.terms:
        yield finding("UNKNOWN_TERMS", field="paymentTermCode", terms=terms, company=pair.epicor)
