"""Our columns over Epicor's rows: nothing is doubled, nothing is renumbered, nothing of the system is sent back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.readback import differences
from epicor_writer.stage_rows import accounts_to_save, expenses_to_save, laid_over, taxes_to_save
from mlc_epicor.datasets import APInvDtlRow, APInvExpRow, APInvExpTGLCRow, APInvoiceDataset, APInvTaxRow

KEYS: dict[str, Any] = {"Company": "NWM", "VendorNum": 101, "InvoiceNum": "INV-1", "InvoiceLine": 1}


def expense(seq: int, amount: str, **more: Any) -> APInvExpRow:
    money = Decimal(amount)
    return APInvExpRow(**KEYS, InvExpSeq=seq, DocExpAmt=money, DocScrExpAmt=money, **more)


def account(seq: int, number: str, **more: Any) -> APInvExpTGLCRow:
    row = {"BookID": "MAIN", "RecordType": "A", "SegValue1": number[:4], **more}
    return APInvExpTGLCRow(**KEYS, InvExpSeq=seq, Key3="1", Key4=str(seq), GLAccount=number, **row)


def test_a_default_row_keeps_what_we_do_not_fill_and_loses_what_is_the_systems() -> None:
    default = {"PUM": "EA", "InvoiceLine": 7, "SysRowID": "x", "SysRevID": 3, "Plant": "MfgSys", "RowMod": "A"}

    row = laid_over(default, APInvDtlRow(**KEYS, Description="Cleaning", SysRevID=9))

    wire = APInvoiceDataset(APInvDtl=(row,)).to_wire()["APInvDtl"][0]
    assert wire == {**KEYS, "PUM": "EA", "Plant": "MfgSys", "Description": "Cleaning", "RowMod": "A"}


def test_keys_that_epicor_filled_in_stay_and_blank_ones_are_ours() -> None:
    row = laid_over({"Key1": "INV-1", "Key3": "", "RelatedToFile": ""}, account(1, "6100|10|200"), keys=("Key",))

    assert (row.Key1, row.Key3, row.Key4) == ("INV-1", "1", "1")


@pytest.mark.parametrize(
    ("held", "removed", "changed", "added"),
    [
        ([], [], [], [(1, "60"), (2, "40")]),
        ([expense(1, "100", SysRevID=5)], [], [(1, "60")], [(2, "40")]),
        ([expense(2, "100")], [], [(2, "60")], [(1, "40")]),
        ([expense(1, "60"), expense(2, "40")], [], [], []),
        ([expense(1, "60"), expense(2, "30"), expense(3, "10")], [3], [(2, "40")], []),
    ],
)
def test_distributions_become_the_shares_that_were_meant(
    held: list[APInvExpRow], removed: list[int], changed: list[Any], added: list[Any]
) -> None:
    meant = APInvoiceDataset(APInvExp=(expense(1, "60"), expense(2, "40")))

    plan = expenses_to_save(meant, APInvoiceDataset(APInvExp=tuple(held)))

    assert [row.InvExpSeq for row in plan.removed] == removed
    assert [(row.InvExpSeq, str(row.DocExpAmt)) for row in plan.changed] == changed
    assert [(row.InvExpSeq, str(row.DocExpAmt)) for row in plan.added] == added
    assert all(row.RowMod == "D" for row in plan.removed)
    assert all(row.RowMod == "U" for row in plan.changed)


def test_other_lines_distributions_are_left_alone() -> None:
    other = expense(1, "5").model_copy(update={"InvoiceLine": 2})

    plan = expenses_to_save(
        APInvoiceDataset(APInvExp=(expense(1, "60"),)), APInvoiceDataset(APInvExp=(expense(1, "60"), other))
    )

    assert (plan.removed, plan.changed, plan.added) == ((), (), ())


def test_accounts_follow_the_numbers_that_epicor_gave_its_distributions() -> None:
    meant = APInvoiceDataset(
        APInvExp=(expense(1, "60"), expense(2, "40")),
        APInvExpTGLC=(account(1, "6100|10|200"), account(2, "6200|10|200")),
    )
    held = APInvoiceDataset(
        APInvExp=(expense(11, "60"), expense(12, "40")),
        APInvExpTGLC=(
            account(11, "6999|10|200", SysRevID=4),
            account(11, "", RecordType="R"),
            account(12, "6999|10|200", BookID="IFRS"),
        ),
    )

    plan = accounts_to_save(meant, held)

    assert [(row.InvExpSeq, row.GLAccount, row.SysRevID, row.RowMod) for row in plan.changed] == [
        (11, "6100|10|200", 4, "U")
    ]
    assert [(row.InvExpSeq, row.Key4, row.GLAccount) for row in plan.added] == [(12, "12", "6200|10|200")]


def test_an_account_that_is_right_already_is_not_saved_again() -> None:
    rows = APInvoiceDataset(APInvExp=(expense(1, "60"),), APInvExpTGLC=(account(1, "6100|10|200"),))

    assert accounts_to_save(rows, rows).changed == ()


def test_a_tax_that_epicor_computed_becomes_the_one_that_was_given() -> None:
    given = APInvTaxRow(TaxCode="VAT", RateCode="STD", Manual=True, DocTaxAmt=Decimal("2.48"))
    held = APInvTaxRow(TaxCode="vat ", RateCode="STD", DocTaxAmt=Decimal("2.49"), SysRevID=7)

    plan = taxes_to_save(APInvoiceDataset(APInvTax=(given,)), APInvoiceDataset(APInvTax=(held,)))

    (row,) = plan.changed
    assert (row.Manual, row.DocTaxAmt, row.SysRevID, row.RowMod) == (True, Decimal("2.48"), 7, "U")
    assert plan.added == ()
    assert taxes_to_save(APInvoiceDataset(APInvTax=(given,)), APInvoiceDataset()).added == (given,)


def test_rows_that_were_read_are_sent_back_whole(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    """A changed row that lacks columns could blank them; nothing that was read is left out."""
    read = APInvoiceDataset.model_validate({"APInvExp": [{**KEYS, "InvExpSeq": 1, "Plant": "MfgSys", "DocExpAmt": 1}]})

    (row,) = expenses_to_save(APInvoiceDataset(APInvExp=(expense(1, "60"),)), read).changed

    assert APInvoiceDataset(APInvExp=(row,)).to_wire()["APInvExp"][0]["Plant"] == "MfgSys"
    assert differences(meant, held) == []
