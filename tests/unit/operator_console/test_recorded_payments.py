"""What the stream says of a payment: of its latest picture, whichever transfer it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from mlc_common.events import PaymentAnswerDelivered, PaymentAnswered, PaymentAnswerUndelivered, PaymentSeen
from mlc_common.payment_events import Picture
from operator_console.reconciliation.invoice_sides import Paid
from operator_console.reconciliation.recorded import FACTS
from operator_console.reconciliation.recorded_payments import PAYMENT_FACTS, paid

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
AMOUNTS = {"paid": Decimal("240.10"), "balance": Decimal(0)}


def common(number: int, attempt: str = "a1") -> dict[str, Any]:
    return {"connection": "demo", "at": NOW, "invoice_id": "i1", "attempt": attempt, "number": number}


def seen(number: int, attempt: str = "a1", **more: Any) -> PaymentSeen:
    picture = {"standing": "paid", "currency": "USD", "invoice_amount": Decimal("240.10")} | AMOUNTS | more
    where = {"company": "NWM", "vendor_num": 101, "invoice_num": "INV-1"}
    return PaymentSeen(**common(number, attempt), **where, picture=Picture(**picture))


def answered(number: int, attempt: str = "a1") -> PaymentAnswered:
    return PaymentAnswered(**common(number, attempt), external_code="c", message="Paid", content="d")


def undelivered(number: int, *, again: int = 0) -> PaymentAnswerUndelivered:
    return PaymentAnswerUndelivered(
        **common(number), external_code="c", again=again, reason="not saved", sentence="why"
    )


def delivered(number: int, *, again: int = 0) -> PaymentAnswerDelivered:
    return PaymentAnswerDelivered(**common(number), external_code="c", again=again, request_id="r")


def test_without_a_picture_nothing_is_known() -> None:
    assert paid([]) is None


def test_the_latest_picture_and_what_was_told() -> None:
    assert paid([seen(1)]) == Paid("paid", **AMOUNTS, picture=1, told=0)
    assert paid([seen(2), answered(1)]) == Paid("paid", **AMOUNTS, picture=2, told=1)
    assert paid([seen(2), answered(2), delivered(2)]) == Paid("paid", **AMOUNTS, picture=2, told=2)


def test_what_was_told_of_another_transfer_does_not_count() -> None:
    assert paid([seen(3, "a1"), answered(3, "a1"), seen(1, "a2")]) == Paid("paid", **AMOUNTS, picture=1, told=0)


def test_only_the_last_word_about_the_latest_picture_counts() -> None:
    def why(*facts: Any) -> str | None:
        found = paid([seen(2), answered(2), *facts])
        assert found
        return found.undelivered

    assert why(undelivered(2)) == "not saved"
    assert why(undelivered(1)) is None
    assert why(undelivered(2), delivered(2, again=1)) is None
    assert why(delivered(2), undelivered(2, again=1)) == "not saved"


def test_they_are_among_the_facts_that_are_read() -> None:
    assert set(PAYMENT_FACTS) <= set(FACTS)
