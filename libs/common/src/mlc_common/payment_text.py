"""A picture of payment in one sentence: for Basware's action log, the console and the log. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from mlc_common.catalogue import LONGEST_ANSWER
from mlc_common.payment_events import Payment, Picture


def payment_text(picture: Picture) -> str:
    """What a clerk reads, at most 250 characters (Basware API reference, PaymentResponseEntity)."""
    return f"{_standing(picture)}{_beside(picture)}{_voids(picture)}"[:LONGEST_ANSWER]


def _standing(picture: Picture) -> str:
    match picture.standing:
        case "paid":
            return f"Paid in Epicor: {_paid(picture)}"
        case "partly paid":
            return f"Partly paid in Epicor: {_paid(picture)}, {_money(picture.balance, picture)} open"
        case "voided":
            return f"Not paid: every payment of it was voided in Epicor, {_money(picture.balance, picture)} open"
        case "settled without payment":
            return f"Settled in Epicor without payment: {_money(picture.otherwise, picture)} by credit or adjustment"
        case "open":
            return f"Not paid in Epicor: {_money(picture.balance, picture)} open"
        case "pay hold":
            return f"Not paid: on payment hold in Epicor, {_money(picture.balance, picture)} open"
        case "held":
            return "Not in Epicor's payables yet: the invoice is on hold there"
        case "not posted":
            return "Not in Epicor's payables yet: its group is not posted"
        case "unclear":
            return f"Unclear in Epicor: {picture.why}"
        case _:
            assert_never(picture.standing)


def _paid(picture: Picture) -> str:
    live = [each for each in picture.payments if each.voided is None]
    by = ", ".join(_named(each) for each in live)
    return f"{_money(picture.paid, picture)} by {by}" if by else _money(picture.paid, picture)


def _named(payment: Payment) -> str:
    currency, day = payment.currency, payment.day
    words = (payment.method or "payment", payment.number, currency and f"in {currency}", day and f"on {day}")
    return " ".join(word for word in words if word)


def _beside(picture: Picture) -> str:
    hold = ", on payment hold" if picture.block and picture.standing in ("partly paid", "voided") else ""
    if picture.standing not in ("paid", "partly paid"):
        return hold
    beside = {"discount": picture.discount, "withheld": picture.withheld, "credit or adjustment": picture.otherwise}
    return "".join(f", {_money(amount, picture)} {word}" for word, amount in beside.items() if amount) + hold


def _voids(picture: Picture) -> str:
    voided = [f"{each.number} on {each.voided}" for each in picture.payments if each.voided is not None]
    return f"; voided: {', '.join(voided)}" if voided else ""


def _money(amount: Decimal, picture: Picture) -> str:
    return f"{amount} {picture.currency}"
