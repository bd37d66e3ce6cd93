"""The posting protocol against the emulator, on a good day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.catalogue import answer_text
from mlc_common.eventlog import EventLog
from mlc_common.events import InvoicePosted, InvoiceRefused
from mlc_sandbox.samples import approved_invoices, bad_invoices
from mlc_sandbox.serve import Running

from .conftest import STRATEGIES, Writer, approved, invoice, posting_rules, writing


@STRATEGIES
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


@pytest.mark.parametrize("strategy", ["single", "staged onto default distributions"])
@pytest.mark.timeout(300)
async def test_every_sample_invoice_is_posted_once_with_its_total(writer: Writer) -> None:
    bodies = approved_invoices()
    for body in bodies:
        outcome = await writer.once(approved(body))
        assert isinstance(outcome, InvoicePosted), answer_text(outcome.findings) if outcome else None

    sent = {body["invoiceId"]: Decimal(body["grossSum"]) for body in bodies}
    held = {each.header["ExternalID"]: each.header["DocInvoiceAmt"] for each in writer.invoices()}
    assert held == sent


@STRATEGIES
@pytest.mark.parametrize("case", bad_invoices().items(), ids=lambda case: case[0])
async def test_a_bad_invoice_is_refused_and_leaves_nothing(writer: Writer, case: tuple[str, dict[str, Any]]) -> None:
    _, body = case
    await writer.once(approved(approved_invoices()[0]))

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoiceRefused)
    assert len(writer.invoices()) == 1
    assert writer.locked_groups() == []


@STRATEGIES
async def test_a_legal_number_is_the_voucher_where_epicor_gives_one(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"legal_numbers": True})

    outcome = await writer.once(approved(invoice()))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.voucher == writer.invoices()[0].header["LegalNumber"]
    assert outcome.voucher != outcome.group_id


@STRATEGIES
async def test_rows_with_all_their_columns_are_read_as_well(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"full_rows": True})

    assert isinstance(await writer.once(approved(invoice())), InvoicePosted)


@STRATEGIES
async def test_codes_are_found_over_short_pages(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"page_cap": 1})

    assert isinstance(await writer.once(approved(invoice())), InvoicePosted)


@STRATEGIES
async def test_with_tokens_our_groups_are_known_by_who_made_them(
    sandbox: Running, log: EventLog, engine: AsyncEngine, strategy: str
) -> None:
    options = {"sign_in": "oauth2", "token_url": f"{sandbox.epicor_root}/connect/token"}
    async with writing(sandbox, log, engine, posting=posting_rules(strategy, sandbox), **options) as writer:
        first = await writer.once(approved(invoice()))
        writer.fault("half_written")
        again = approved(invoice() | {"invoiceId": "b" * 32, "invoiceNumber": "OTHER-1"})
        second = await writer.until_settled(again)

    assert isinstance(first, InvoicePosted)
    assert isinstance(second, InvoicePosted)
    assert [row["GroupID"] for row in writer.world.groups.values() if row["ActiveUserID"]] == []


@STRATEGIES
async def test_a_vendor_that_comes_back_is_seen_although_its_absence_was_believed(writer: Writer) -> None:
    body = bad_invoices()["inactive_vendor"]
    (vendor,) = (row for row in writer.world.master.vendors.values() if row["VendorID"] == body["supplierCode"])
    assert isinstance(await writer.once(approved(body)), InvoiceRefused)
    vendor["Inactive"] = False

    assert isinstance(await writer.once(approved(body, attempt="a2")), InvoicePosted)
