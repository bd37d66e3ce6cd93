"""The rows that a stage saves: our columns over Epicor's default row, or over the row that a save made by itself. Pure.

Epicor reference, expense distribution and GL accounts: the save of a line can make a distribution with an account of
its own; it is changed then, not doubled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from epicor_writer.readback import JOURNAL
from epicor_writer.reference import same_key
from mlc_epicor.datasets import (
    APInvDtlRow,
    APInvExpRow,
    APInvExpTGLCRow,
    APInvHedRow,
    APInvoiceDataset,
    APInvTaxRow,
)

Row = TypeVar("Row", APInvHedRow, APInvDtlRow, APInvExpRow, APInvExpTGLCRow, APInvTaxRow)
_OF_THE_SYSTEM = ("SysRevID", "SysRowID")


@dataclass(frozen=True)
class Plan(Generic[Row]):
    """Rows of one table to save: to be deleted, changed, and added."""

    removed: tuple[Row, ...] = ()
    changed: tuple[Row, ...] = ()
    added: tuple[Row, ...] = ()


def laid_over(default: Mapping[str, Any], meant: Row, *, keys: tuple[str, ...] = ()) -> Row:
    """The default row with our columns, to be added.

    Args:
        keys: beginnings of the names of columns that stay as Epicor filled them in.
    """
    ours = {name: value for name, value in _columns(meant).items() if not (name.startswith(keys) and default.get(name))}
    kept = {name: value for name, value in default.items() if name not in _OF_THE_SYSTEM}
    return type(meant).model_validate({**kept, **ours, "RowMod": "A"})


def _columns(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.model_fields_set if name not in _OF_THE_SYSTEM}


def _changed(row: Row, columns: Mapping[str, Any]) -> Row | None:
    """The row as it was read with other values, or None when it holds them already."""
    extra = row.model_extra or {}
    same = all((extra.get(name) if name in extra else getattr(row, name, None)) == columns[name] for name in columns)
    return None if same else row.model_copy(update={**columns, "RowMod": "U"})


def expenses_to_save(meant: APInvoiceDataset, held: APInvoiceDataset) -> Plan[APInvExpRow]:
    """What turns the distributions that the lines' saves made into the shares that were meant."""
    removed: list[APInvExpRow] = []
    changed: list[APInvExpRow] = []
    added: list[APInvExpRow] = []
    for line in _lines(meant.APInvExp):
        wished, facts = _of_line(meant.APInvExp, line), _of_line(held.APInvExp, line)
        for wish, fact in zip(wished, facts, strict=False):
            amounts = {"DocExpAmt": wish.DocExpAmt, "DocScrExpAmt": wish.DocScrExpAmt}
            changed += [row for row in [_changed(fact, amounts)] if row]
        removed += [fact.model_copy(update={"RowMod": "D"}) for fact in facts[len(wished) :]]
        free = _free_numbers(facts)
        added += [wish.model_copy(update={"InvExpSeq": next(free)}) for wish in wished[len(facts) :]]
    return Plan(tuple(removed), tuple(changed), tuple(added))


def accounts_to_save(meant: APInvoiceDataset, held: APInvoiceDataset) -> Plan[APInvExpTGLCRow]:
    """What brings every share onto its account; `held` has the distributions that were meant."""
    changed: list[APInvExpTGLCRow] = []
    added: list[APInvExpTGLCRow] = []
    known = {(row.InvoiceLine, row.InvExpSeq): row for row in held.APInvExpTGLC if _is_account(row, meant)}
    for line in _lines(meant.APInvExpTGLC):
        wished, facts = _of_line(meant.APInvExpTGLC, line), _of_line(held.APInvExp, line)
        for wish, fact in zip(wished, facts, strict=False):
            row = known.get((line, fact.InvExpSeq))
            if row is None:
                place = {"InvExpSeq": fact.InvExpSeq, "Key4": str(fact.InvExpSeq)}
                added.append(wish.model_copy(update=place))
                continue
            account = {"COACode": wish.COACode, "GLAccount": wish.GLAccount, **(wish.model_extra or {})}
            changed += [each for each in [_changed(row, account)] if each]
    return Plan((), tuple(changed), tuple(added))


def taxes_to_save(meant: APInvoiceDataset, held: APInvoiceDataset) -> Plan[APInvTaxRow]:
    """Given taxes; one that Epicor computed under the same code becomes the one that was given."""
    known = {_tax_key(row): row for row in held.APInvTax}
    changed: list[APInvTaxRow] = []
    added: list[APInvTaxRow] = []
    for wish in meant.APInvTax:
        row = known.get(_tax_key(wish))
        if row is None:
            added.append(wish)
            continue
        given = {name: value for name, value in _columns(wish).items() if name.startswith(("Doc", "Scr", "Manual"))}
        changed += [each for each in [_changed(row, given)] if each]
    return Plan((), tuple(changed), tuple(added))


def _tax_key(row: APInvTaxRow) -> tuple[str, str, int]:
    return same_key(row.TaxCode), same_key(row.RateCode), row.ECAcquisitionSeq


def _is_account(row: APInvExpTGLCRow, meant: APInvoiceDataset) -> bool:
    """Whether it is account data of the book that we post in; other books have rows of their own."""
    books = {same_key(wish.BookID) for wish in meant.APInvExpTGLC} | {""}
    return row.RecordType != JOURNAL and same_key(row.BookID) in books


Share = TypeVar("Share", APInvExpRow, APInvExpTGLCRow)


def _lines(rows: Iterable[Share]) -> list[int]:
    return sorted({row.InvoiceLine for row in rows})


def _of_line(rows: Sequence[Share], line: int) -> list[Share]:
    return sorted((row for row in rows if row.InvoiceLine == line), key=lambda row: row.InvExpSeq)


def _free_numbers(taken: Iterable[APInvExpRow]) -> Iterator[int]:
    numbers = {row.InvExpSeq for row in taken}
    number = 0
    while True:
        number += 1
        if number not in numbers:
            yield number
