"""What the coding rows of a document are matched with in Epicor's purchase orders. Pure.

It is recorded with the intent to post: what is left of an order changes by our own invoice, so that nobody could work
it out again once something was sent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mlc_common.catalogue import Finding

CostPer = Literal["E", "C", "M"]
"""Epicor's CostPerCode: the cost is for 1, 100 or 1000 units (Epicor reference, APInvDtl)."""

PER: dict[CostPer, int] = {"E": 1, "C": 100, "M": 1000}


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReceiptKey(_Value):
    """A line of a goods receipt, by Epicor's key within the vendor."""

    purchase_point: str
    pack_slip: str
    pack_line: int


class RowShare(_Value):
    """What a coding row, by its place among the rows in order, adds to a line, in invoice currency."""

    place: int
    amount: Decimal


class OrderLine(_Value):
    """One line to be entered against a release: from a receipt, or unreceived.

    Attributes:
        quantity: in the order's unit, as it is entered.
        cost: the order's, for `per` units.
        shares: what each coding row adds; together they are the line's net amount.
    """

    order: int
    line: int
    release: int
    receipt: ReceiptKey | None = None
    part: str = ""
    quantity: Decimal
    unit: str
    cost: Decimal
    per: CostPer = "E"
    shares: tuple[RowShare, ...]

    @property
    def amount(self) -> Decimal:
        """Net, in invoice currency."""
        return sum((share.amount for share in self.shares), Decimal(0))

    @property
    def key(self) -> tuple[int, int, int, ReceiptKey | None]:
        """What Epicor tells such lines apart by."""
        return self.order, self.line, self.release, self.receipt


class OrderMatch(_Value):
    """What became of the rows of a document that name an order.

    Attributes:
        lines: those that become lines of their order.
        expenses: places of the rows that become plain expense lines.
        findings: what keeps the document from being posted; a match with findings is never recorded.
        held_for: why the invoice is entered on hold.
        remarks: what a bookkeeper should know beside.
        digest: of the references that it was made for.
    """

    lines: tuple[OrderLine, ...] = ()
    expenses: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    held_for: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    digest: str = ""


NOT_MATCHED = OrderMatch()
"""Of a document whose rows name no order."""
