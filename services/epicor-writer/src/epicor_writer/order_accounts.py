"""Which rows of purchase orders leave their account to Epicor, and which are not settled yet. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from epicor_writer.coding import Chart, rows_in_order
from epicor_writer.order_rows import order_rows
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.catalogue import Finding, finding
from mlc_common.order_lines import OrderMatch
from mlc_common.posting_rules import Posting


def left_to_epicor(document: AccountingDocument, chart: Chart, posting: Posting, match: OrderMatch) -> frozenset[int]:
    """The places of rows whose line gets the order's account, and of rows whose line is not known yet.

    A line gets the order's account when none of its rows fills a field that an account is made of; a row that leaves
    them empty beside one that fills them is asked for its codes as any other.
    """
    rows = [row for _, row in rows_in_order(document)]
    found = {row.place for row in order_rows(document)} - set(match.expenses)
    for line in match.lines:
        places = {share.place for share in line.shares}
        if posting.orders.account == "row" and not all(uncoded(rows[place], chart) for place in places):
            found -= places
    return frozenset(found)


def uncoded(row: CodingRow, chart: Chart) -> bool:
    """Whether a row fills none of the fields that an account is made of."""
    return not any(row.value(segment.field) for segment in chart.pair.segments if segment.field)


def unmatched(document: AccountingDocument, match: OrderMatch, *, company: str) -> Iterator[Finding]:
    """What is wrong with the match; at least one finding when a row that names an order is not settled by it."""
    yield from match.findings
    settled = {share.place for line in match.lines for share in line.shares} | set(match.expenses)
    for row in order_rows(document):
        if row.place not in settled and not match.findings:
            yield finding("ORDER_UNKNOWN", field="orderNumber", row=row.name, order=row.order_text, company=company)
