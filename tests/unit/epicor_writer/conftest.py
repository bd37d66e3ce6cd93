"""Examples with telling defaults: a document, its draft, its dataset, and what Epicor would hold of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.draft import to_draft
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.reference import Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.company_rules import CompanyPair
from mlc_common.http import dump_json
from mlc_common.posting_rules import Posting
from mlc_epicor.datasets import APInvoiceDataset

TODAY = date(2026, 11, 22)
Document = Callable[..., AccountingDocument]


@pytest.fixture
def pair() -> CompanyPair:
    """US01 to NWM with three segments."""
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    return CompanyPair.model_validate({"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments})


@pytest.fixture
def posting() -> Posting:
    """The default rules."""
    return Posting()


def row(index: int, net: str | None, tax: str | None = None, **members: Any) -> dict[str, Any]:
    """A coding row on 6100-10-200."""
    amounts = {"netTotal": net and Decimal(net), "taxSum": tax and Decimal(tax)}
    return {"rowIndex": index, "accountCode": "6100", "dimCode1": "10", "costCenterCode": "200", **amounts, **members}


@pytest.fixture
def document() -> Document:
    """Makes a document that is in order, two rows with 8.25 % tax, but for the members that are given."""

    def make(**members: Any) -> AccountingDocument:
        body: dict[str, Any] = {
            "invoiceId": "7c0d4a0be7f84a6d9b1d3b5a9e2f4c61",
            "invoiceNumber": "INV-88214",
            "processingStatus": "WaitingForTransfer",
            "companyCode": "US01",
            "supplierCode": "10432",
            "supplierName": "Great Lakes Fasteners LLC",
            "currencyCode": "USD",
            "netSum": Decimal("300.00"),
            "taxSum1": Decimal("24.75"),
            "grossSum": Decimal("324.75"),
            "invoiceDate": "2026-10-28T00:00:00Z",
            "paymentTermCode": "N30",
            "codingRows": [row(1, "100.00", "8.25", taxCode="US-IL"), row(2, "200.00", "16.50", taxCode="US-IL")],
        }
        return AccountingDocument.parse(dump_json(body | members))

    return make


@pytest.fixture
def draft(document: Document, pair: CompanyPair, posting: Posting) -> Draft:
    """The draft of the default document."""
    made = to_draft(document(), pair, posting, today=TODAY)
    assert isinstance(made, Draft)
    return made


@pytest.fixture
def meant(draft: Draft) -> APInvoiceDataset:
    """The dataset that is sent."""
    return to_dataset(draft, Vendor(101, "10432"), group_id="B2610280")


@pytest.fixture
def held(meant: APInvoiceDataset) -> APInvoiceDataset:
    """The same as Epicor holds it, kept as sent."""
    computed = {"DocInvoiceAmt": Decimal("324.75"), "DocInvoiceVariance": Decimal(0), "EntryPerson": "bwlink"}
    return meant.model_copy(update={"APInvHed": (meant.header.model_copy(update=computed),)})
