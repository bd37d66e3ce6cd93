"""An accounting document becomes an AP invoice dataset: a case per folder, to be read by a bookkeeper."""

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
from epicor_writer.readback import differences
from epicor_writer.reference import Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.connection import ConnectionDocument
from mlc_common.http import dump_json
from mlc_epicor.datasets import APInvoiceDataset

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/document.json"))
TODAY = date(2026, 11, 22)


def rows_on_lines(wire: dict[str, Any]) -> str:
    """The dataset with one row a line, amounts as they go over the wire."""
    tables = []
    for table, rows in wire.items():
        lines = ",\n".join(f"  {dump_json(row).decode()}" for row in rows)
        tables.append(f' "{table}": [\n{lines}\n ]' if rows else f' "{table}": []')
    return "{\n" + ",\n".join(tables) + "\n}\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_becomes_the_golden_dataset(case: Path, golden: Callable[[Path, str], None]) -> None:
    document = AccountingDocument.parse((case / "document.json").read_bytes())
    connection = ConnectionDocument.model_validate(yaml.safe_load((case / "connection.yaml").read_text("utf-8")))
    pair = connection.pair(document.companyCode)
    draft = to_draft(document, pair, connection.rules(pair), today=TODAY, tables=connection.tables)
    assert isinstance(draft, Draft), [each.sentence for each in draft]

    dataset = to_dataset(draft, Vendor(101, "10432", terms="N60"), group_id="B2610280")

    taxes = abs(document.taxSum1 or 0) if draft.computes_tax else sum(tax.amount for tax in draft.taxes)
    assert sum(line.amount for line in draft.lines) + taxes == draft.total
    golden(case / "dataset.json", rows_on_lines(dataset.to_wire()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_golden_dataset_read_back_is_what_was_meant(case: Path) -> None:
    text = (case / "dataset.json").read_text("utf-8")
    sent = APInvoiceDataset.read(json.loads(text, parse_float=Decimal), what="golden file")
    total = {"DocInvoiceAmt": sent.header.DocInvoiceVendorAmt, "DocInvoiceVariance": Decimal(0)}
    held = sent.model_copy(update={"APInvHed": (sent.header.model_copy(update=total),)})

    assert differences(sent, held) == []
