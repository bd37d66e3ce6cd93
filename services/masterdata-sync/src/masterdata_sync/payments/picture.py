"""The picture of an invoice's payment, from its header, its transactions and their payments. Pure.

Epicor reference, payment status. Whether DocTranAmt holds the discount (and withheld tax) too is not known: so what
the balance has lost decides how much of it was money, and rows that explain it in no way make the picture unclear.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mlc_common.catalogue import Finding, finding
from mlc_common.payment_events import Payment, Picture, Standing
from mlc_epicor.payables import APTranRow, CheckHedRow, PayableRow

NONE = Decimal(0)
PAY = "Pay"

SETTLED: frozenset[Standing] = frozenset({"paid", "settled without payment"})
"""Nothing is open any more; a void or a corrected adjustment can still come."""

WITHOUT_NEWS: frozenset[Standing] = frozenset({"not posted", "held", "open"})
"""What every invoice begins with; it is no news as long as nothing else was seen."""


@dataclass(frozen=True)
class _Sums:
    """Sums over posted rows: as they stand in DocTranAmt, discounts, withheld tax, and what is no payment."""

    shown: Decimal
    discount: Decimal
    withheld: Decimal
    otherwise: Decimal

    def explained(self, settled: Decimal) -> tuple[bool, bool] | None:
        """Whether DocTranAmt holds the discount and the withheld tax, as the balance tells; None when nothing fits."""
        for discount_in in (False, True):
            for withheld_in in (False, True):
                beside = (NONE if discount_in else self.discount) + (NONE if withheld_in else self.withheld)
                if settled == self.shown + beside + self.otherwise:
                    return discount_in, withheld_in
        return None


def payment_picture(header: PayableRow, transactions: Iterable[APTranRow], cheques: Iterable[CheckHedRow]) -> Picture:
    """Everything known of an invoice's payment.

    Args:
        header: the invoice.
        transactions: every row of APTran that belongs to it, in any order; unposted ones do not count.
        cheques: the payments that these rows name.
    """
    posted = sorted(
        (row for row in transactions if row.Posted), key=lambda row: (row.HeadNum, row.APTranNo, row.Voided)
    )
    known = {cheque.HeadNum: cheque for cheque in cheques}
    lost = sorted({row.HeadNum for row in posted if row.TranType == PAY} - known.keys())
    money = [row for row in posted if _is_money(row, known)]
    others = [row for row in posted if not _is_money(row, known)]
    sums = _Sums(
        shown=_total(row.DocTranAmt for row in money),
        discount=_total(row.DocDiscAmt for row in posted),
        withheld=_total(row.DocWithholdAmt for row in posted),
        otherwise=_total(row.DocTranAmt for row in others),
    )
    # Before it is posted its balance says nothing (Epicor reference, payment status).
    settled = header.DocInvoiceAmt - header.DocInvoiceBal if header.Posted else NONE
    reading = sums.explained(settled)
    if reading is None or lost:
        return _unclear(header, settled, sums)
    payments = _payments(money, known, header.CurrencyCode, reading)
    paid = settled - sums.otherwise - sums.discount - sums.withheld
    return Picture(
        standing=_standing(header, paid, payments),
        currency=header.CurrencyCode,
        invoice_amount=header.DocInvoiceAmt,
        balance=header.DocInvoiceBal,
        paid=paid,
        discount=sums.discount,
        withheld=sums.withheld,
        otherwise=sums.otherwise,
        block=header.PayHold,
        terms=header.TermsCode or None,
        day=_day(payments, others),
        payments=tuple(payments),
    )


def is_news(picture: Picture, before: Picture | None) -> bool:
    """Whether a picture says something that the one recorded before does not."""
    if before is None:
        return picture.standing not in WITHOUT_NEWS
    return picture != before


def digest(picture: Picture) -> str:
    """Tells pictures apart without keeping them: 16 hex digits."""
    return hashlib.sha256(picture.model_dump_json().encode()).hexdigest()[:16]


def _is_money(row: APTranRow, known: Mapping[int, CheckHedRow]) -> bool:
    """No adjustment, no debit memo that is applied, and no payable that is set off against a receivable."""
    cheque = known.get(row.HeadNum)
    return row.TranType == PAY and (cheque is None or not (cheque.ApplyingPayment or cheque.NettingID))


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, NONE)


def _standing(header: PayableRow, paid: Decimal, payments: Sequence[Payment]) -> Standing:
    settled = header.DocInvoiceBal == 0 and not header.OpenPayable
    if not header.Posted:
        return "held" if header.InvoiceHeld else "not posted"
    if paid:
        return "paid" if settled else "partly paid"
    if settled:
        return "settled without payment"
    if any(each.voided for each in payments):
        return "voided"
    return "pay hold" if header.PayHold else "open"


def _payments(
    money: Iterable[APTranRow], known: Mapping[int, CheckHedRow], currency: str, reading: tuple[bool, bool]
) -> list[Payment]:
    by_head: dict[int, list[APTranRow]] = {}
    for row in money:
        by_head.setdefault(row.HeadNum, []).append(row)
    found = [_payment(rows, known[head], currency, reading) for head, rows in by_head.items()]
    return sorted(found, key=lambda each: (each.day or date.min, each.head))


def _payment(rows: Sequence[APTranRow], cheque: CheckHedRow, currency: str, reading: tuple[bool, bool]) -> Payment:
    discount, withheld = (_total(row.DocDiscAmt for row in rows), _total(row.DocWithholdAmt for row in rows))
    held_in = (discount if reading[0] else NONE) + (withheld if reading[1] else NONE)
    amount = _total(row.DocTranAmt for row in rows) - held_in
    voids = [row for row in rows if row.Voided]
    number = cheque.CheckNum or rows[0].CheckNum
    return Payment(
        head=cheque.HeadNum,
        number=str(number) if number else "",
        day=max((row.TranDate for row in rows if row.TranDate and not row.Voided), default=cheque.CheckDate),
        amount=amount,
        discount=discount,
        method=cheque.PMUIDName.strip() or None,
        reference=cheque.PaymentNumber.strip() or rows[0].PaymentNumber.strip() or None,
        currency=cheque.CurrencyCode if cheque.CurrencyCode not in ("", currency) else None,
        voided=max((row.TranDate for row in voids if row.TranDate), default=cheque.VoidDate)
        if voids and not amount
        else None,
    )


def _day(payments: Iterable[Payment], others: Iterable[APTranRow]) -> date | None:
    """Of the last payment that holds; without one of the last void, or of what else settled it."""
    live = [each.day for each in payments if each.voided is None and each.day is not None]
    if live:
        return max(live)
    rest = [each.voided for each in payments if each.voided is not None]
    return max([*rest, *(row.TranDate for row in others if row.TranDate is not None)], default=None)


def _unclear(header: PayableRow, settled: Decimal, sums: _Sums) -> Picture:
    explained = sums.shown + sums.discount + sums.withheld + sums.otherwise
    return _without_sums(
        header, finding("PAYMENT_UNCLEAR", settled=settled, explained=explained, currency=header.CurrencyCode)
    )


def unreadable_picture(header: PayableRow, why: str) -> Picture:
    """The picture of an invoice one of whose transactions cannot be read, for the reason given."""
    return _without_sums(header, finding("PAYMENT_UNREADABLE", why=why))


def _without_sums(header: PayableRow, found: Finding) -> Picture:
    return Picture(
        standing="unclear",
        currency=header.CurrencyCode,
        invoice_amount=header.DocInvoiceAmt,
        balance=header.DocInvoiceBal,
        block=header.PayHold,
        terms=header.TermsCode or None,
        why=found.sentence,
    )
