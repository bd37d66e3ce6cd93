"""Northwind's purchase orders and goods receipts as rows of Epicor's tables."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from mlc_sandbox.chart import BOOK, CHART
from mlc_sandbox.company import COMPANIES, VENDORS, Vendor
from mlc_sandbox.epicor.wire import Row, day
from mlc_sandbox.orders import ORDERS, Order, OrderLine

PER = {"E": 1, "C": 100, "M": 1000}
ACCOUNT = "5010|20|310"
"""The account of every release."""


def order_rows() -> dict[str, list[Row]]:
    """POHeader, PODetail, PORel, PORelTGLC and RcvDtl rows; what is invoiced of them follows from the invoices."""
    lines = [(order, line) for order in ORDERS for line in order.lines]
    return {
        "POHeader": [_order(order) for order in ORDERS],
        "PODetail": [_order_line(order, line) for order, line in lines],
        "PORel": [row for order, line in lines for row in _releases(order, line)],
        "PORelTGLC": [row for order, line in lines for row in _accounts(order, line)],
        "RcvDtl": [row for order, line in lines for row in _receipts(order, line)],
    }


def _vendor_of(order: Order) -> Vendor:
    return next(v for v in VENDORS if (v.company, v.vendor_id) == (order.company, order.vendor_id))


def _order(order: Order) -> Row:
    vendor = _vendor_of(order)
    home = next(company for company in COMPANIES if company.code == order.company)
    return {
        "Company": order.company,
        "PONum": order.number,
        "OrderDate": day(order.ordered),
        "OpenOrder": _is_open(order),
        "VoidOrder": order.state == "void",
        "OrderHeld": False,
        "ApprovalStatus": "U" if order.state == "unapproved" else "A",
        "Approve": order.state != "unapproved",
        "VendorNum": vendor.vendor_num,
        "VendorVendorID": vendor.vendor_id,
        "TermsCode": vendor.terms,
        "CurrencyCode": home.currency,
        "BuyerID": order.buyer,
        "DocTotalOrder": sum((_cost(line) for line in order.lines), Decimal(0)),
        "ChangeDate": day(order.ordered),
    }


def _is_open(order: Order) -> bool:
    return order.state not in ("closed", "void")


def _cost(line: OrderLine) -> Decimal:
    return (line.quantity * line.unit_cost / PER[line.per]).quantize(Decimal("0.01"))


def _order_line(order: Order, line: OrderLine) -> Row:
    return {
        "Company": order.company,
        "PONUM": order.number,
        "POLine": line.line,
        "OpenLine": _is_open(order),
        "VoidLine": order.state == "void",
        "PartNum": line.part,
        "LineDesc": line.description,
        "OrderQty": line.quantity,
        "PUM": line.unit,
        "DocUnitCost": line.unit_cost,
        "CostPerCode": line.per,
        "DocExtCost": _cost(line),
        "DueDate": day(line.due),
        "ChangeDate": day(order.ordered),
    }


def _releases(order: Order, line: OrderLine) -> Iterator[Row]:
    for number, quantity in enumerate(line.releases, start=1):
        received = (row["VendorQty"] for row in _receipts(order, line) if row["PORelNum"] == number)
        yield {
            "Company": order.company,
            "PONum": order.number,
            "POLine": line.line,
            "PORelNum": number,
            "RelQty": quantity,
            "ReceivedQty": sum(received, Decimal(0)),
            "InvoicedQty": Decimal(0),
            "Status": "O" if _is_open(order) else "C",
            "OpenRelease": _is_open(order),
            "VoidRelease": order.state == "void",
            "DueDate": day(line.due),
        }


def _accounts(order: Order, line: OrderLine) -> Iterator[Row]:
    natural, department, cost_centre = ACCOUNT.split("|")
    for number in range(1, len(line.releases) + 1):
        yield {
            "Company": order.company,
            "RelatedToFile": "PORel",
            "PONum": order.number,
            "POLine": line.line,
            "PORelNum": number,
            "BookID": BOOK,
            "COACode": CHART,
            "GLAccount": ACCOUNT,
            "SegValue1": natural,
            "SegValue2": department,
            "SegValue3": cost_centre,
            "RecordType": "A",
        }


def _receipts(order: Order, line: OrderLine) -> Iterator[Row]:
    """One goods receipt a delivery; its pack slip is named after order, line and delivery: PS-4101-1-1."""
    for number, quantity in enumerate(line.receipts, start=1):
        yield {
            "Company": order.company,
            "VendorNum": _vendor_of(order).vendor_num,
            "PurPoint": "",
            "PackSlip": f"PS-{order.number}-{line.line}-{number}",
            "PackLine": 1,
            "PONum": order.number,
            "POLine": line.line,
            "PORelNum": min(number, len(line.releases)),
            "PartNum": line.part,
            "PartDescription": line.description,
            "VendorQty": quantity,
            "PUM": line.unit,
            "DocVendorUnitCost": line.unit_cost,
            "CostPerCode": line.per,
            "ReceiptDate": day(order.ordered + timedelta(days=14 + number)),
            "Received": True,
        }
