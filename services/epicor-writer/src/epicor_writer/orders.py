"""What Epicor knows of purchase orders, as values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from epicor_writer.codes import same_key
from mlc_common.order_lines import PER, CostPer, ReceiptKey
from mlc_epicor.datasets import APInvDtlRow, APInvoiceDataset
from mlc_epicor.orders import OrderRows, PODetailRow, POHeaderRow, RcvDtlRow

ZERO = Decimal(0)
APPROVED = "A"


@dataclass(frozen=True)
class Receipt:
    """A line of a goods receipt; `left` is what no invoice has taken of it, in the order's unit."""

    key: ReceiptKey
    release: int
    left: Decimal
    day: date | None = None
    invoice: str = ""

    @property
    def name(self) -> str:
        """As people name it: PS-77120/1."""
        return f"{self.key.pack_slip}/{self.key.pack_line}"


@dataclass(frozen=True)
class Release:
    """A release; `left` is what no invoice has taken of it."""

    number: int
    left: Decimal
    open: bool = True
    void: bool = False


@dataclass(frozen=True)
class OrderedLine:
    """A line; `cost` is in the order's currency for `per` units."""

    number: int
    unit: str
    cost: Decimal
    per: CostPer = "E"
    part: str = ""
    open: bool = True
    void: bool = False
    releases: tuple[Release, ...] = ()
    receipts: tuple[Receipt, ...] = ()

    def worth(self, quantity: Decimal) -> Decimal:
        """What the order's price comes to."""
        return quantity * self.cost / PER[self.per]


@dataclass(frozen=True)
class Order:
    """A purchase order. `stopped` says why nobody may invoice it at all; None when one may."""

    number: int
    vendor_num: int
    currency: str
    open: bool = True
    stopped: str | None = None
    lines: Mapping[int, OrderedLine] = field(default_factory=dict)


def orders_of(rows: OrderRows) -> dict[int, Order]:
    """The orders by number, as they were read."""
    return {header.PONum: _order(header, rows) for header in rows.headers}


def _order(header: POHeaderRow, rows: OrderRows) -> Order:
    lines = [_line(line, header, rows) for line in rows.lines if header.PONum == line.PONUM]
    return Order(
        number=header.PONum,
        vendor_num=header.VendorNum,
        currency=header.CurrencyCode,
        open=header.OpenOrder,
        stopped=_stopped(header),
        lines={line.number: line for line in lines},
    )


def _stopped(header: POHeaderRow) -> str | None:
    if header.VoidOrder:
        return "void"
    if same_key(header.ApprovalStatus) != same_key(APPROVED):
        return "not approved"
    return "on hold" if header.OrderHeld else None


def _line(line: PODetailRow, header: POHeaderRow, rows: OrderRows) -> OrderedLine:
    place = (line.PONUM, line.POLine)
    per = line.CostPerCode.strip().upper() or "E"
    return OrderedLine(
        number=line.POLine,
        unit=line.PUM,
        cost=line.DocUnitCost or ZERO,
        per=per if per in PER else "E",
        part=line.PartNum,
        open=line.OpenLine,
        void=line.VoidLine,
        releases=tuple(
            Release(
                number=row.PORelNum,
                left=max((row.RelQty or ZERO) - (row.InvoicedQty or ZERO), ZERO),
                open=row.OpenRelease,
                void=row.VoidRelease,
            )
            for row in sorted(rows.releases, key=lambda each: each.PORelNum)
            if (row.PONum, row.POLine) == place
        ),
        receipts=_receipts(
            row for row in rows.receipts if (row.PONum, row.POLine, row.VendorNum) == (*place, header.VendorNum)
        ),
    )


def _receipts(rows: Iterable[RcvDtlRow]) -> tuple[Receipt, ...]:
    """The receipts, the oldest first; of a reversed one nothing is left."""
    found = [
        Receipt(
            key=ReceiptKey(purchase_point=row.PurPoint, pack_slip=row.PackSlip, pack_line=row.PackLine),
            release=row.PORelNum,
            left=max(_left(row), ZERO),
            day=row.ReceiptDate,
            invoice=row.InvoiceNum,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: (each.day or date.max, each.key.pack_slip, each.key.pack_line)))


def _left(row: RcvDtlRow) -> Decimal:
    if row.Invoiced:
        return ZERO
    return (row.VendorQty if row.SupplierUnInvcReceiptQty is None else row.SupplierUnInvcReceiptQty) or ZERO


def given_back(orders: Mapping[int, Order], held: APInvoiceDataset) -> dict[int, Order]:
    """The orders as they would be without an invoice that Epicor holds."""
    taken = [row for row in held.APInvDtl if row.PONum]
    return {
        number: _with_back(order, [row for row in taken if row.PONum == number]) for number, order in orders.items()
    }


def _with_back(order: Order, taken: list[APInvDtlRow]) -> Order:
    lines = {}
    for number, line in order.lines.items():
        mine = [row for row in taken if row.POLine == number]
        releases = (
            replace(each, left=each.left + _sum(row for row in mine if row.PORelNum == each.number))
            for each in line.releases
        )
        receipts = (
            replace(each, left=each.left + _sum(row for row in mine if _from(row, each.key))) for each in line.receipts
        )
        lines[number] = replace(line, releases=tuple(releases), receipts=tuple(receipts))
    return replace(order, lines=lines)


def _from(row: APInvDtlRow, receipt: ReceiptKey) -> bool:
    named = (same_key(row.PurPoint), same_key(row.PackSlip), row.PackLine)
    return named == (same_key(receipt.purchase_point), same_key(receipt.pack_slip), receipt.pack_line)


def _sum(rows: Iterable[APInvDtlRow]) -> Decimal:
    return sum((abs(row.VendorQty or ZERO) for row in rows), ZERO)
