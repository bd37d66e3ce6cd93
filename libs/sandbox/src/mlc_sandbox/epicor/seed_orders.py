"""Northwind's open purchase orders as rows of Epicor's tables."""

from decimal import Decimal

from mlc_sandbox.company import COMPANIES, VENDORS, Vendor
from mlc_sandbox.epicor.wire import Row, day
from mlc_sandbox.orders import ORDERS, Order, OrderLine


def order_rows() -> dict[str, list[Row]]:
    """POHeader, PODetail and PORel rows of the open purchase orders."""
    lines = [(order, line) for order in ORDERS for line in order.lines]
    return {
        "POHeader": [_order(order) for order in ORDERS],
        "PODetail": [_order_line(order, line) for order, line in lines],
        "PORel": [_release(order, line) for order, line in lines],
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
        "OpenOrder": True,
        "VoidOrder": False,
        "ApprovalStatus": "A",
        "Approve": True,
        "VendorNum": vendor.vendor_num,
        "VendorVendorID": vendor.vendor_id,
        "TermsCode": vendor.terms,
        "CurrencyCode": home.currency,
        "BuyerID": order.buyer,
        "DocTotalOrder": sum((_cost(line) for line in order.lines), Decimal(0)),
        "ChangeDate": day(order.ordered),
    }


def _cost(line: OrderLine) -> Decimal:
    return (line.quantity * line.unit_cost).quantize(Decimal("0.01"))


def _order_line(order: Order, line: OrderLine) -> Row:
    return {
        "Company": order.company,
        "PONUM": order.number,
        "POLine": line.line,
        "OpenLine": True,
        "VoidLine": False,
        "PartNum": line.part,
        "LineDesc": line.description,
        "OrderQty": line.quantity,
        "PUM": line.unit,
        "DocUnitCost": line.unit_cost,
        "CostPerCode": "E",
        "DocExtCost": _cost(line),
        "DueDate": day(line.due),
        "ChangeDate": day(order.ordered),
    }


def _release(order: Order, line: OrderLine) -> Row:
    return {
        "Company": order.company,
        "PONum": order.number,
        "POLine": line.line,
        "PORelNum": 1,
        "RelQty": line.quantity,
        "ReceivedQty": line.received,
        "InvoicedQty": Decimal(0),
        "Status": "O",
        "OpenRelease": True,
        "VoidRelease": False,
        "DueDate": day(line.due),
    }
