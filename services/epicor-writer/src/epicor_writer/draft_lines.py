"""The lines of a draft: those of purchase orders, and one for every other coding row. Pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from epicor_writer.coding import Chart, GlAccount, rows_in_order
from epicor_writer.invoice import Line, Share
from epicor_writer.order_accounts import left_to_epicor
from epicor_writer.taxes import epicor_code
from epicor_writer.templates import Value, cut, extra_columns, fill, of_line
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.company_rules import CompanyPair
from mlc_common.order_lines import OrderLine, OrderMatch
from mlc_common.posting_rules import Posting

LONGEST_LINE_DESCRIPTION = 200
"""Characters; the width is not documented, so it is kept short. The whole text stays in Basware."""


def draft_lines(document: AccountingDocument, chart: Chart, posting: Posting, match: OrderMatch) -> tuple[Line, ...]:
    """The lines in the order in which they are entered: from receipts, unreceived, others; each kind as its rows."""
    rows = [row for _, row in rows_in_order(document)]
    by_epicor = left_to_epicor(document, chart, posting, match)
    matched = {share.place for line in match.lines for share in line.shares}
    found: list[Line] = []
    for place, row in enumerate(rows):
        for order in (line for line in match.lines if line.shares[0].place == place):
            shares = () if place in by_epicor else _shares(order, rows, chart)
            line = Line(order.amount, shares, "", quantity=order.quantity, unit=order.unit, order=order)
            found.append(_described(line, row, document, chart=chart, posting=posting))
        if place not in matched:
            found += _expense_line(row, document, chart, posting)
    some = [line for line in found if line.amount or line.order]
    kept = some if some and posting.zero_rows == "leave out" else found
    return tuple(sorted(kept, key=_stage))


def _stage(line: Line) -> int:
    """From receipts, unreceived, others: in stages they are saved one kind after the other."""
    if line.order is None:
        return 2
    return 0 if line.order.receipt else 1


def _expense_line(row: CodingRow, document: AccountingDocument, chart: Chart, posting: Posting) -> list[Line]:
    account = chart.account(row)
    if account is None or row.netTotal is None:
        return []
    shares = (Share(row.netTotal, account),)
    return [_described(Line(row.netTotal, shares, ""), row, document, chart=chart, posting=posting)]


def _shares(order: OrderLine, rows: list[CodingRow], chart: Chart) -> tuple[Share, ...]:
    """Where the line is booked by its rows, each account once."""
    sums: dict[GlAccount, Decimal] = {}
    for each in order.shares:
        if (account := chart.account(rows[each.place])) is not None:
            sums[account] = sums.get(account, Decimal(0)) + each.amount
    return tuple(Share(amount, account) for account, amount in sums.items())


def _described(line: Line, row: CodingRow, document: AccountingDocument, *, chart: Chart, posting: Posting) -> Line:
    value: Value = of_line(row, document)
    header = fill("{description}", document.value) or fill("{supplierName} {invoiceNumber}", document.value)
    text = fill(posting.line_description, value) or header
    return replace(
        line,
        description=cut(text, LONGEST_LINE_DESCRIPTION),
        tax_category=_category(row, chart.pair, posting),
        extra=extra_columns(posting.line_fields, value),
    )


def _category(row: CodingRow, pair: CompanyPair, posting: Posting) -> str | None:
    if posting.tax != "epicor computes":
        return None
    return epicor_code(row.taxCode, row.taxPercent, pair.tax_categories, otherwise="") or None
