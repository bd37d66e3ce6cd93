"""Is it an invoice or a credit note? Pure.

Basware has no document type (Basware API reference, invoice type and credit notes): a tenant sends negative sums, or
positive sums and an invoice type that says so; when type and sums contradict each other nobody can know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from epicor_writer.reference import same_key
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.catalogue import Finding, finding
from mlc_common.posting_rules import InvoiceType, Posting

_SAYS_CREDIT = re.compile(r"credit[\s-]*(note|memo|invoice)", re.IGNORECASE)
_SUMS = ("netSum", "grossSum", "taxSum1", "taxSum2", "cashSum", "netSumCompany", "grossSumCompany", "taxSum1Company")
_ROW_SUMS = ("netTotal", "grossTotal", "taxSum", "taxSum2")


def type_of(document: AccountingDocument, posting: Posting) -> InvoiceType | None:
    """What the connection says of the document's invoice type; None when it says nothing."""
    code = same_key(document.invoiceTypeCode or "")
    return next((meant for each, meant in posting.invoice_types.items() if same_key(each) == code), None)


def is_credit(document: AccountingDocument, posting: Posting) -> bool:
    """Whether type or sums say credit note; `kind_findings` tells whether they contradict each other."""
    return _says_credit(document, posting) or _is_negative(document)


def kind_findings(document: AccountingDocument, posting: Posting) -> Iterator[Finding]:
    """Why the document's kind keeps it from being posted."""
    meant, code = type_of(document, posting), document.invoiceTypeCode or document.invoiceTypeName or "blank"
    if meant is not None and meant.kind == "refuse":
        yield finding("TYPE_NOT_POSTED", field="invoiceTypeCode", type=code)
    elif not _agree(document, posting, meant):
        values = {"type": code, "gross": document.grossSum, "currency": document.currencyCode}
        yield finding("CREDIT_NOTE_OR_NOT", field="invoiceTypeCode", **values)


def positive(document: AccountingDocument) -> AccountingDocument:
    """A credit note as a debit memo is entered: with positive sums (Epicor reference, credit notes)."""
    if not _is_negative(document):
        return document
    rows = tuple(row.model_copy(update=_turned(row, _ROW_SUMS)) for row in document.codingRows)
    return document.model_copy(update=_turned(document, _SUMS) | {"codingRows": rows})


def _agree(document: AccountingDocument, posting: Posting, meant: InvoiceType | None) -> bool:
    typed, negative = _says_credit(document, posting), _is_negative(document)
    if (document.grossSum or 0) * (document.netSum or 0) < 0:
        return False
    if typed == negative:
        return True
    match posting.credit_notes.convention:
        case "type":
            return typed
        case "negative sums":
            return negative and (meant is None or meant.kind != "invoice")
        case "either":
            return negative and not _lists_credit_types(posting)


def _lists_credit_types(posting: Posting) -> bool:
    return any(meant.kind == "credit note" for meant in posting.invoice_types.values())


def _says_credit(document: AccountingDocument, posting: Posting) -> bool:
    meant = type_of(document, posting)
    return meant.kind == "credit note" if meant else bool(_SAYS_CREDIT.search(document.invoiceTypeName or ""))


def _is_negative(document: AccountingDocument) -> bool:
    return (document.grossSum or document.netSum or 0) < 0


def _turned(entity: AccountingDocument | CodingRow, names: tuple[str, ...]) -> dict[str, Any]:
    given = {name: getattr(entity, name) for name in names}
    return {name: Decimal(0) - value for name, value in given.items() if value is not None}
