"""Accounts payable pays: cheques (CheckHed) and what they do to invoices (APTran, the balances of APInvHed).

Epicor reference, payment status: the original row of a voided payment stays, and a copy with negated amounts is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from mlc_sandbox.epicor.draft import cents, money
from mlc_sandbox.epicor.wire import Row, day
from mlc_sandbox.epicor.world import EpicorWorld, Invoice

ELECTRONIC = 50_000_000
"""From here on electronic payments are numbered."""


@dataclass(frozen=True)
class Part:
    """What one payment does to one invoice, in the invoice's currency; amounts of a debit memo are negative.

    `amount` is money; without it the payment settles what is open, less discount and withheld tax.
    """

    vendor_num: int
    invoice_num: str
    amount: Decimal | None = None
    discount: Decimal = Decimal(0)
    withheld: Decimal = Decimal(0)


@dataclass(frozen=True)
class Cheque:
    """A payment to be made. `applying` is Epicor's Apply Debit Memo and `netting` AP against AR: neither is money."""

    day: date
    method: str = "ACH"
    number: int = 0
    currency: str = ""
    applying: bool = False
    netting: int = 0
    posted: bool = True


def pay(world: EpicorWorld, company: str, parts: Sequence[Part], cheque: Cheque, *, at: datetime) -> int:
    """Pay invoices with one payment; returns its HeadNum. Raises KeyError for one that is not in the payables."""
    invoices = [_payable(world, company, part.vendor_num, part.invoice_num) for part in parts]
    world.head += 1
    head, number = world.head, cheque.number or ELECTRONIC + world.head
    row = _cheque_row(world, company, head, cheque, number, invoices[0])
    for place, (part, invoice) in enumerate(zip(parts, invoices, strict=True), start=1):
        transaction = _transaction(world, invoice, part, place, row, at=at)
        world.transactions.append(transaction)
        row["DocCheckAmt"] += transaction["DocTranAmt"]
    world.cheques[company, head] = row | {"ChangeDate": _changed(world, at)}
    for part, invoice in zip(parts, invoices, strict=True):
        del part
        balance(world, invoice)
    return head


def post(world: EpicorWorld, company: str, head: int, *, at: datetime) -> None:
    """Post a payment that was only entered. Raises KeyError for an unknown one."""
    row = world.cheques[company, head]
    row |= {"Posted": True, **world.touch()}
    moves = {"ChangeDate": _changed(world, at)} if world.settings.posting_moves_change_date else {}
    for transaction in _of_head(world, company, head):
        transaction |= {"Posted": True, **world.touch(), **moves}
    _balances(world, company, head)


def void(world: EpicorWorld, company: str, head: int, *, on: date, at: datetime, reason: str = "") -> None:
    """Void a payment: every one of its rows gets a negated copy. Raises KeyError, ValueError when it was voided."""
    row = world.cheques[company, head]
    if row["Voided"]:
        raise ValueError(f"payment {head} is voided already")
    changed = _changed(world, at)
    row |= {"Voided": True, "VoidDate": day(on), "VoidedReason": reason, "ChangeDate": changed, **world.touch()}
    for original in list(_of_head(world, company, head)):
        negated = {name: -original[name] for name in _AMOUNTS}
        when = changed if world.settings.voids_move_change_date else original["ChangeDate"]
        copy = original | negated | {"Voided": True, "TranDate": day(on), "ChangeDate": when, **world.stamp()}
        world.transactions.append(copy)
    _balances(world, company, head)


def adjust(world: EpicorWorld, company: str, part: Part, *, on: date, at: datetime) -> None:
    """An adjustment: what it takes off the payable is no payment. Raises KeyError."""
    invoice = _payable(world, company, part.vendor_num, part.invoice_num)
    world.head += 1
    row = {"Company": company, "HeadNum": world.head, "CheckNum": 0, "BankAcctID": "", "Posted": True}
    cheque = row | {"TranDate": day(on), "PaymentNumber": "", "NettingID": 0, "CurrencyCode": ""}
    transaction = _transaction(world, invoice, part, 1, cheque, at=at) | {"TranType": "Adj"}
    world.transactions.append(transaction)
    balance(world, invoice)


def balance(world: EpicorWorld, invoice: Invoice) -> None:
    """What an invoice still owes, posted payments apart from all."""
    header = invoice.header
    rows = [row for row in world.transactions if _is_of(row, invoice)]
    posted = sum((_reduction(world, row) for row in rows if row["Posted"]), Decimal(0))
    every = sum((_reduction(world, row) for row in rows), Decimal(0))
    places = world.master.decimals(header["CurrencyCode"])
    amounts = {"InvoiceBal": header["DocInvoiceAmt"] - posted, "UnpostedBal": header["DocInvoiceAmt"] - every}
    rate = Decimal(header["ExchangeRate"])
    header |= {f"Doc{name}": cents(amount, places) for name, amount in amounts.items()}
    header |= {name: cents(amount * rate) for name, amount in amounts.items()}
    header |= {"OpenPayable": header["DocInvoiceBal"] != 0, **world.touch()}


_AMOUNTS = ("TranAmt", "DocTranAmt", "DiscAmt", "DocDiscAmt", "WithholdAmt", "DocWithholdAmt")


def _payable(world: EpicorWorld, company: str, vendor_num: int, invoice_num: str) -> Invoice:
    invoice = world.invoice(company, vendor_num, invoice_num)
    if invoice is None or not invoice.posted:
        raise KeyError(f"invoice {invoice_num} of vendor {vendor_num} is not in the payables of {company}")
    return invoice


def _cheque_row(world: EpicorWorld, company: str, head: int, cheque: Cheque, number: int, invoice: Invoice) -> Row:
    keys = {"Company": company, "HeadNum": head, "CheckNum": number, "VendorNum": invoice.header["VendorNum"]}
    state = {"Posted": cheque.posted, "Voided": False, "VoidDate": None, "VoidedReason": ""}
    what = {"PMUIDName": cheque.method, "CurrencyCode": cheque.currency or invoice.header["CurrencyCode"]}
    sort = {"ApplyingPayment": cheque.applying, "NettingID": cheque.netting, "PaymentNumber": f"P{head}"}
    dates = {"CheckDate": day(cheque.day), "TranDate": day(cheque.day)}
    return {**keys, **state, **what, **sort, **dates, "DocCheckAmt": money(0), "BankAcctID": "MAIN", **world.stamp()}


def _transaction(world: EpicorWorld, invoice: Invoice, part: Part, place: int, cheque: Row, *, at: datetime) -> Row:
    """`DocTranAmt` is net or gross of discount and withheld tax, as the settings say; balances fall by all of it."""
    header = invoice.header
    beside = part.discount + part.withheld
    amount = part.amount if part.amount is not None else header["DocInvoiceBal"] - beside
    shown = amount + (beside if world.settings.payment_amounts == "gross" else 0)
    document = {"TranAmt": money(shown), "DiscAmt": money(part.discount), "WithholdAmt": money(part.withheld)}
    rate = Decimal(header["ExchangeRate"])
    return {
        **{name: cheque[name] for name in ("Company", "HeadNum", "CheckNum", "BankAcctID", "Posted", "TranDate")},
        **{name: cheque[name] for name in ("PaymentNumber", "NettingID")},
        **{name: header[name] for name in ("VendorNum", "InvoiceNum", "CurrencyCode")},
        **{f"Doc{name}": value for name, value in document.items()},
        **{name: cents(value * rate) for name, value in document.items()},
        **{"APTranNo": place, "TranType": "Pay", "Voided": False, "ChangeDate": _changed(world, at)},
        **world.stamp(),
    }


def _reduction(world: EpicorWorld, row: Row) -> Decimal:
    amount = Decimal(row["DocTranAmt"])
    beside = Decimal(row["DocDiscAmt"] + row["DocWithholdAmt"])
    return amount if world.settings.payment_amounts == "gross" or row["TranType"] == "Adj" else amount + beside


def _of_head(world: EpicorWorld, company: str, head: int) -> list[Row]:
    return [row for row in world.transactions if (row["Company"], row["HeadNum"]) == (company, head)]


def _is_of(row: Row, invoice: Invoice) -> bool:
    names = ("Company", "VendorNum", "InvoiceNum")
    return all(row[name] == invoice.header[name] for name in names)


def _balances(world: EpicorWorld, company: str, head: int) -> None:
    for row in _of_head(world, company, head):
        invoice = world.invoice(company, row["VendorNum"], row["InvoiceNum"])
        if invoice is not None:
            balance(world, invoice)


def _changed(world: EpicorWorld, at: datetime) -> str:
    """ChangeDate as this tenant shows it: with a zone, without one, or the day alone."""
    match world.settings.change_date:
        case "day":
            return day(at.date())
        case "local":
            return at.replace(tzinfo=None).isoformat(timespec="milliseconds")
        case _:
            return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
