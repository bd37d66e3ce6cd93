"""The picture of a payment: what Epicor's rows and balances mean, whichever way they are to be read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterdata_sync.payments.picture import digest, is_news, payment_picture
from mlc_common.payment_events import Picture, Standing
from mlc_common.payment_text import payment_text
from mlc_epicor.payables import APTranRow, CheckHedRow, PayableRow

DAY = "2026-11-05T00:00:00"


def header(balance: str, amount: str = "100.00", **more: Any) -> PayableRow:
    given = {"VendorNum": 101, "InvoiceNum": "INV-1", "Posted": True, "CurrencyCode": "USD", "TermsCode": "N30"}
    amounts = {"DocInvoiceAmt": Decimal(amount), "DocInvoiceBal": Decimal(balance)}
    return PayableRow.model_validate(given | amounts | {"OpenPayable": Decimal(balance) != 0} | more)


def tran(head: int, amount: str, **more: Any) -> APTranRow:
    given = {"VendorNum": 101, "InvoiceNum": "INV-1", "HeadNum": head, "APTranNo": 1, "TranType": "Pay", "Posted": True}
    return APTranRow.model_validate(
        given | {"Voided": False, "DocTranAmt": Decimal(amount), "TranDate": DAY, "CheckNum": 5000 + head} | more
    )


def cheque(head: int, **more: Any) -> CheckHedRow:
    given = {"HeadNum": head, "CheckNum": 5000 + head, "PMUIDName": "ACH", "CurrencyCode": "USD", "CheckDate": DAY}
    return CheckHedRow.model_validate(given | {"ApplyingPayment": False, "NettingID": 0} | more)


def seen(balance: str, *rows: APTranRow, **more: Any) -> Picture:
    heads = sorted({row.HeadNum for row in rows if row.TranType == "Pay"})
    return payment_picture(header(balance, **more), rows, [cheque(head) for head in heads])


@pytest.mark.parametrize(
    ("balance", "rows", "standing", "paid"),
    [
        ("100.00", [], "open", "0"),
        ("60.00", [tran(1, "40.00")], "partly paid", "40.00"),
        ("0.00", [tran(1, "40.00"), tran(2, "60.00")], "paid", "100.00"),
        ("100.00", [tran(1, "100.00"), tran(1, "-100.00", Voided=True)], "voided", "0.00"),
        ("0.00", [tran(9, "100.00", TranType="Adj")], "settled without payment", "0.00"),
        ("0.00", [tran(1, "70.00"), tran(9, "30.00", TranType="Adj")], "paid", "70.00"),
        ("100.00", [tran(1, "100.00", Posted=False)], "open", "0"),
    ],
)
def test_balances_and_transactions_say_where_the_invoice_stands(
    balance: str, rows: list[APTranRow], standing: Standing, paid: str
) -> None:
    picture = seen(balance, *rows)

    assert picture.standing == standing
    assert picture.paid == Decimal(paid)


@pytest.mark.parametrize("shown", ["98.00", "100.00"], ids=["net", "gross"])
def test_a_discount_is_no_money_whether_the_amount_holds_it_or_not(shown: str) -> None:
    picture = seen("0.00", tran(1, shown, DocDiscAmt=Decimal("2.00")))

    assert (picture.standing, picture.paid, picture.discount) == ("paid", Decimal("98.00"), Decimal("2.00"))
    assert picture.payments[0].amount == Decimal("98.00")


@pytest.mark.parametrize("shown", ["88.00", "90.00", "98.00", "100.00"])
def test_withheld_tax_beside_a_discount_is_told_apart_in_all_four_readings(shown: str) -> None:
    picture = seen("0.00", tran(1, shown, DocDiscAmt=Decimal("2.00"), DocWithholdAmt=Decimal("10.00")))

    assert (picture.standing, picture.paid, picture.withheld) == ("paid", Decimal("88.00"), Decimal("10.00"))
    assert picture.payments[0].amount == Decimal("88.00")


@pytest.mark.parametrize(
    ("balance", "rows"),
    [
        ("0.00", []),
        ("0.01", [tran(1, "100.00")]),
        ("0.00", [tran(1, "97.00", DocDiscAmt=Decimal("2.00"))]),
    ],
)
def test_what_does_not_add_up_is_said_and_never_guessed(balance: str, rows: list[APTranRow]) -> None:
    picture = seen(balance, *rows)

    assert picture.standing == "unclear"
    assert picture.paid == 0
    assert str(Decimal("100.00") - Decimal(balance)) in str(picture.why)


def test_a_payment_that_cannot_be_read_makes_it_unclear() -> None:
    assert payment_picture(header("0.00"), [tran(1, "100.00")], []).standing == "unclear"


@pytest.mark.parametrize("sort", [{"ApplyingPayment": True}, {"NettingID": 7}])
def test_a_credit_applied_and_a_netting_are_no_money(sort: dict[str, Any]) -> None:
    picture = payment_picture(header("0.00"), [tran(1, "100.00")], [cheque(1, **sort)])

    assert (picture.standing, picture.paid, picture.otherwise) == ("settled without payment", 0, Decimal("100.00"))
    assert picture.payments == ()


@pytest.mark.parametrize(
    ("more", "standing"),
    [
        ({"Posted": False, "OpenPayable": False}, "not posted"),
        ({"Posted": False, "InvoiceHeld": True}, "held"),
        ({"PayHold": True}, "pay hold"),
    ],
)
def test_what_keeps_it_from_being_paid_is_seen(more: dict[str, Any], standing: Standing) -> None:
    picture = seen("100.00", **more)

    assert picture.standing == standing
    assert not is_news(picture, None) or standing == "pay hold"


def test_a_balance_of_nothing_that_is_still_open_is_not_paid_yet() -> None:
    assert seen("0.00", tran(1, "100.00"), OpenPayable=True).standing == "partly paid"


def test_a_payment_in_another_currency_says_so() -> None:
    picture = payment_picture(header("0.00"), [tran(1, "100.00")], [cheque(1, CurrencyCode="EUR")])

    assert picture.payments[0].currency == "EUR"
    assert picture.paid == Decimal("100.00")


def test_the_date_is_that_of_the_last_payment_that_holds() -> None:
    later = "2026-11-20T00:00:00"
    void = tran(2, "-50.00", Voided=True, TranDate="2026-11-25T00:00:00")
    picture = seen("50.00", tran(1, "50.00"), tran(2, "50.00", TranDate=later), void)

    assert picture.day == date(2026, 11, 5)
    assert picture.payments[1].voided == date(2026, 11, 25)
    assert "voided: 5002 on 2026-11-25" in payment_text(picture)


def test_a_reissued_cheque_leaves_the_invoice_paid_by_the_new_one() -> None:
    picture = seen("0.00", tran(1, "100.00"), tran(1, "-100.00", Voided=True), tran(2, "100.00"))

    assert picture.standing == "paid"
    assert [each.number for each in picture.payments if each.voided is None] == ["5002"]


def test_a_credit_note_keeps_epicors_sign() -> None:
    picture = seen("0.00", tran(1, "-100.00"), amount="-100.00")

    assert (picture.standing, picture.paid) == ("paid", Decimal("-100.00"))


def test_the_same_picture_again_is_no_news() -> None:
    paid = seen("0.00", tran(1, "100.00"))

    assert is_news(paid, None)
    assert not is_news(paid, Picture.model_validate_json(paid.model_dump_json()))
    assert digest(paid) == digest(Picture.model_validate_json(paid.model_dump_json()))


amounts = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(5000), places=2)


@given(
    st.lists(st.tuples(amounts, amounts, st.booleans()), max_size=6), st.booleans(), st.randoms(use_true_random=False)
)
def test_any_history_adds_up_in_any_order(
    history: list[tuple[Decimal, Decimal, bool]], gross: bool, random: Any
) -> None:
    rows, balance = [], Decimal(100_000)
    for head, (money, discount, voided) in enumerate(history, start=1):
        given = {"DocDiscAmt": discount}
        shown = money + (discount if gross else 0)
        rows.append(tran(head, str(shown), **given))
        if voided:
            rows.append(tran(head, str(-shown), Voided=True, DocDiscAmt=-discount))
        else:
            balance -= money + discount
    random.shuffle(rows)

    picture = seen(str(balance), *rows, amount="100000")

    live = [(money, discount) for money, discount, voided in history if not voided]
    assert picture.paid == sum(money for money, _ in live)
    assert picture.discount == sum(discount for _, discount in live)
    assert picture.invoice_amount - picture.balance == picture.paid + picture.discount
    assert [each.amount for each in picture.payments if each.voided is None] == [money for money, _ in live]
