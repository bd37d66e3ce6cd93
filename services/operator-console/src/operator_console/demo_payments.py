"""The end of the demo: accounts payable posts and pays a few invoices, and Basware is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from operator_console.demo_far_sides import FarSides, until
from operator_console.demo_scenario import Expected, Scenario
from operator_console.exits import CommandError

WITHIN = 20.0
"""Seconds for Basware to be told."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Payment:
    """What is paid of an invoice, and what Basware must hold in the end, told in so many responses."""

    story: str
    invoice: Expected
    amount: Decimal
    voided: bool = False

    @property
    def stands(self) -> Decimal:
        """What is paid in the end."""
        return Decimal(0) if self.voided else self.amount

    @property
    def responses(self) -> int:
        """One for each change, and no more."""
        return 2 if self.voided else 1


def payments(plan: Scenario) -> list[Payment]:
    """Three plain invoices: paid, paid in part, and paid with a payment that is voided afterwards."""
    special = {*plan.kinds, plan.lost_push, plan.lost_answer}
    whole, part, void = [each for each in plan.posted if each.invoice_id not in special][:3]
    return [
        Payment("paid", whole, whole.total),
        Payment("paid in part", part, Decimal(100)),
        Payment("paid, then voided", void, void.total, voided=True),
    ]


def untold(paid: Sequence[Payment], documents: Sequence[Row], *, voided: bool) -> list[str]:
    """What Basware does not hold as it must, before or after the void; each sentence names an invoice."""
    by_id = {str(document["invoiceId"]): document for document in documents}
    wrong = []
    for each in paid:
        amount, wanted = (each.stands, each.responses) if voided else (each.amount, 1)
        document = by_id[each.invoice.invoice_id]
        given = len(document["paymentResponses"] or ())
        held = document["payment"].get("paidTotal")
        if (given, held) != (wanted, amount):
            wrong.append(
                f"Basware holds {each.invoice.number} as paid with {held} after {given} responses "
                f"instead of {amount} after {wanted}"
            )
    return wrong


async def pay(far_sides: FarSides, paid: Sequence[Payment], *, today: date) -> list[str]:
    """Post, pay and void in Epicor; what Basware was not told of it, or told wrongly."""
    held = {str(row["ExternalID"]): row for row in await far_sides.invoices()}
    rows = {each.invoice.invoice_id: held[each.invoice.invoice_id] for each in paid if each.invoice.invoice_id in held}
    if len(rows) < len(paid):
        return ["Nothing could be paid: the invoices to pay are not in Epicor"]
    for company, group in sorted({(row["Company"], row["GroupID"]) for row in rows.values()}):
        await far_sides.post_group(company, group)
    heads = [await far_sides.pay(rows[each.invoice.invoice_id], each.amount, on=today) for each in paid]
    if wrong := await _told(far_sides, paid, voided=False):
        return wrong
    for each, head in zip(paid, heads, strict=True):
        if each.voided:
            await far_sides.void(each.invoice.company, head, on=today)
    return await _told(far_sides, paid, voided=True)


async def _told(far_sides: FarSides, paid: Sequence[Payment], *, voided: bool) -> list[str]:
    async def all_told() -> str | None:
        return None if untold(paid, await far_sides.documents(), voided=voided) else "told"

    try:
        await until(all_told, within=WITHIN, what="Basware is told of the payments")
    except CommandError:
        return untold(paid, await far_sides.documents(), voided=voided)
    return []
