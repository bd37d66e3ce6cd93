"""What coding rows say of purchase orders. Pure.

Basware API reference, coding rows: `orderNumber` may hold more than one order, so it is opaque unless Epicor knows it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal

from epicor_writer.coding import rows_in_order
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.order_rules import Orders

LONGEST_SHOWN = 50
LARGEST_NUMBER = 2**31 - 1
"""Epicor's order numbers are 32-bit."""

_APART = re.compile(r"[\s,;|]+")
_LINE = re.compile(r"0*(?P<line>\d{1,9})(?:[-/.]0*(?P<release>\d{1,9}))?")
_SAYS_ORDER = ("orderNumber", "orderLineNumber", "goodsReceiptNumber")
_SAYS_ALL = (*_SAYS_ORDER, "goodsReceiptItemNumber", "orderLineUOM", "matchedQuantity", "allocatedQuantity",
             "receivedQuantity", "netTotal")  # fmt: skip


@dataclass(frozen=True)
class OrderRow:
    """A coding row that names an order, a line of one, or a goods receipt.

    Attributes:
        place: among the rows in their order, from 0.
        name: the row as people know it.
    """

    place: int
    name: str
    row: CodingRow

    @property
    def orders(self) -> tuple[str, ...]:
        """What it names as orders, each once."""
        return tuple(dict.fromkeys(each for each in _APART.split(self.row.value("orderNumber") or "") if each))

    @property
    def order(self) -> int | None:
        """The one order it names by a number that Epicor could have."""
        found = self.orders
        number = int(found[0]) if len(found) == 1 and found[0].isascii() and found[0].isdecimal() else 0
        return number if 0 < number <= LARGEST_NUMBER else None

    @property
    def order_text(self) -> str:
        """The order for people."""
        return short(self.row.value("orderNumber") or "(none)")

    @property
    def line(self) -> int | None:
        """The order line; written alone, or with a release behind it as 3-1, 3/1 or 3.1."""
        found = _LINE.fullmatch(self.row.value("orderLineNumber") or "")
        return int(found["line"]) if found else None

    @property
    def line_text(self) -> str:
        """The line for people."""
        return short(self.row.value("orderLineNumber") or "(none)")

    @property
    def quantity(self) -> Decimal | None:
        """What is invoiced, in the row's unit; the received quantity only where a receipt is named."""
        row = self.row
        received = row.receivedQuantity if row.value("goodsReceiptNumber") else None
        return next((each for each in (row.matchedQuantity, row.allocatedQuantity, received) if each is not None), None)

    def release(self, rules: Orders) -> str | None:
        """The release it names, as text; None when it names none."""
        if rules.release_member and (given := self.row.value(rules.release_member)):
            return given
        found = _LINE.fullmatch(self.row.value("orderLineNumber") or "")
        return found["release"] if found else None

    @property
    def receipts(self) -> tuple[str, ...]:
        """The goods receipts it names: the whole text first, which may be one number with blanks in it."""
        text = self.row.value("goodsReceiptNumber")
        return () if text is None else (text, *(each for each in _APART.split(text) if each and each != text))


def order_rows(document: AccountingDocument) -> tuple[OrderRow, ...]:
    """The rows that name an order or a receipt."""
    return tuple(
        OrderRow(place, name, row)
        for place, (name, row) in enumerate(rows_in_order(document))
        if any(row.value(field) for field in _SAYS_ORDER)
    )


def order_numbers(document: AccountingDocument) -> frozenset[int]:
    """The orders that Epicor is to be asked about."""
    return frozenset(row.order for row in order_rows(document) if row.order is not None)


def references_digest(document: AccountingDocument) -> str:
    """Tells whether the rows still say the same of orders, receipts, quantities and amounts."""
    said = [[row.place, *(row.row.value(name) for name in _SAYS_ALL)] for row in order_rows(document)]
    return hashlib.sha256(repr(said).encode()).hexdigest() if said else ""


def short(text: str) -> str:
    """A text for a sentence."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
