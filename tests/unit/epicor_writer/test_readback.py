"""What Epicor holds is compared line by line with what was meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.coding import GlAccount
from epicor_writer.invoice import Draft, Share
from epicor_writer.mapping import to_dataset
from epicor_writer.readback import differences
from epicor_writer.reference import Vendor
from mlc_epicor.datasets import APInvExpRow, APInvExpTGLCRow, APInvoiceDataset, APInvTaxRow


def with_header(held: APInvoiceDataset, **values: Any) -> APInvoiceDataset:
    return held.model_copy(update={"APInvHed": (held.header.model_copy(update=values),)})


def with_row(held: APInvoiceDataset, table: str, place: int, **values: Any) -> APInvoiceDataset:
    rows = list(getattr(held, table))
    rows[place] = rows[place].model_copy(update=values)
    return held.model_copy(update={table: tuple(rows)})


def test_an_invoice_kept_as_sent_has_no_differences(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert differences(meant, held) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"DocInvoiceAmt": Decimal("300.00")}, "the total is 300.00 instead of 324.75"),
        ({"DocInvoiceVariance": Decimal("24.75")}, "the control total is missed by 24.75"),
        ({"CurrencyCode": "EUR"}, "currency EUR instead of USD"),
        ({"TermsCode": ""}, "terms blank instead of N30"),
        ({"ApplyDate": date(2026, 11, 1)}, "apply date 2026-11-01 instead of 2026-10-28"),
        ({"InvoiceDate": None}, "invoice date blank instead of 2026-10-28"),
        ({"DebitMemo": True}, "it is a debit memo"),
    ],
)
def test_a_changed_header_is_told(
    meant: APInvoiceDataset, held: APInvoiceDataset, values: dict[str, Any], said: str
) -> None:
    assert differences(meant, with_header(held, **values)) == [said]


def test_a_variance_that_epicor_does_not_tell_is_worked_out(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert differences(meant, with_header(held, DocInvoiceVariance=None)) == []
    assert len(differences(meant, with_header(held, DocInvoiceVariance=None, DocInvoiceAmt=None))) == 2


def test_a_missing_line_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    short = held.model_copy(update={"APInvDtl": held.APInvDtl[:1]})

    assert "1 lines instead of 2" in differences(meant, short)


def test_a_renumbered_line_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert "line 2 is missing" in differences(meant, with_row(held, "APInvDtl", 1, InvoiceLine=3))


def test_a_changed_amount_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    found = differences(meant, with_row(held, "APInvDtl", 1, DocExtCost=Decimal("199.99")))

    assert found == ["line 2 has 199.99 instead of 200.00"]


def test_a_doubled_distribution_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    extra = APInvExpRow(InvoiceLine=1, InvExpSeq=2, DocExpAmt=Decimal("100.00"))
    account = APInvExpTGLCRow(InvoiceLine=1, InvExpSeq=2, BookID="MAIN", GLAccount="6100|10|200", RecordType="A")
    doubled = held.model_copy(
        update={"APInvExp": (*held.APInvExp, extra), "APInvExpTGLC": (*held.APInvExpTGLC, account)}
    )

    assert differences(meant, doubled) == ["the expenses of line 1 are 200.00 instead of 100.00"]


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_account_is_told(meant: APInvoiceDataset, held: APInvoiceDataset, blank: str) -> None:
    assert differences(meant, with_row(held, "APInvExpTGLC", 1, GLAccount=blank)) == ["line 2 has no GL account"]


def test_a_missing_account_row_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    found = differences(meant, held.model_copy(update={"APInvExpTGLC": held.APInvExpTGLC[:1]}))

    assert found == ["line 2 has no GL account"]


def test_a_journal_row_is_no_account(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert differences(meant, with_row(held, "APInvExpTGLC", 1, RecordType="R")) == ["line 2 has no GL account"]


def test_another_account_is_told_as_people_read_it(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    found = differences(meant, with_row(held, "APInvExpTGLC", 0, GLAccount="6999|10|200"))

    assert found == ["line 1 is on account 6999-10-200 instead of 6100-10-200"]


def test_an_account_in_another_book_must_only_be_there(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    other = held.APInvExpTGLC[0].model_copy(update={"BookID": "LOCAL", "GLAccount": "7000|1"})
    blank = other.model_copy(update={"GLAccount": ""})

    assert differences(meant, held.model_copy(update={"APInvExpTGLC": (*held.APInvExpTGLC, other)})) == []
    assert differences(meant, held.model_copy(update={"APInvExpTGLC": (*held.APInvExpTGLC, blank)})) != []


def test_a_changed_tax_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert differences(meant, with_row(held, "APInvTax", 0, DocTaxAmt=Decimal("24.76"))) == [
        "tax US-IL is 24.76 instead of 24.75"
    ]


def test_a_tax_that_nobody_asked_for_is_told(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    extra = APInvTaxRow(TaxCode="CITY", DocTaxAmt=Decimal("1.00"))

    assert differences(meant, held.model_copy(update={"APInvTax": (*held.APInvTax, extra)})) == [
        "tax CITY is 1.00 instead of 0.00"
    ]


def shared(draft: Draft, *shares: tuple[str, str]) -> APInvoiceDataset:
    """The dataset of the draft with its first line, of 100.00, shared out."""
    parts = tuple(Share(Decimal(amount), GlAccount((account, "10", "200"))) for amount, account in shares)
    lines = (replace(draft.lines[0], shares=parts), *draft.lines[1:])
    return to_dataset(replace(draft, lines=lines), Vendor(101, "10432"), group_id="B2610280")


def as_held(meant: APInvoiceDataset) -> APInvoiceDataset:
    return with_header(meant, DocInvoiceAmt=meant.header.DocInvoiceVendorAmt, DocInvoiceVariance=Decimal(0))


def test_a_line_with_several_shares_has_an_expense_and_an_account_for_each(draft: Draft) -> None:
    meant = shared(draft, ("60.00", "6100"), ("40.00", "6200"))

    expenses = [(row.InvExpSeq, row.DocExpAmt) for row in meant.APInvExp if row.InvoiceLine == 1]
    accounts = [(row.InvExpSeq, row.Key4, row.GLAccount) for row in meant.APInvExpTGLC if row.InvoiceLine == 1]
    assert expenses == [(1, Decimal("60.00")), (2, Decimal("40.00"))]
    assert accounts == [(1, "1", "6100|10|200"), (2, "2", "6200|10|200")]
    assert differences(meant, as_held(meant)) == []


def test_shares_on_each_others_accounts_are_told(draft: Draft) -> None:
    meant = shared(draft, ("60.00", "6100"), ("40.00", "6200"))
    swapped = shared(draft, ("40.00", "6100"), ("60.00", "6200"))

    assert differences(meant, as_held(swapped)) == [
        "line 1 has 40.00 on account 6100-10-200 instead of 60.00",
        "line 1 has 60.00 on account 6200-10-200 instead of 40.00",
    ]


def test_a_lost_share_is_told(draft: Draft) -> None:
    meant = shared(draft, ("60.00", "6100"), ("40.00", "6200"))
    lost = shared(draft, ("100.00", "6100"))

    assert "line 1 lacks account 6200-10-200" in differences(meant, as_held(lost))


def test_two_shares_on_one_account_may_come_back_as_one(draft: Draft) -> None:
    meant = shared(draft, ("60.00", "6100"), ("40.00", "6100"))

    assert differences(meant, as_held(shared(draft, ("100.00", "6100")))) == []
