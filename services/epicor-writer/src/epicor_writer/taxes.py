"""Taxes as Basware gave them, one line per Epicor tax code. Pure.

Basware API reference, tax: there are no tax lines; tax stands at the coding rows, or at the header only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mlc_basware.documents import AccountingDocument

ZERO = Decimal(0)


@dataclass(frozen=True)
class TaxLine:
    """The tax of one code, in invoice currency; `code` is Epicor's, or "" where Basware gave a tax without one."""

    code: str
    taxable: Decimal
    amount: Decimal


def tax_lines(document: AccountingDocument, codes: Mapping[str, str]) -> tuple[TaxLine, ...]:
    """The taxes of a document, in order of appearance.

    A code with a zero amount is kept: it says which sales were exempt. Rows without code and without tax are not.

    Args:
        codes: Epicor's tax code by Basware's, or by Basware's and its percentage, as VAT@14, where they differ.
    """
    if any(row.taxSum is not None for row in document.codingRows) or not document.taxSum1:
        shares = [
            (
                epicor_code(row.taxCode or document.taxCode, row.taxPercent, codes),
                _or_zero(row.netTotal),
                _or_zero(row.taxSum),
            )
            for row in document.codingRows
        ]
    else:
        code = epicor_code(_only_code(document), document.taxPercent1, codes)
        shares = [(code, row_sum(document), document.taxSum1)]
    grouped: dict[str, TaxLine] = {}
    for code, taxable, amount in shares:
        line = grouped.get(code)
        sums = (taxable, amount) if line is None else (line.taxable + taxable, line.amount + amount)
        grouped[code] = TaxLine(code, *sums)
    return tuple(line for line in grouped.values() if line.code or line.amount)


def epicor_code(
    given: str | None, percent: Decimal | None, codes: Mapping[str, str], *, otherwise: str | None = None
) -> str:
    """Epicor's code for a tax code of Basware's; one that is not in `codes` is itself, or `otherwise`."""
    code = (given or "").strip()
    at_rate = "" if percent is None else f"{code}@{percent.normalize():f}"
    return codes.get(at_rate, codes.get(code, code if otherwise is None else otherwise))


def row_sum(document: AccountingDocument) -> Decimal:
    """The net sum of the coding rows."""
    return sum((_or_zero(row.netTotal) for row in document.codingRows), ZERO)


def tax_sum(lines: tuple[TaxLine, ...]) -> Decimal:
    """The tax of all lines."""
    return sum((line.amount for line in lines), ZERO)


def second_tax(document: AccountingDocument) -> Decimal:
    """Tax that is not part of the sum to pay, such as reverse charge; from the rows, else from the header."""
    rows = sum((abs(_or_zero(row.taxSum2)) for row in document.codingRows), ZERO)
    return rows or abs(_or_zero(document.taxSum2))


def _only_code(document: AccountingDocument) -> str:
    codes = {row.taxCode for row in document.codingRows if row.taxCode}
    return document.taxCode or (codes.pop() if len(codes) == 1 else "")


def _or_zero(amount: Decimal | None) -> Decimal:
    return ZERO if amount is None else amount
