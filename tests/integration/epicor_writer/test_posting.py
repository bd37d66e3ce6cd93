"""The posting protocol against the emulator, on a good day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mlc_common.catalogue import answer_text
from mlc_common.events import InvoicePosted, InvoiceRefused
from mlc_sandbox.samples import approved_invoices, bad_invoices

from .conftest import Writer, approved, invoice


async def test_an_approved_invoice_becomes_an_ap_invoice(writer: Writer) -> None:
    body = invoice()
    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted)
    assert not outcome.found
    (held,) = writer.invoices()
    assert held.header["ExternalID"] == body["invoiceId"]
    assert held.header["DocInvoiceAmt"] == body["grossSum"]
    assert held.header["DocInvoiceVariance"] == Decimal(0)
    assert len(held.lines) == len(body["codingRows"])
    assert all(row["GLAccount"] for row in held.accounts.values())
    assert outcome.voucher == held.group
    assert await writer.facts(approved(body)) == ["intended", "posted"]
    assert writer.locked_groups() == []


@pytest.mark.timeout(300)
async def test_every_sample_invoice_is_posted_once_with_its_total(writer: Writer) -> None:
    bodies = approved_invoices()
    for body in bodies:
        outcome = await writer.once(approved(body))
        assert isinstance(outcome, InvoicePosted), answer_text(outcome.findings) if outcome else None

    sent = {body["invoiceId"]: Decimal(body["grossSum"]) for body in bodies}
    held = {each.header["ExternalID"]: each.header["DocInvoiceAmt"] for each in writer.invoices()}
    assert held == sent


@pytest.mark.parametrize("case", bad_invoices().items(), ids=lambda case: case[0])
async def test_a_bad_invoice_is_refused_and_leaves_nothing(writer: Writer, case: tuple[str, dict[str, Any]]) -> None:
    _, body = case
    await writer.once(approved(approved_invoices()[0]))

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoiceRefused)
    assert len(writer.invoices()) == 1
    assert writer.locked_groups() == []
