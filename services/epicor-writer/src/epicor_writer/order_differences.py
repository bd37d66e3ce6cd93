"""How far an invoice is from its orders in quantity and price. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from epicor_writer.orders import ZERO, Order, OrderedLine
from mlc_common.catalogue import Finding, finding
from mlc_common.order_lines import OrderLine
from mlc_common.order_rules import Orders
from mlc_common.rule_values import Action


def differing(
    lines: tuple[OrderLine, ...], orders: Mapping[int, Order], rules: Orders, currency: str, *, places: int
) -> Iterator[tuple[Action, Finding]]:
    """What is beyond the tolerances, each with the connection's action; one order line is judged as a whole."""
    for order, line in dict.fromkeys((each.order, each.line) for each in lines):
        some = tuple(each for each in lines if (each.order, each.line) == (order, line))
        yield from _quantities(some, orders[order], rules)
        yield from _prices(some, orders[order], rules, currency, places=places)


def _quantities(lines: tuple[OrderLine, ...], order: Order, rules: Orders) -> Iterator[tuple[Action, Finding]]:
    """More than is left of the releases."""
    used = {each.release for each in lines}
    left = sum((each.left for each in order.lines[lines[0].line].releases if each.number in used), ZERO)
    if why := too_many(lines[0].order, lines[0], sum((each.quantity for each in lines), ZERO), left=left, rules=rules):
        yield rules.quantity.action, why


def too_many(
    order: int, line: OrderLine | OrderedLine, quantity: Decimal, *, left: Decimal, rules: Orders
) -> Finding | None:
    """More than is left to invoice, of receipts or of releases, and beyond the tolerance."""
    if quantity <= left or rules.quantity.accepts(quantity - left, expected=left):
        return None
    number = line.line if isinstance(line, OrderLine) else line.number
    values = {"quantity": plain(quantity), "left": plain(left), "unit": line.unit}
    return finding("ORDER_QUANTITY", field="matchedQuantity", order=order, line=number, **values)


def _prices(
    lines: tuple[OrderLine, ...], order: Order, rules: Orders, currency: str, *, places: int
) -> Iterator[tuple[Action, Finding]]:
    first, smallest = lines[0], Decimal(1).scaleb(-places)
    amount = sum((each.amount for each in lines), ZERO)
    exact = order.lines[first.line].worth(sum((each.quantity for each in lines), ZERO))
    rounding = smallest / 2 * len({share.place for each in lines for share in each.shares})
    if abs(amount - exact) <= rounding or rules.price.accepts(amount - exact, expected=exact):
        return
    expected = exact.quantize(smallest, ROUND_HALF_UP)
    values = {"amount": amount, "expected": expected, "currency": currency}
    yield rules.price.action, finding("ORDER_PRICE", field="netTotal", order=first.order, line=first.line, **values)


def plain(quantity: Decimal) -> str:
    """A quantity for people: without zeros at its end."""
    return f"{quantity.normalize():f}"
