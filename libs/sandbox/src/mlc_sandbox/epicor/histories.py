"""What becomes of an invoice in accounts payable, as a text that a bookkeeper can write, played against the books.

One step a line; `#` begins a remark. Amounts are in the invoice's currency, of a credit note positive as on screen.

    invoice 1240.00 USD [credit]            enter it; always the first step
    post                                    its group is posted: it is in the payables
    keep | let go                           put the invoice on hold in its group, or take it off
    pay rest|AMOUNT on DAY [discount X] [withheld X] [by METHOD] [in CUR] [number N] [unposted] [and AMOUNT] as NAME
                                            `and`: the same payment pays another invoice as well
    post NAME                               post a payment that was only entered
    void NAME on DAY
    apply AMOUNT on DAY as NAME             apply a debit memo: no money
    net AMOUNT on DAY as NAME               set off against receivables: no money
    adjust AMOUNT on DAY
    hold | release                          the payment hold
    look                                    somebody looks at the books here
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from mlc_sandbox.epicor import payments
from mlc_sandbox.epicor.draft import cents
from mlc_sandbox.epicor.payments import Cheque, Part
from mlc_sandbox.epicor.wire import Row, day, instant
from mlc_sandbox.epicor.world import EpicorWorld, Invoice

LOOK = "look"

_FLAGS: Mapping[str, Row] = {
    "post": {"Posted": True, "OpenPayable": True},
    "keep": {"InvoiceHeld": True},
    "let go": {"InvoiceHeld": False},
    "hold": {"PayHold": True},
    "release": {"PayHold": False},
}


@dataclass
class Account:
    """One invoice of a history in the books; `heads` are its payments by the names that the history gives them."""

    world: EpicorWorld
    company: str
    vendor_num: int
    number: str
    external_id: str
    sign: int = 1
    heads: dict[str, int] = field(default_factory=dict)

    @property
    def invoice(self) -> Invoice:
        """The invoice. Raises KeyError before it is entered."""
        found = self.world.invoice(self.company, self.vendor_num, self.number)
        if found is None:
            raise KeyError(f"{self.number} is not entered")
        return found

    def play(self, step: str, *, at: datetime) -> None:
        """Do one step; a look does nothing here. Raises ValueError or KeyError for what cannot be done."""
        if step == LOOK:
            return
        if step in _FLAGS:
            self.invoice.header |= {**_FLAGS[step], **self.world.touch()}
            return
        match step.split():
            case ["invoice", amount, currency, *rest]:
                self.sign = -1 if rest == ["credit"] else 1
                enter(self, Decimal(amount), currency, at=at)
            case ["post", name]:
                payments.post(self.world, self.company, self.heads[name], at=at)
            case ["void", name, "on", when]:
                payments.void(self.world, self.company, self.heads[name], on=date.fromisoformat(when), at=at)
            case ["adjust", amount, "on", when]:
                payments.adjust(self.world, self.company, self._part(amount), on=date.fromisoformat(when), at=at)
            case ["pay" | "apply" | "net" as how, amount, "on", when, *rest]:
                self._pay(how, amount, date.fromisoformat(when), rest, at=at)
            case _:
                raise ValueError(f"no such step: {step}")

    def _pay(self, how: str, amount: str, when: date, rest: list[str], *, at: datetime) -> None:
        said = dict(_pairs(rest))
        cheque = Cheque(
            when,
            method=said.get("by", "ACH"),
            number=int(said.get("number", 0)),
            currency=said.get("in", ""),
            applying=how == "apply",
            netting=7 if how == "net" else 0,
            posted="unposted" not in said,
        )
        parts = [self._part(amount, discount=said.get("discount", "0"), withheld=said.get("withheld", "0"))]
        if "and" in said:
            parts.append(self._other(Decimal(said["and"]), at=at))
        self.heads[said["as"]] = payments.pay(self.world, self.company, parts, cheque, at=at)

    def _part(self, amount: str, *, discount: str = "0", withheld: str = "0") -> Part:
        money = None if amount == "rest" else Decimal(amount) * self.sign
        beside = Decimal(discount) * self.sign, Decimal(withheld) * self.sign
        return Part(self.vendor_num, self.number, money, *beside)

    def _other(self, amount: Decimal, *, at: datetime) -> Part:
        """Another invoice of the same vendor that nobody watches."""
        other = Account(self.world, self.company, self.vendor_num, f"{self.number}-B", "")
        enter(other, amount, self.invoice.header["CurrencyCode"], at=at)
        other.play("post", at=at)
        return Part(self.vendor_num, other.number)


def steps(text: str) -> list[str]:
    """The steps of a history, remarks and empty lines left out."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line]


def enter(account: Account, amount: Decimal, currency: str, *, at: datetime) -> None:
    """Put an invoice into the books, in a group that is not posted."""
    world, company = account.world, account.company
    home = world.master.companies[company]["CurrencyCode"]
    rate = Decimal(1) if currency == home else world.master.rate(currency, home) or Decimal(1)
    stored = cents(amount * account.sign, world.master.decimals(currency))
    sums: Row = {f"Doc{name}": stored for name in ("InvoiceAmt", "InvoiceBal", "UnpostedBal", "InvoiceVendorAmt")}
    sums |= {name: cents(stored * rate) for name in ("InvoiceAmt", "InvoiceBal", "UnpostedBal")}
    header: Row = {
        **{"Company": company, "VendorNum": account.vendor_num, "InvoiceNum": account.number, "GroupID": "B2611220"},
        **{"DebitMemo": account.sign < 0, "CurrencyCode": currency, "ExchangeRate": rate, "TermsCode": "N30"},
        **{"Posted": False, "OpenPayable": False, "InvoiceHeld": False, "PayHold": False},
        **{"ExternalID": account.external_id, "InvoiceDate": day(at.date()), "ChangeDate": instant(at)},
        **{"EntryPerson": world.settings.user, "DocInvoiceVariance": Decimal(0), **sums, **world.stamp()},
    }
    invoice = Invoice(header)
    world.invoices[invoice.key] = invoice


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """The named parts of a step; `unposted` stands alone."""
    left = iter(words)
    for word in left:
        yield word, "" if word == "unposted" else next(left)
