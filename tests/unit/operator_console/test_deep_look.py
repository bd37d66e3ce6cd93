"""The lines of one AP invoice against what was posted and coded; and a draw that is fair and bounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from mlc_epicor.datasets import APInvoiceDataset
from operator_console.reconciliation.deep import Sample
from operator_console.reconciliation.judging_lines import lines, planned_accounts

from .reconciled import CLEAN, HERE, here

OTHER_BOOK = {"InvoiceLine": 1, "InvExpSeq": 1, "RecordType": "A", "BookID": "STAT", "GLAccount": "9|9|9"}


def dataset(**changes: Any) -> APInvoiceDataset:
    """Two lines, the second with two shares."""
    tables: dict[str, Any] = {
        "APInvDtl": [{"InvoiceLine": 1, "DocExtCost": "100.00"}, {"InvoiceLine": 2, "DocExtCost": "-40.10"}],
        "APInvExp": [
            {"InvoiceLine": 1, "InvExpSeq": 1, "DocExpAmt": "100.00"},
            {"InvoiceLine": 2, "InvExpSeq": 1, "DocExpAmt": "-40.00"},
            {"InvoiceLine": 2, "InvExpSeq": 2, "DocExpAmt": "-0.10"},
        ],
        "APInvExpTGLC": [
            {"InvoiceLine": 1, "InvExpSeq": 1, "RecordType": "A", "GLAccount": "6100|10|200"},
            {"InvoiceLine": 1, "InvExpSeq": 1, "RecordType": "R", "GLAccount": ""},
            {"InvoiceLine": 2, "InvExpSeq": 1, "RecordType": "A", "GLAccount": "6100|10|300"},
            {"InvoiceLine": 2, "InvExpSeq": 2, "RecordType": "A", "GLAccount": "6120|10|300"},
        ],
    }
    return APInvoiceDataset.read(tables | changes, what="test")


CODED = {1: frozenset({"6100|10|200"}), 2: frozenset({"6100|10|300", "6120|10|300"})}


def table(name: str, **changes: Any) -> dict[str, Any]:
    """The table with its first row changed."""
    rows = dataset().model_dump(mode="json")[name]
    return {name: [rows[0] | changes, *rows[1:]]}


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (dataset(), []),
        (dataset(**table("APInvDtl", DocExtCost="100.01")), [("DISTRIBUTION_DIFFERS", 1)]),
        (dataset(**table("APInvExp", DocExpAmt="99.99")), [("DISTRIBUTION_DIFFERS", 1)]),
        (dataset(**table("APInvExpTGLC", GLAccount=" ")), [("ACCOUNT_MISSING", 1)]),
        (dataset(APInvExpTGLC=[]), [("ACCOUNT_MISSING", 1), ("ACCOUNT_MISSING", 2)]),
        (dataset(**table("APInvExpTGLC", GLAccount="6999|10|200")), [("ACCOUNT_DIFFERS", 1)]),
        (dataset(APInvExpTGLC=[*dataset().model_dump()["APInvExpTGLC"], OTHER_BOOK]), []),
        (dataset(APInvDtl=[]), [("LINES_DIFFER", None)]),
    ],
)
def test_what_is_wrong_with_lines(held: APInvoiceDataset, said: list[tuple[str, int | None]]) -> None:
    found = [(code, values.get("line")) for code, values in lines(held, posted=2, expected=CODED)]

    assert found == said


def test_accounts_are_compared_only_where_somebody_can_tell_them() -> None:
    moved = dataset(**table("APInvExpTGLC", GLAccount="6999|10|200"))

    assert list(lines(moved, posted=2, expected=None)) == []
    ((_, values),) = lines(moved, posted=2, expected=CODED)
    assert (values["theirs"], values["ours"]) == ("6999-10-200", "6100-10-200")


def test_a_plan_of_the_writer_tells_the_accounts_by_line() -> None:
    cells = {
        "APInvHed 1 InvoiceNum": "INV-1",
        "APInvExpTGLC 1 GLAccount": "6100|10|200",
        "APInvExpTGLC 2 GLAccount": "6100|10|300",
        "APInvExpTGLC 2 InvoiceLine": "2",
        "APInvExpTGLC 3 GLAccount": "6120|10|300",
        "APInvExpTGLC 3 InvoiceLine": "2",
        "APInvExpTGLC 4 GLAccount": "6100|(erased)",
        "APInvExpTGLC 4 InvoiceLine": "3",
    }

    assert planned_accounts(cells) == CODED


def test_a_draw_is_bounded_and_everybody_has_a_chance() -> None:
    chosen: Counter[str] = Counter()
    for _ in range(300):
        sample = Sample(2)
        for number in range(6):
            sample.offer(here(CLEAN, invoice_id=str(number)))
        assert len(sample.drawn) == 2
        chosen.update(case.here.invoice_id for case in sample.drawn if case.here)

    assert set(chosen) == set("012345")
    assert max(chosen.values()) < 3 * min(chosen.values())


def test_what_was_not_entered_here_is_not_drawn() -> None:
    assert HERE.posted
    sample = Sample(5)
    for case in (replace(CLEAN, rows=()), replace(CLEAN, here=None), here(posted=replace(HERE.posted, linked=True))):
        sample.offer(case)

    assert sample.drawn == []
