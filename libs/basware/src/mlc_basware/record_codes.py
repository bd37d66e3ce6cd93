"""Which master records an accounting document names. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mlc_basware.documents import AccountingDocument
from mlc_common.company_rules import CompanyPair
from mlc_common.masterdata_kinds import Kinds
from mlc_common.personal import ERASED

RecordCode = tuple[str, str]
"""Kind, and the code by which the facts of that kind know the record: Epicor's."""


def codes_of(document: AccountingDocument, pair: CompanyPair, kinds: Kinds) -> list[RecordCode]:
    """The codes of a document that are master records of the connection."""
    return _once(_codes(document, pair, kinds))


def used_by(document: AccountingDocument, pair: CompanyPair, kinds: Kinds) -> list[RecordCode]:
    """The master records that an invoice made of the document uses: its codes, and the orders it names.

    Whole GL accounts (`accounts.of: gl accounts`) are left out: how Epicor shows one is not in the document.
    """
    return _once([*_codes(document, pair, kinds), *(("order", number) for number in document.orders)])


def _once(codes: Iterator[RecordCode] | list[RecordCode]) -> list[RecordCode]:
    return list(dict.fromkeys(record for record in codes if record[1] not in ("", ERASED)))


def _codes(document: AccountingDocument, pair: CompanyPair, kinds: Kinds) -> Iterator[RecordCode]:
    yield "vendor", document.supplierCode.strip()
    terms, taxes = document.value("paymentTermCode") or "", [row.value("taxCode") or "" for row in document.codingRows]
    yield "payment_term", pair.terms.get(terms, terms)
    yield from (("tax_code", pair.tax_codes.get(tax, tax)) for tax in taxes)
    by_segment = {dimension.segment: name for name, dimension in kinds.dimensions.items()}
    if kinds.accounts is not None and kinds.accounts.of == "segment values":
        by_segment |= {kinds.accounts.segment: "account"}
    for number, segment in enumerate(pair.segments, start=1):
        if segment.field and number in by_segment:
            yield from ((by_segment[number], row.value(segment.field) or "") for row in document.codingRows)
