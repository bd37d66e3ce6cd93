"""Do the lines of purchase orders that Epicor holds equal what was meant? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from epicor_writer.codes import same_key
from mlc_epicor.datasets import APInvDtlRow, APInvoiceDataset

OF_ORDERS = frozenset({"U", "R"})
SAME_COST = Decimal("0.0001")
"""A unit cost is worked out from the amount, with as many decimals as Epicor keeps; the amount itself is exact."""


def aligned(meant: APInvoiceDataset, held: APInvoiceDataset) -> APInvoiceDataset:
    """What was meant, its lines from receipts numbered as Epicor numbered them.

    Epicor reference, call sequence: lines from receipts are made by Epicor in an order of its own.
    """
    wished = [row for row in meant.APInvDtl if row.LineType == "R"]
    facts = {receipt_key(row): row.InvoiceLine for row in held.APInvDtl if row.LineType == "R"}
    numbers = {row.InvoiceLine: facts[receipt_key(row)] for row in wished if receipt_key(row) in facts}
    if sorted(numbers.values()) != sorted(row.InvoiceLine for row in wished):
        return meant
    lines = (row.model_copy(update=_numbered(row.InvoiceLine, numbers)) for row in meant.APInvDtl)
    return meant.model_copy(
        update={
            "APInvDtl": tuple(sorted(lines, key=lambda row: row.InvoiceLine)),
            "APInvExp": tuple(r.model_copy(update=_numbered(r.InvoiceLine, numbers)) for r in meant.APInvExp),
            "APInvExpTGLC": tuple(r.model_copy(update=_numbered(r.InvoiceLine, numbers)) for r in meant.APInvExpTGLC),
        }
    )


def _numbered(number: int, numbers: dict[int, int]) -> dict[str, int]:
    return {"InvoiceLine": numbers.get(number, number)}


def receipt_key(row: APInvDtlRow) -> tuple[object, ...]:
    """Which release and which line of a receipt a line is from."""
    return (row.PONum, row.POLine, row.PORelNum, *_pack(row))


def _pack(row: APInvDtlRow) -> tuple[str, str, int]:
    return same_key(row.PurPoint), same_key(row.PackSlip), row.PackLine


def order_differences(wish: APInvDtlRow, fact: APInvDtlRow) -> Iterator[str]:
    """In what one line is not against the order, receipt, quantity and cost that were meant."""
    number = wish.InvoiceLine
    asked, got = (_order(row) for row in (wish, fact))
    if asked != got:
        yield f"line {number} is against {got or 'no order'} instead of {asked or 'none'}"
    if wish.LineType not in OF_ORDERS:
        return
    if same_key(wish.LineType) != same_key(fact.LineType):
        yield f"line {number} is of type {fact.LineType or 'blank'} instead of {wish.LineType}"
    if wish.LineType == "R" and _pack(wish) != _pack(fact):
        yield f"line {number} is from receipt {_named(fact)} instead of {_named(wish)}"
    if (quantity := _quantity(fact)) != _quantity(wish):
        yield f"line {number} has quantity {_plain(quantity)} instead of {_plain(_quantity(wish))}"
    if fact.PUM and same_key(fact.PUM) != same_key(wish.PUM):
        yield f"line {number} counts in {fact.PUM} instead of {wish.PUM}"
    cost, meant = fact.DocUnitCost, wish.DocUnitCost or Decimal(0)
    if cost is not None and abs(cost - meant) > max(SAME_COST, abs(meant) * SAME_COST):
        yield f"line {number} has the unit cost {_plain(cost)} instead of {_plain(meant)}"


def _order(row: APInvDtlRow) -> str:
    return f"order {row.PONum}/{row.POLine}/{row.PORelNum}" if row.PONum or row.POLine or row.PORelNum else ""


def _named(row: APInvDtlRow) -> str:
    return f"{row.PackSlip or 'none'}/{row.PackLine}"


def _quantity(row: APInvDtlRow) -> Decimal | None:
    return row.VendorQty if row.VendorQty is not None else row.ScrVendorQty


def _plain(value: Decimal | None) -> str:
    return "nothing" if value is None else f"{value.normalize():f}"
