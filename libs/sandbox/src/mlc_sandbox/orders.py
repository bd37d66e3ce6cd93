"""The purchase orders of Northwind Manufacturing, and what came in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class OrderLine:
    """One line: quantity in the vendor's unit, cost in document currency for 1, 100 or 1000 units (per E, C, M).

    `releases` are their quantities, `receipts` what came in, each on the release of its place, the last on the rest.
    """

    line: int
    part: str
    description: str
    quantity: Decimal
    unit: str
    unit_cost: Decimal
    due: date
    received: Decimal
    per: str = "E"
    releases: tuple[Decimal, ...] = ()
    receipts: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class Order:
    """A purchase order; `state` is open (and approved), closed, void or unapproved."""

    company: str
    number: int
    vendor_id: str
    ordered: date
    buyer: str
    lines: tuple[OrderLine, ...]
    state: str = "open"


BLANKET_BUYER = "blanket"
"""Whose orders are large enough for any number of call-offs."""

# Order: company, number, vendor, ordered, buyer, and its state if it is not open.
# Line: part | text | quantity and unit | cost and for how many | due | received. Several releases or receipts: 30+20.
_ORDER_LINES = """
NWM 4101 10432 2026-09-14 jmarsh
  FAS-M8-25    | Hex bolt M8x25, zinc             | 12000 EA | 0.087   | 2026-11-30 | 6000
  FAS-M8-N     | Hex nut M8, zinc                 | 12000 EA | 0.031   | 2026-11-30 | 0
NWM 4102 10433 2026-09-21 jmarsh
  STL-CR-16    | Cold rolled sheet 16 ga          | 8500 LB  | 0.94    | 2026-12-04 | 0
NWM 4103 10440 2026-09-28 tolsen
  GAS-ARG      | Argon, cylinder 300 cf           | 40 EA    | 61.50   | 2026-12-31 | 25
NWM 4104 10451 2026-10-02 jmarsh
  BRG-6205     | Ball bearing 6205-2RS            | 250 EA   | 7.42    | 2026-12-10 | 0
  BRG-6308     | Ball bearing 6308-2RS            | 80 EA    | 18.95   | 2026-12-10 | 80
  BLT-A42      | V-belt A42                       | 60 EA    | 9.10    | 2026-12-18 | 0
NWM 4105 10466 2026-10-05 tolsen
  PKG-C24      | Carton 24x18x12                  | 3000 EA  | 1.385   | 2026-12-01 | 1500
NWM 4106 10502 2026-10-12 jmarsh
  TL-EM12      | Carbide end mill 12 mm           | 45 EA    | 54.20   | 2026-12-15 | 0
NWM 4107 10549 2026-10-19 tolsen
  PNT-RAL7035  | Powder coating RAL 7035          | 900 LB   | 4.15    | 2027-01-08 | 0
NWM 4108 10528 2026-10-26 tolsen
               | Forklift hire, Nov to Jan        | 3 MO     | 1150.00 | 2027-01-31 | 1
NWM 4109 10432 2026-10-27 jmarsh
  FAS-WSH-8    | Washer M8, zinc                  | 50000 EA | 4.25 C  | 2026-12-12 | 20000
  FAS-RVT-4    | Blind rivet 4x10                 | 80000 EA | 18.40 M | 2026-12-12 | 0
NWM 4110 10451 2026-10-28 jmarsh
  BRG-6204     | Ball bearing 6204-2RS            | 100+60 EA | 6.90   | 2026-12-15 | 0
  BRG-6206     | Ball bearing 6206-2RS            | 90 EA    | 8.10    | 2026-12-15 | 30+20
NWM 4111 10466 2026-09-02 tolsen closed
  PKG-C18      | Carton 18x12x12                  | 2000 EA  | 0.96    | 2026-10-20 | 2000
NWM 4112 10502 2026-10-29 jmarsh unapproved
  TL-EM08      | Carbide end mill 8 mm            | 20 EA    | 38.60   | 2026-12-20 | 0
NWM 4113 10549 2026-10-30 tolsen void
  PNT-RAL9010  | Powder coating RAL 9010          | 400 LB   | 4.15    | 2027-01-08 | 0
NWM 4114 10433 2026-09-01 blanket
  STL-HR-10    | Hot rolled sheet 10 ga           | 900000 LB | 0.88   | 2027-06-30 | 0
  STL-FB-2     | Flat bar 2 in                    | 900000 LB | 1.07   | 2027-06-30 | 0
NWM 4115 10440 2026-09-01 blanket
  GAS-OXY      | Oxygen, cylinder 300 cf          | 90000 EA | 24.75   | 2027-06-30 | 0
NWM 4116 10466 2026-09-01 blanket
  PKG-TAPE     | Carton tape 2 in                 | 900000 EA | 118.50 C | 2027-06-30 | 0
NWF 7201 20105 2026-09-17 aheino
  BRG-6205     | Kuulalaakeri 6205-2RS            | 120 EA   | 6.80    | 2026-12-05 | 0
  BRG-22210    | Pallomainen rullalaakeri 22210   | 16 EA    | 84.90   | 2026-12-05 | 8
NWF 7202 20108 2026-10-01 aheino
  STL-S355-10  | Teräslevy S355 10 mm             | 4200 KG  | 1.27    | 2026-12-11 | 0
NWF 7203 20126 2026-10-08 mvirta
  TL-DRL-8     | Kovametallipora 8 mm             | 60 EA    | 31.45   | 2026-12-19 | 0
NWF 7205 20108 2026-09-01 blanket
  STL-PROF     | Putkipalkki 60x40                | 900000 KG | 1.415  | 2027-06-30 | 0
NWF 7204 20139 2026-10-22 mvirta
  PKG-LAVA     | Puulava FIN 1200x1000            | 400 EA   | 11.60   | 2027-01-15 | 200
"""


def _order_line(number: int, text: str) -> OrderLine:
    part, description, amount, cost, due, received = (cell.strip() for cell in text.split("|"))
    quantity, unit = amount.split()
    price, per = (*cost.split(), "E")[:2]
    releases, receipts = (tuple(map(Decimal, cell.split("+"))) for cell in (quantity, received))
    return OrderLine(
        line=number,
        part=part,
        description=description,
        quantity=sum(releases, Decimal(0)),
        unit=unit,
        unit_cost=Decimal(price),
        due=date.fromisoformat(due),
        received=sum(receipts, Decimal(0)),
        per=per,
        releases=releases,
        receipts=tuple(receipt for receipt in receipts if receipt),
    )


def _orders() -> tuple[Order, ...]:
    found: list[Order] = []
    for text in _ORDER_LINES.strip("\n").splitlines():
        if text.startswith(" "):
            head = found.pop()
            line = _order_line(len(head.lines) + 1, text)
            found.append(replace(head, lines=(*head.lines, line)))
        else:
            company, number, vendor_id, ordered, buyer, *state = text.split()
            ordered_on = date.fromisoformat(ordered)
            found.append(Order(company, int(number), vendor_id, ordered_on, buyer, (), *state))
    return tuple(found)


ORDERS = _orders()
