"""What a document would become by a connection document, without asking or telling anybody. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from epicor_writer.draft import to_draft
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.reference import Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding
from mlc_common.connection import ConnectionDocument
from mlc_common.order_lines import NOT_MATCHED, OrderMatch
from mlc_epicor.datasets import APInvoiceDataset

UNKNOWN = 0
"""The VendorNum, where nobody has asked Epicor for it."""


@dataclass(frozen=True)
class Given:
    """A document, and what an earlier posting of it knew.

    Attributes:
        at: when it was approved, for connections that apply invoices on the day they are entered.
        vendor_num: Epicor's, from the intent; None when it was never sent.
        match: its purchase-order lines, from the intent; without them rows of orders cannot be planned offline.
    """

    document: AccountingDocument
    at: datetime
    vendor_num: int | None = None
    match: OrderMatch | None = None


@dataclass(frozen=True)
class Plan:
    """What it becomes: the dataset, or every reason why not; `group` is left open."""

    dataset: APInvoiceDataset | None = None
    findings: tuple[Finding, ...] = ()


def plan(given: Given, connection: ConnectionDocument) -> Plan:
    """The plan of a document by a connection document; what only Epicor knows is not looked at."""
    document = given.document
    pair = connection.pair(document.companyCode)
    rules = connection.rules(pair)
    match = given.match or NOT_MATCHED
    draft = to_draft(document, pair, rules, today=rules.day_of(given.at), tables=connection.tables, match=match)
    if not isinstance(draft, Draft):
        return Plan(findings=draft)
    vendor = Vendor(given.vendor_num or UNKNOWN, document.supplierCode.strip())
    return Plan(dataset=to_dataset(draft, vendor, group_id=""))


def flat(plan: Plan) -> dict[str, str]:
    """A plan as lines that can be compared: table, line and column to value; or each finding's code to its sentence."""
    if plan.dataset is None:
        return {f"refused {each.code} {each.field or ''}".strip(): each.sentence for each in plan.findings}
    return dict(_cells(plan.dataset.to_wire()))


def _cells(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for table, rows in tables.items():
        for number, row in enumerate(rows, start=1):
            for column, value in row.items():
                if column not in ("RowMod", "Company") and value not in (None, ""):
                    yield f"{table} {number} {column}", str(value)
