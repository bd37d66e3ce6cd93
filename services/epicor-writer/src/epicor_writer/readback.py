"""Does what Epicor holds equal what was meant? Pure.

HTTP 200 is no success: a line's account can be blank, an expense doubled, the control total missed (Epicor reference,
UpdateMaster and the empty-account problem). Every difference is a phrase that fits into a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from epicor_writer.codes import same_key
from epicor_writer.readback_orders import aligned, order_differences
from mlc_epicor.columns import same_value
from mlc_epicor.datasets import APInvDtlRow, APInvExpRow, APInvExpTGLCRow, APInvHedRow, APInvoiceDataset, APInvTaxRow

ZERO = Decimal(0)
_LONGEST_SHOWN = 40
_CODES = (
    ("CurrencyCode", "currency"),
    ("TermsCode", "terms"),
    ("SEBankRef", "payment reference"),
    ("TranDocTypeID", "document type"),
    ("RateGrpCode", "rate type"),
    ("TaxRegionCode", "tax liability"),
)
SAME_RATE = Decimal("0.000001")
JOURNAL = "R"
"""RecordType of account rows that only refer to the journal."""


def differences(meant: APInvoiceDataset, held: APInvoiceDataset, *, tax_gap: Decimal = ZERO) -> list[str]:
    """Everything in which `held` is not the invoice that was meant; empty when it is.

    Args:
        tax_gap: by how much the total may be another one, where Epicor computes the tax.
    """
    meant = aligned(as_stored(meant, held), held)
    return [*_header(meant, held, tax_gap), *_lines(meant, held), *_taxes(meant, held)]


def as_stored(meant: APInvoiceDataset, held: APInvoiceDataset) -> APInvoiceDataset:
    """What was meant, with the sign in which Epicor stores a debit memo's amounts.

    Epicor reference, AP invoice data model: they are said to be stored negative, which is not proven.
    """
    if not meant.header.DebitMemo or (held.header.DocInvoiceAmt or ZERO) <= ZERO:
        return meant
    header = {"DocInvoiceVendorAmt": meant.header.ScrDocInvoiceVendorAmt}
    return meant.model_copy(
        update={
            "APInvHed": (meant.header.model_copy(update=header),),
            "APInvDtl": tuple(
                r.model_copy(update={"DocExtCost": r.ScrDocExtCost, "VendorQty": r.ScrVendorQty})
                for r in meant.APInvDtl
            ),
            "APInvExp": tuple(r.model_copy(update={"DocExpAmt": r.DocScrExpAmt}) for r in meant.APInvExp),
            "APInvTax": tuple(r.model_copy(update={"DocTaxAmt": r.ScrDocTaxAmt}) for r in meant.APInvTax),
        }
    )


def _header(meant: APInvoiceDataset, held: APInvoiceDataset, tax_gap: Decimal) -> Iterator[str]:
    wish, fact = meant.header, held.header
    total = wish.DocInvoiceVendorAmt or ZERO
    if fact.DocInvoiceAmt != total + tax_gap:
        yield f"the total is {money(fact.DocInvoiceAmt)} instead of {money(total)}"
    variance = _variance(fact, total)
    if variance != -tax_gap:
        yield f"the control total is missed by {money(variance)}"
    for name, what in _CODES:
        asked, got = getattr(wish, name), getattr(fact, name)
        if asked and same_key(got) != same_key(asked):
            yield f"{what} {got or 'blank'} instead of {asked}"
    for name, what in (("InvoiceDate", "invoice date"), ("ApplyDate", "apply date")):
        if getattr(wish, name) != getattr(fact, name):
            yield f"{what} {getattr(fact, name) or 'blank'} instead of {getattr(wish, name)}"
    if fact.DebitMemo != wish.DebitMemo:
        yield "it is a debit memo" if fact.DebitMemo else "it is no debit memo"
    if wish.ExchangeRate is not None and not _same_rate(wish.ExchangeRate, fact.ExchangeRate):
        yield f"exchange rate {fact.ExchangeRate or 'blank'} instead of {wish.ExchangeRate}"
    if wish.InvoiceHeld and not fact.InvoiceHeld:
        yield "it is not on hold"
    yield from _columns(wish, fact, "")


def _columns(wish: APInvHedRow | APInvDtlRow, fact: APInvHedRow | APInvDtlRow, where: str) -> Iterator[str]:
    """The columns that the connection itself fills; one that Epicor does not return is blank."""
    facts = fact.model_extra or {}
    for name, asked in (wish.model_extra or {}).items():
        if not same_value(asked, facts.get(name)):
            yield f"{where}column {name} holds {_shown(facts.get(name))} instead of {_shown(asked)}"


def _shown(value: object) -> str:
    text = "" if value is None else str(value)
    return text[:_LONGEST_SHOWN] or "nothing"


def _same_rate(wish: Decimal, fact: Decimal | None) -> bool:
    """Equal to six digits: how many decimals Epicor keeps of a rate is not documented."""
    return fact is not None and abs(fact - wish) <= wish * SAME_RATE


def _variance(fact: APInvHedRow, total: Decimal) -> Decimal | None:
    """The vendor's total less the computed one; worked out when Epicor does not tell."""
    if fact.DocInvoiceVariance is not None:
        return fact.DocInvoiceVariance
    return None if fact.DocInvoiceAmt is None else total - fact.DocInvoiceAmt


def _lines(meant: APInvoiceDataset, held: APInvoiceDataset) -> Iterator[str]:
    if len(held.APInvDtl) != len(meant.APInvDtl):
        yield f"{len(held.APInvDtl)} lines instead of {len(meant.APInvDtl)}"
        return
    facts = {line.InvoiceLine: line for line in held.APInvDtl}
    for wish in meant.APInvDtl:
        number = wish.InvoiceLine
        fact = facts.get(number)
        if fact is None:
            yield f"line {number} is missing"
            continue
        if _cost(fact) != _cost(wish):
            yield f"line {number} has {money(_cost(fact))} instead of {money(_cost(wish))}"
        yield from order_differences(wish, fact)
        expenses = [row for row in held.APInvExp if row.InvoiceLine == number]
        rows = [row for row in held.APInvExpTGLC if row.InvoiceLine == number and row.RecordType != JOURNAL]
        yield from _columns(wish, fact, f"line {number} ")
        yield from _expenses(wish, expenses)
        wished = [row for row in meant.APInvExpTGLC if row.InvoiceLine == number]
        yield from _accounts(number, wished, expenses, rows)
        if len(wished) > 1:
            yield from _shares(number, _by_account(meant, number), _by_account(held, number))
        yield from _dynamic_segments(number, wished, rows)


def _expenses(wish: APInvDtlRow, expenses: Iterable[APInvExpRow]) -> Iterator[str]:
    booked = sum((row.DocExpAmt or ZERO for row in expenses), ZERO)
    if booked != _cost(wish):
        yield f"the expenses of line {wish.InvoiceLine} are {money(booked)} instead of {money(_cost(wish))}"


def _accounts(
    number: int, wished: list[APInvExpTGLCRow], expenses: list[APInvExpRow], rows: list[APInvExpTGLCRow]
) -> Iterator[str]:
    """Accounts of one line; with several shares they are compared as a set."""
    books = {same_key(wish.BookID) for wish in wished} | {""}
    ours = [row for row in rows if same_key(row.BookID) in books or not wished]
    coded = {row.InvExpSeq for row in ours if row.GLAccount.strip()}
    if not ours or any(not row.GLAccount.strip() for row in rows) or any(e.InvExpSeq not in coded for e in expenses):
        yield f"line {number} has no GL account"
    if not wished:
        return  # whatever account the order gives
    meant = {same_key(wish.GLAccount): wish.GLAccount for wish in wished}
    held = {same_key(row.GLAccount): row.GLAccount.strip() for row in ours if row.GLAccount.strip()}
    instead = ", ".join(_display(account) for account in meant.values())
    for key in sorted(held.keys() - meant.keys()):
        yield f"line {number} is on account {_display(held[key])} instead of {instead}"
    if held:
        for key in sorted(meant.keys() - held.keys()):
            if held.keys() <= meant.keys():
                yield f"line {number} lacks account {_display(meant[key])}"


def _shares(number: int, wished: Mapping[str, Decimal], held: Mapping[str, Decimal]) -> Iterator[str]:
    """What each account of a line with several shares gets; which accounts there are is told already."""
    for account in sorted(wished.keys() & held.keys()):
        if wished[account] != held[account]:
            yield (
                f"line {number} has {money(held[account])} on account {_display(account)} "
                f"instead of {money(wished[account])}"
            )


def _by_account(dataset: APInvoiceDataset, number: int) -> dict[str, Decimal]:
    accounts = {
        row.InvExpSeq: same_key(row.GLAccount)
        for row in dataset.APInvExpTGLC
        if row.InvoiceLine == number and row.RecordType != JOURNAL
    }
    sums: dict[str, Decimal] = {}
    for row in dataset.APInvExp:
        if row.InvoiceLine == number and row.InvExpSeq in accounts:
            account = accounts[row.InvExpSeq]
            sums[account] = sums.get(account, ZERO) + (row.DocExpAmt or ZERO)
    return sums


def _dynamic_segments(number: int, wished: list[APInvExpTGLCRow], rows: list[APInvExpTGLCRow]) -> Iterator[str]:
    """Values of dynamic segments, which the GL account itself does not hold."""
    for wish in wished:
        segments = wish.model_extra or {}
        same_account = [row for row in rows if same_key(row.GLAccount) == same_key(wish.GLAccount)]
        if len(segments) == len(wish.GLAccount.split("|")) or not same_account:
            continue
        if not any(_holds(row.model_extra or {}, segments) for row in same_account):
            yield f"line {number} lacks the dynamic segments of {'-'.join(map(str, segments.values()))}"


def _holds(held: Mapping[str, object], segments: Mapping[str, object]) -> bool:
    return all(same_key(str(held.get(name) or "")) == same_key(str(value)) for name, value in segments.items())


def _taxes(meant: APInvoiceDataset, held: APInvoiceDataset) -> Iterator[str]:
    """Taxes as they were given; the sum of those that Epicor computes is part of the total."""
    if meant.header.ReadyToCalc:
        return
    wished, facts = _by_code(meant.APInvTax), _by_code(held.APInvTax)
    for code in [*wished, *(code for code in facts if code not in wished)]:
        asked, got = wished.get(code, ZERO), facts.get(code, ZERO)
        if asked != got:
            yield f"tax {code.upper()} is {money(got)} instead of {money(asked)}"


def _by_code(rows: Iterable[APInvTaxRow]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for row in rows:
        code = same_key(row.TaxCode)
        sums[code] = sums.get(code, ZERO) + tax_held(row)
    return sums


def tax_held(row: APInvTaxRow) -> Decimal:
    """The tax of one row, in the sign Epicor stores."""
    return (row.DocTaxAmt if row.DocTaxAmt is not None else row.ScrDocTaxAmt) or ZERO


def _cost(line: APInvDtlRow) -> Decimal | None:
    return line.DocExtCost if line.DocExtCost is not None else line.ScrDocExtCost


def money(amount: Decimal | None) -> str:
    """An amount for people: two decimals, or three where it has them."""
    if amount is None:
        return "nothing"
    return f"{amount:.2f}" if amount == round(amount, 2) else f"{amount.normalize():f}"


def _display(account: str) -> str:
    return account.replace("|", "-")
