"""Epicor's own tax beside Basware's: met, rounded otherwise, or apart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from epicor_writer.computed_taxes import holds_of, remarks_of, settled_by, tax_gap
from epicor_writer.decision import Done, GiveUp, PostedOtherwise, Repair, Said, Settle, TaxApart, decide, next_step
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.progress import Progress
from epicor_writer.reference import Vendor
from epicor_writer.refusals import speaks_of_a_period
from mlc_epicor.datasets import APInvoiceDataset, APInvTaxRow

CENTS = Decimal("0.05")
FOUND = Progress(phase="sent", removable=True)


@pytest.fixture
def meant(draft: Draft) -> APInvoiceDataset:
    """300.00 net and 24.75 tax, which Epicor computes."""
    computed = replace(draft, taxes=(), computes_tax=True)
    return to_dataset(computed, Vendor(101, "10432"), group_id="B2610280")


def with_tax(meant: APInvoiceDataset, *taxes: str, **header: object) -> APInvoiceDataset:
    """What Epicor holds after it computed these taxes."""
    rows = tuple(
        APInvTaxRow(TaxCode=f"T{place}", DocTaxAmt=Decimal(tax), ScrDocTaxAmt=Decimal(tax), SysRevID=7)
        for place, tax in enumerate(taxes)
    )
    total = Decimal("300.00") + sum(map(Decimal, taxes))
    amounts = {"DocInvoiceAmt": total, "DocInvoiceVariance": Decimal("324.75") - total}
    return meant.model_copy(update={"APInvHed": (meant.header.model_copy(update=amounts | header),), "APInvTax": rows})


def test_the_tax_that_is_meant_is_what_the_lines_lack_of_the_total(meant: APInvoiceDataset) -> None:
    held = with_tax(meant, "24.75")

    assert tax_gap(meant, held) == 0
    assert decide(held, meant) == Done(held)
    assert (holds_of(meant, held), remarks_of(meant, held)) == ((), ())


def test_a_small_gap_is_put_on_the_largest_tax_which_becomes_manual(meant: APInvoiceDataset) -> None:
    held = with_tax(meant, "4.00", "20.78")

    verdict = decide(held, meant, tax_tolerance=CENTS)

    assert isinstance(verdict, TaxApart)
    (row,) = verdict.change.APInvTax
    assert (row.TaxCode, row.DocTaxAmt, row.ScrDocTaxAmt) == ("T1", Decimal("20.75"), Decimal("20.75"))
    assert (row.Manual, row.RowMod, row.SysRevID) == (True, "U", 7)
    assert next_step(FOUND, verdict, Said.YES) == Settle(verdict.change, "B2610280")


@pytest.mark.parametrize(("taxes", "tries"), [(("24.69",), 0), ((), 0), (("0.00",), 0), (("24.76",), 1)])
def test_a_larger_gap_or_one_that_cannot_be_settled_puts_the_invoice_on_hold(
    meant: APInvoiceDataset, taxes: tuple[str, ...], tries: int
) -> None:
    verdict = decide(with_tax(meant, *taxes), meant, tax_tolerance=CENTS, tries=tries)

    assert isinstance(verdict, TaxApart)
    (header,) = verdict.change.APInvHed
    assert (header.InvoiceHeld, header.RowMod, verdict.change.APInvTax) == (True, "U", ())


def test_a_gap_on_hold_is_done_and_told(meant: APInvoiceDataset) -> None:
    held = with_tax(meant, "24.69", InvoiceHeld=True)

    assert decide(held, meant, tax_tolerance=CENTS) == Done(held)
    assert [each.sentence for each in holds_of(meant, held)] == ["Epicor computes 24.69 USD tax, Basware has 24.75."]


def test_a_gap_that_can_be_neither_settled_nor_held_is_a_difference(meant: APInvoiceDataset) -> None:
    held = with_tax(meant, "24.69")

    assert settled_by(tax_gap(meant, held), held, tolerance=CENTS, tries=2) is None
    assert isinstance(decide(held, meant, tax_tolerance=CENTS, tries=2), Repair)
    assert isinstance(decide(with_tax(meant, "24.69", Posted=True), meant, tax_tolerance=CENTS), PostedOtherwise)


def test_another_difference_goes_before_the_tax(meant: APInvoiceDataset) -> None:
    held = with_tax(meant, "24.69")
    short = held.model_copy(update={"APInvDtl": held.APInvDtl[:1]})

    assert isinstance(decide(short, meant, tax_tolerance=CENTS), Repair)


def test_an_invoice_of_an_earlier_transfer_is_not_changed(meant: APInvoiceDataset) -> None:
    verdict = decide(with_tax(meant, "24.76"), meant, tax_tolerance=CENTS)

    step = next_step(Progress(), verdict, Said.NOTHING)

    assert isinstance(step, GiveUp)
    assert step.code == "HELD_OTHERWISE"


@pytest.mark.parametrize(
    ("message", "period"),
    [
        ("Apply Date 2026-10-28 is in a closed fiscal period.", True),
        ("The period 10 of 2026 is closed for AP.", True),
        ("Date is before the Earliest Apply Date of 11/01/2026.", True),
        ("No valid Fiscal Period found.", True),
        ("A valid Supplier is required.", False),
        ("The account is closed. Choose another one for this period.", False),
    ],
)
def test_a_refusal_that_speaks_of_the_period_is_told_from_others(message: str, period: bool) -> None:
    assert speaks_of_a_period(message) is period
