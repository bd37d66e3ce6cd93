"""What the stream says of an invoice's payment: its latest picture, and whether that was told and has arrived. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from mlc_common.events import (
    Event,
    PaymentAnswerDelivered,
    PaymentAnswered,
    PaymentAnswerUndelivered,
    PaymentSeen,
)
from mlc_common.stored_event import FactOfDocument
from operator_console.reconciliation.invoice_sides import Paid

PAYMENT_FACTS: tuple[type[FactOfDocument], ...] = (
    PaymentSeen,
    PaymentAnswered,
    PaymentAnswerDelivered,
    PaymentAnswerUndelivered,
)
"""The kinds of facts that are looked at."""

Kind = TypeVar("Kind", PaymentSeen, PaymentAnswered, PaymentAnswerDelivered, PaymentAnswerUndelivered)


def paid(facts: Iterable[Event]) -> Paid | None:
    """The payment; None when no picture of it was recorded.

    Args:
        facts: the last of each kind in `PAYMENT_FACTS` and attempt, oldest first.
    """
    known = list(facts)
    seen = _last(known, PaymentSeen)
    if seen is None:
        return None
    mine = [each for each in known if isinstance(each, FactOfDocument) and each.attempt == seen.attempt]
    told = _last(mine, PaymentAnswered)
    return Paid(
        standing=seen.picture.standing,
        paid=seen.picture.paid,
        balance=seen.picture.balance,
        picture=seen.number,
        told=told.number if told else 0,
        undelivered=_undelivered(mine, seen),
    )


def _undelivered(mine: Sequence[FactOfDocument], seen: PaymentSeen) -> str | None:
    """Why the telling of the latest picture did not arrive, if that was said last."""
    failed, arrived = _last(mine, PaymentAnswerUndelivered), _last(mine, PaymentAnswerDelivered)
    if failed is None or failed.number != seen.number:
        return None
    later = arrived is not None and (arrived.number, arrived.again) >= (failed.number, failed.again)
    return None if later else failed.reason


def _last(facts: Iterable[Event | FactOfDocument], kind: type[Kind]) -> Kind | None:
    found = [each for each in facts if isinstance(each, kind)]
    return found[-1] if found else None
