"""A deep look at one AP invoice: its lines, what they are booked on, and whether that adds up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from mlc_common.personal import ERASED
from mlc_epicor.datasets import APInvDtlRow, APInvExpTGLCRow, APInvoiceDataset
from operator_console.reconciliation.invoice_sides import folded
from operator_console.reconciliation.judging_basware import Said

JOURNAL = "R"
"""RecordType of rows that hold no account (Epicor reference, expense distribution and GL accounts)."""

NOTHING = Decimal(0)
Accounts = Mapping[int, frozenset[str]]
"""GL accounts in internal form, as 6100|10|200, by line."""


def lines(held: APInvoiceDataset, *, posted: int, expected: Accounts | None) -> Iterator[Said]:
    """What is wrong with an AP invoice's lines; the first thing of each line.

    Args:
        posted: how many lines were posted.
        expected: the accounts that its document is coded on, by line; a line without any is not compared, and None
            where nobody can tell them.
    """
    if len(held.APInvDtl) != posted:
        yield "LINES_DIFFER", {"theirs": len(held.APInvDtl), "ours": posted}
        return
    for line in held.APInvDtl:
        yield from _line(held, line, None if expected is None else expected.get(line.InvoiceLine))


def _line(held: APInvoiceDataset, line: APInvDtlRow, expected: frozenset[str] | None) -> Iterator[Said]:
    number = line.InvoiceLine
    rows = [row for row in held.APInvExpTGLC if row.InvoiceLine == number and row.RecordType != JOURNAL]
    shares = [row for row in held.APInvExp if row.InvoiceLine == number]
    coded = {row.InvExpSeq for row in rows if row.GLAccount.strip()}
    booked = sum((row.DocExpAmt or NOTHING for row in shares), NOTHING)
    cost = line.DocExtCost if line.DocExtCost is not None else line.ScrDocExtCost or NOTHING
    if not rows or any(share.InvExpSeq not in coded for share in shares):
        yield "ACCOUNT_MISSING", {"line": number}
    elif abs(booked) != abs(cost):
        yield "DISTRIBUTION_DIFFERS", {"line": number, "theirs": booked, "ours": cost}
    elif expected is not None and _accounts(rows) != {folded(each) for each in expected}:
        yield (
            "ACCOUNT_DIFFERS",
            {"line": number, "theirs": _shown(row.GLAccount for row in rows), "ours": _shown(expected)},
        )


def _accounts(rows: list[APInvExpTGLCRow]) -> set[str]:
    """Accounts of the main book; rows of further books repeat them."""
    main = [row for row in rows if not row.BookID.strip()] or rows
    return {folded(row.GLAccount) for row in main if row.GLAccount.strip()}


def _shown(accounts: Iterable[str]) -> str:
    listed = sorted({each.strip().replace("|", "-") for each in accounts})
    return ", ".join(listed) or "none"


def planned_accounts(cells: Mapping[str, str]) -> Accounts:
    """The accounts by line of a plan of the epicor-writer, whose cells are named `APInvExpTGLC 1 GLAccount`.

    An account that rests on erased data cannot be told any more.
    """
    found: dict[int, set[str]] = {}
    for name, account in cells.items():
        table, _, rest = name.partition(" ")
        number, _, column = rest.partition(" ")
        if (table, column) == ("APInvExpTGLC", "GLAccount") and ERASED not in account:
            line = int(cells.get(f"{table} {number} InvoiceLine", number))
            found.setdefault(line, set()).add(account)
    return {line: frozenset(accounts) for line, accounts in found.items()}
