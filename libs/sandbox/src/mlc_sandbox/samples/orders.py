"""Invoices of purchase orders: rows that Basware has matched with order lines and goods receipts."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mlc_sandbox import orders
from mlc_sandbox.samples.approved import TODAY
from mlc_sandbox.samples.compose import COMPANIES, Case, Row, document, money, parse_row

_PER = {"E": 1, "C": 100, "M": 1000}
_ACCOUNT = "5010-20-310"
_MOST = 40


@dataclass(frozen=True)
class Match:
    """What a row is matched with: so many units of an order line, from a receipt when one is named."""

    order: int
    line: int
    quantity: Decimal
    receipt: str | None = None


def order_kinds(today: date = TODAY) -> dict[str, dict[str, Any]]:
    """The bodies by what they are; together they take no more than is left of the orders."""
    received, unreceived = Match(4101, 1, Decimal(4000), "PS-4101-1-1"), Match(4104, 1, Decimal(120))
    day = today - timedelta(days=6)
    return {
        "of a goods receipt, with freight": ordered(
            Case("GLF-71844", "10432", "Hex bolts, order 4101", ""), (received,), invoice_date=day, today=today,
            freight="5110-20-310 38.20 - Freight",
        ),
        "of a purchase order, not received yet": ordered(
            Case("HBD-9917", "10451", "Bearings, order 4104", ""), (unreceived,), invoice_date=day, today=today
        ),
        "of two receipts and more of one order": ordered(
            Case("HBD-9931", "10451", "Bearings, orders 4104 and 4110", ""),
            (
                Match(4110, 2, Decimal(30), "PS-4110-2-1"), Match(4110, 2, Decimal(20), "PS-4110-2-2"),
                Match(4104, 3, Decimal(15)),
            ),
            invoice_date=day, today=today,
        ),
    }  # fmt: skip


def order_invoices(n: int, *, seed: int = 1, today: date = TODAY) -> list[dict[str, Any]]:
    """`n` valid invoices of one or two unreceived lines of the blanket orders; the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - sample data, nothing secret
    blanket = [order for order in orders.ORDERS if order.buyer == orders.BLANKET_BUYER]
    made = []
    for index in range(n):
        order = chance.choice(blanket)
        lines = chance.sample(order.lines, k=chance.randint(1, len(order.lines)))
        matches = tuple(Match(order.number, line.line, Decimal(chance.randint(1, _MOST))) for line in lines)
        code = next(basware for basware, epicor in COMPANIES.items() if epicor == order.company)
        case = Case(f"ORD-{seed}-{index:06d}", order.vendor_id, f"Call-off of order {order.number}", "", code)
        day = today - timedelta(days=chance.randint(2, 57))
        made.append(ordered(case, matches, invoice_date=day, today=today))
    return made


def ordered(
    case: Case, matches: tuple[Match, ...], *, invoice_date: date, today: date, freight: str = ""
) -> dict[str, Any]:
    """The document of a case whose rows are these matches at the orders' prices, and a freight row if there is one."""
    lines = {(order.number, line.line): line for order in orders.ORDERS for line in order.lines}
    rows = [
        Row(_ACCOUNT, money(match.quantity * line.unit_cost / _PER[line.per]), None, line.description)
        for match in matches
        for line in [lines[match.order, match.line]]
    ]
    more = [parse_row(freight)] if freight else []
    body = document(case, [*rows, *more], invoice_date=invoice_date, today=today)
    body |= {"invoiceTypeCode": "PO", "invoiceTypeName": "PO invoice"}
    body["orderNumbers"] = sorted({str(match.order) for match in matches})
    for row, match in zip(body["codingRows"], matches, strict=False):
        row |= _members(match, lines[match.order, match.line], row["netTotal"])
    return body


def _members(match: Match, line: orders.OrderLine, net: Decimal) -> dict[str, Any]:
    said: dict[str, Any] = {
        "orderNumber": str(match.order),
        "orderLineNumber": str(line.line),
        "orderLineDescription": line.description,
        "orderLineUOM": line.unit,
        "orderedQuantity": line.quantity,
        "matchedQuantity": match.quantity,
        "allocatedQuantity": match.quantity,
        "orderedNetPrice": line.unit_cost / _PER[line.per],
        "matchedNetSum": net,
    }
    if match.receipt is None:
        return said
    return said | {
        "goodsReceiptNumber": match.receipt,
        "goodsReceiptItemNumber": "1",
        "receivedQuantity": match.quantity,
    }
