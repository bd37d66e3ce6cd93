"""An accounting document becomes an AP invoice dataset: a case per folder, to be read by a bookkeeper.

`document.json` and what Epicor knows of its purchase orders (`epicor.json`, where it names any) become `dataset.json`,
and `said.txt` where it is refused, entered on hold, or worth a remark.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from epicor_writer.draft import to_draft
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.matching import match_orders
from epicor_writer.orders import orders_of
from epicor_writer.readback import differences
from epicor_writer.reference import Reference, Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding
from mlc_common.connection import ConnectionDocument
from mlc_common.http import dump_json
from mlc_epicor.datasets import APInvExpRow, APInvExpTGLCRow, APInvoiceDataset
from mlc_epicor.orders import order_rows

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/document.json"))
TODAY = date(2026, 11, 22)


def rows_on_lines(wire: dict[str, Any]) -> str:
    """The dataset with one row a line, amounts as they go over the wire."""
    tables = []
    for table, rows in wire.items():
        lines = ",\n".join(f"  {dump_json(row).decode()}" for row in rows)
        tables.append(f' "{table}": [\n{lines}\n ]' if rows else f' "{table}": []')
    return "{\n" + ",\n".join(tables) + "\n}\n"


def with_accounts_of_epicor(held: APInvoiceDataset) -> APInvoiceDataset:
    """The dataset with what Epicor adds to lines of orders that name no account."""
    coded = {row.InvoiceLine for row in held.APInvExp}
    bare = [row for row in held.APInvDtl if row.InvoiceLine not in coded]
    expenses = [APInvExpRow(InvoiceLine=row.InvoiceLine, InvExpSeq=1, DocExpAmt=row.DocExtCost) for row in bare]
    accounts = [
        APInvExpTGLCRow(InvoiceLine=row.InvoiceLine, InvExpSeq=1, GLAccount="2190|00|000", RecordType="A")
        for row in bare
    ]
    more = {"APInvExp": (*held.APInvExp, *expenses), "APInvExpTGLC": (*held.APInvExpTGLC, *accounts)}
    return held.model_copy(update=more)


def known(case: Path) -> Reference:
    """What Epicor knows of the document's supplier and purchase orders."""
    file, vendor = case / "epicor.json", Vendor(101, "10432", terms="N60")
    rows = json.loads(file.read_text("utf-8"), parse_float=Decimal) if file.exists() else {}
    tables = (rows.get(table, []) for table in ("POHeader", "PODetail", "PORel", "RcvDtl"))
    return Reference(vendor=vendor, orders=orders_of(order_rows(*tables)))


def said(made: Draft | tuple[Finding, ...]) -> str:
    """The sentences, each after what it does to the invoice."""
    if not isinstance(made, Draft):
        return "".join(f"refused: {each.sentence}\n" for each in made)
    held = "".join(f"on hold: {each.sentence}\n" for each in made.held_for)
    return held + "".join(f"remark: {each.sentence}\n" for each in made.remarks)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_becomes_the_golden_dataset(case: Path, golden: Callable[[Path, str], None]) -> None:
    document = AccountingDocument.parse((case / "document.json").read_bytes())
    connection = ConnectionDocument.model_validate(yaml.safe_load((case / "connection.yaml").read_text("utf-8")))
    pair = connection.pair(document.companyCode)
    assert pair is not None
    rules = connection.rules(pair)
    match = match_orders(document, pair, rules, known(case))
    draft = to_draft(document, pair, rules, today=TODAY, tables=connection.tables, match=match)
    if said(draft) or (case / "said.txt").exists():
        golden(case / "said.txt", said(draft))
    if not isinstance(draft, Draft):
        assert (case / "epicor.json").exists(), "documents without orders are all in order here"
        assert not (case / "dataset.json").exists()
        return

    dataset = to_dataset(draft, Vendor(101, "10432", terms="N60"), group_id="B2610280")

    taxes = abs(document.taxSum1 or 0) if draft.computes_tax else sum(tax.amount for tax in draft.taxes)
    assert sum(line.amount for line in draft.lines) + taxes == draft.total
    golden(case / "dataset.json", rows_on_lines(dataset.to_wire()))


@pytest.mark.parametrize(
    "case", [case for case in CASES if (case / "dataset.json").exists()], ids=lambda case: case.name
)
def test_the_golden_dataset_read_back_is_what_was_meant(case: Path) -> None:
    text = (case / "dataset.json").read_text("utf-8")
    sent = APInvoiceDataset.read(json.loads(text, parse_float=Decimal), what="golden file")
    total = {"DocInvoiceAmt": sent.header.DocInvoiceVendorAmt, "DocInvoiceVariance": Decimal(0)}
    held = sent.model_copy(update={"APInvHed": (sent.header.model_copy(update=total),)})
    held = with_accounts_of_epicor(held)

    assert differences(sent, held) == []
