"""A connection's own mapping, entered in the emulator and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection
from mlc_common.events import InvoicePosted, InvoiceRefused, InvoiceRemoved, PostingIntended
from mlc_common.failures import TransientError

from .conftest import Change, Writer, approved, invoice, the_only

COLUMNS = {
    "header_fields": {"Origin_c": {"template": "Basware {invoiceNumber}"}, "XRefInvoiceNum": {"template": "{bumid}"}},
    "line_fields": {"Net_c": {"template": "{netTotal}", "type": "number"}},
}


def remap(writer: Writer, **sections: Any) -> None:
    """Applies a changed document; its version is one higher."""
    document = writer.connection.document.model_dump(mode="json", by_alias=True)
    for name, section in sections.items():
        document[name] = document[name] | section if isinstance(document[name], dict) else section
    changed = ConnectionDocument.model_validate(document)
    writer.connection = Connection(changed, writer.connection.version + 1, writer.connection.credentials)


async def test_columns_of_the_connections_own_arrive_exactly(writer: Writer) -> None:
    remap(writer, posting=COLUMNS)
    body = invoice()

    assert isinstance(await writer.once(approved(body)), InvoicePosted)

    (held,) = writer.invoices()
    assert held.header["Origin_c"] == f"Basware {body['invoiceNumber']}"
    nets = sorted(Decimal(row["netTotal"]) for row in body["codingRows"])
    assert sorted(line["Net_c"] for line in held.lines.values()) == nets


async def test_columns_that_epicor_drops_are_a_difference_and_leave_nothing(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"tenant_columns": "drop"})
    remap(writer, posting=COLUMNS)

    outcome = await writer.until_settled(approved(invoice()))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["NOT_AS_SENT"]
    assert "Origin_c" in outcome.findings[0].sentence
    assert writer.invoices() == []


async def test_a_column_that_epicor_does_not_have_is_refused_in_its_words(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"tenant_columns": "refuse"})
    remap(writer, posting=COLUMNS)

    outcome = await writer.until_settled(approved(invoice()))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["REFUSED_BY_EPICOR"]
    assert writer.invoices() == []


@pytest.mark.parametrize("listed", [True, False])
async def test_accounts_go_through_a_table_of_the_company_and_the_day(writer: Writer, listed: bool) -> None:
    body = invoice()
    accounts = {row["accountCode"] for row in body["codingRows"]}
    to_basware = {account: f"BW-{account}" for account in accounts}
    rows = [{"from": to_basware[each], "to": "0000", "valid_to": "2020-01-01"} for each in accounts]
    rows += [{"from": to_basware[each], "to": each, "companies": [body["companyCode"]]} for each in accounts if listed]
    pairs = writer.connection.document.model_dump(mode="json", by_alias=True)["companies"]
    for pair in pairs:
        pair["segments"][0]["table"] = "accounts"
    remap(writer, tables={"accounts": {"rows": rows, "otherwise": "refuse"}}, companies=pairs)
    given = [row | {"accountCode": to_basware[row["accountCode"]]} for row in body["codingRows"]]

    outcome = await writer.once(approved(body | {"codingRows": given}))

    if listed:
        assert isinstance(outcome, InvoicePosted)
        (held,) = writer.invoices()
        assert {row["SegValue1"] for row in held.accounts.values()} == accounts
    else:
        assert isinstance(outcome, InvoiceRefused)
        assert {each.code for each in outcome.findings} == {"NOT_IN_TABLE"}


async def test_a_period_closed_while_it_was_unclear_does_not_keep_it_so(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(event)
    remap(writer, posting={"open_from": "2099-01-01"})

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted)
    (held,) = writer.invoices()
    assert held.header["ApplyDate"] == held.header["InvoiceDate"]


async def test_every_fact_that_depends_on_the_mapping_names_the_version_it_used(writer: Writer) -> None:
    remap(writer)
    version = writer.connection.version
    event = approved(invoice())
    writer.fault("blank_accounts")
    await writer.until_settled(event)
    refused = await writer.once(approved(invoice(1) | {"codingRows": []}))

    facts = [recorded.event for recorded in await writer.log.timeline("demo", event.invoice_id)]

    mapped = [each for each in facts if isinstance(each, PostingIntended | InvoiceRemoved | InvoicePosted)]
    assert {type(each) for each in mapped} == {PostingIntended, InvoiceRemoved, InvoicePosted}
    assert isinstance(refused, InvoiceRefused)
    assert {each.connection_version for each in [*mapped, refused]} == {version}


async def test_an_invoice_of_the_last_evening_of_a_month_is_applied_in_that_month(
    writer: Writer, rules: Change
) -> None:
    rules(apply_date="today", time_zone="America/New_York")
    writer.now = lambda: datetime(2026, 2, 1, 1, 30, tzinfo=UTC)

    outcome = await writer.once(approved(invoice() | {"invoiceDate": "2026-01-15T00:00:00Z"}))

    assert isinstance(outcome, InvoicePosted)
    assert the_only(writer).header["ApplyDate"][:10] == "2026-01-31"
    assert outcome.group_id.startswith("B260131")
