"""Every reason not to post an accounting document, all at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from epicor_writer import coding, taxes
from epicor_writer.reference import Reference, same_key
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.company_rules import CompanyPair
from mlc_common.posting_rules import ApplyDate, Posting

_SAYS_CREDIT = re.compile(r"credit[\s-]*(note|memo|invoice)", re.IGNORECASE)

LONGEST_NUMBER = 50
"""Characters of an Epicor invoice number (Epicor reference, AP invoice data model)."""


def in_the_document(document: AccountingDocument, pair: CompanyPair | None, posting: Posting) -> tuple[Finding, ...]:
    """What is wrong with the document itself, before Epicor is asked anything."""
    found = [*_header(document, posting), *_sums(document, posting, pair)]
    if pair is None:
        return (finding("UNKNOWN_COMPANY", field="companyCode", company=document.companyCode), *found)
    return (*found, *_rows(document, pair))


def in_epicor(
    document: AccountingDocument, pair: CompanyPair, posting: Posting, known: Reference, *, apply_date: date | None
) -> tuple[Finding, ...]:
    """What is wrong with the document's codes, by what Epicor knows."""
    return (
        *_vendor(document, pair, known),
        *_accounts(document, pair, known, apply_date),
        *(_tax_codes(document, pair, known) if posting.tax == "as given" else ()),
        *_terms(document, pair, known),
    )


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
    if posting.apply_date is ApplyDate.VOUCHER_DATE and document.voucherDate is None:
        yield finding("NO_APPLY_DATE", field="voucherDate")
    if document.grossSum is None:
        yield finding("NO_TOTAL", field="grossSum")
    yield from _kind(document, posting)
    if document.prebooked:
        yield finding("PREBOOKED", field="prebooked")
    yield from _orders(document)


def _kind(document: AccountingDocument, posting: Posting) -> Iterator[Finding]:
    """Credit notes: type or sign tells them, as the tenant chose (Basware API reference), so either will do."""
    code = (document.invoiceTypeCode or "").strip()
    name = document.invoiceTypeName or ""
    credit = {same_key(each) for each, type_ in posting.invoice_types.items() if type_.kind == "credit note"}
    typed = same_key(code) in credit or bool(_SAYS_CREDIT.search(name))
    negative = min(document.grossSum or 0, document.netSum or 0) < 0
    values = {"gross": document.grossSum, "currency": document.currencyCode}
    if negative and (typed or not credit):
        yield finding("CREDIT_NOTE", field="grossSum", **values)
    elif typed != negative:
        yield finding("CREDIT_NOTE_OR_NOT", field="invoiceTypeCode", type=code or name or "blank", **values)


def _orders(document: AccountingDocument) -> Iterator[Finding]:
    """Lines that belong to a purchase order: as plain expenses they would miss the order and its receipts."""
    in_rows = False
    for name, row in coding.rows_in_order(document):
        for field in ("orderNumber", "orderLineNumber", "goodsReceiptNumber"):
            if order := row.value(field):
                in_rows = True
                yield finding("PURCHASE_ORDER_LINE", field=field, place=f"Coding row {name}", order=_short(order))
                break
    orders = [order.strip() for order in document.orderNumbers if order.strip()]
    if orders and not in_rows:
        yield finding("PURCHASE_ORDER_LINE", field="orderNumbers", place="The invoice", order=_short(", ".join(orders)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NUMBER else f"{text[: LONGEST_NUMBER - 1]}…"


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
    without = sum((line.amount for line in lines if not line.code), taxes.ZERO)
    if without:
        yield finding("TAX_WITHOUT_CODE", field="taxCode", tax=without, currency=currency)


def _rows(document: AccountingDocument, pair: CompanyPair) -> Iterator[Finding]:
    for name, row in coding.rows_in_order(document):
        if row.netTotal is None:
            yield finding("ROW_WITHOUT_AMOUNT", field="netTotal", row=name)
        for field, amount in (("netTotal", row.netTotal), ("taxSum", row.taxSum)):
            if amount is not None and _finer_than_a_cent(amount):
                yield finding("AMOUNT_TOO_FINE", field=field, row=name, amount=amount)
        for field in coding.missing_fields(row, pair):
            yield finding("ROW_WITHOUT_CODE", field=field, row=name)


def _finer_than_a_cent(amount: Decimal) -> bool:
    exponent = amount.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent < -2


def _vendor(document: AccountingDocument, pair: CompanyPair, known: Reference) -> Iterator[Finding]:
    values = {"vendor": document.supplierCode, "company": pair.epicor}
    if known.vendor is None:
        yield finding("UNKNOWN_VENDOR", field="supplierCode", **values)
    elif known.vendor.inactive:
        yield finding("INACTIVE_VENDOR", field="supplierCode", **values)


def _accounts(
    document: AccountingDocument, pair: CompanyPair, known: Reference, apply_date: date | None
) -> Iterator[Finding]:
    meant = {account.internal: account for row in document.codingRows if (account := coding.account(row, pair))}
    field = next((segment.field for segment in pair.segments if segment.field), None)
    for internal, account in meant.items():
        held = known.accounts.get(same_key(internal))
        if held is None:
            yield finding("UNKNOWN_ACCOUNT", field=field, account=account.display, company=pair.epicor)
        elif not held.open_on(apply_date):
            yield finding("INACTIVE_ACCOUNT", field=field, account=account.display, company=pair.epicor)


def _tax_codes(document: AccountingDocument, pair: CompanyPair, known: Reference) -> Iterator[Finding]:
    for line in taxes.tax_lines(document, pair.tax_codes):
        if line.code and same_key(line.code) not in known.taxes:
            yield finding("UNKNOWN_TAX_CODE", field="taxCode", code=line.code, company=pair.epicor)


def _terms(document: AccountingDocument, pair: CompanyPair, known: Reference) -> Iterator[Finding]:
    terms = terms_code(document, pair)
    if terms and same_key(terms) not in known.terms:
        yield finding("UNKNOWN_TERMS", field="paymentTermCode", terms=terms, company=pair.epicor)
