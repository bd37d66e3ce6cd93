"""One document, transferred more than once: whatever was corrected in between, the ledger gets it once."""

from __future__ import annotations

from typing import Any

import pytest

from epicor_writer.ports import Ledger
from mlc_common.connections import Connection
from mlc_common.events import DocumentApproved, DocumentWithdrawn, InvoicePosted, InvoiceRefused
from mlc_common.failures import TransientError

from .conftest import UPDATE_MASTER, Writer, approved, invoice

GET_INVOICE = "APInvoiceSvc/GetByID"


def codes(outcome: object) -> list[str]:
    assert isinstance(outcome, InvoiceRefused), outcome
    return [each.code for each in outcome.findings]


def numbers(writer: Writer) -> list[str]:
    return [each.header["InvoiceNum"] for each in writer.invoices()]


async def two_transfers(writer: Writer) -> tuple[DocumentApproved, DocumentApproved]:
    """The first transfer, and a second one with the number corrected; both on record."""
    body = invoice()
    first = approved(body, attempt="a1")
    second = approved(body | {"invoiceNumber": f"{body['invoiceNumber']}-A"}, attempt="a2")
    await writer.log.append(first)
    await writer.log.append(second)
    return first, second


class DiesAfterTheSave:
    """A ledger that can be asked once, and not any more when the save is made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._look_ups = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def look_up(self, company: str, vendor_num: int, invoice_num: str) -> Any:
        self._look_ups += 1
        if self._look_ups > 1:
            raise TransientError("Epicor is away.")
        return await self._ledger.look_up(company, vendor_num, invoice_num)


async def interrupted(writer: Writer, event: DocumentApproved) -> None:
    """Deliver once; the save reaches Epicor and nobody learns what became of it."""
    ledger = writer.ledger
    writer.ledger = DiesAfterTheSave(ledger)
    with pytest.raises(TransientError, match="away"):
        await writer.once(event)
    writer.ledger = ledger


async def test_a_corrected_number_does_not_enter_the_document_twice(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body, attempt="a1"))

    outcome = await writer.once(approved(body | {"invoiceNumber": "ANOTHER-1"}, attempt="a2"))

    assert codes(outcome) == ["ALREADY_POSTED"]
    assert body["invoiceNumber"] in outcome.findings[0].sentence  # type: ignore[union-attr]
    assert numbers(writer) == [body["invoiceNumber"]]


async def test_a_corrected_supplier_does_not_enter_the_document_twice(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body, attempt="a1"))
    vendors = writer.world.master.vendors.values()
    other = next(
        row["VendorID"]
        for row in vendors
        if row["Company"] == "NWM" and not row["Inactive"] and row["VendorID"] != body["supplierCode"]
    )

    outcome = await writer.once(approved(body | {"supplierCode": other}, attempt="a2"))

    assert codes(outcome) == ["ALREADY_POSTED"]
    assert len(writer.invoices()) == 1


async def test_what_a_person_deleted_in_epicor_can_be_entered_under_its_right_number(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body, attempt="a1"))
    writer.world.invoices.clear()

    outcome = await writer.once(approved(body | {"invoiceNumber": "RIGHT-1"}, attempt="a2"))

    assert isinstance(outcome, InvoicePosted)
    assert numbers(writer) == ["RIGHT-1"]


@pytest.mark.parametrize("newer_first", [True, False])
async def test_of_two_transfers_that_waited_out_an_outage_the_newer_one_is_posted(
    writer: Writer, newer_first: bool
) -> None:
    first, second = await two_transfers(writer)
    for event in (second, first) if newer_first else (first, second):
        await writer.until_settled(event)

    assert numbers(writer) == [second.invoice_number]
    facts = {
        (event.attempt, event.fact): event
        for event in (recorded.event for recorded in await writer.log.history("demo", first.invoice_id))
        if isinstance(event, InvoicePosted | InvoiceRefused)
    }
    assert sorted(facts) == [("a1", "refused"), ("a2", "posted")]
    assert codes(facts["a1", "refused"]) == ["SUPERSEDED"]


async def test_an_unclear_older_transfer_is_found_out_before_the_newer_one_is_posted(writer: Writer) -> None:
    body = invoice()
    first = approved(body, attempt="a1")
    await writer.log.append(first)
    await interrupted(writer, first)
    second = approved(body | {"invoiceNumber": "ANOTHER-1"}, attempt="a2")
    await writer.log.append(second)

    outcome = await writer.until_settled(second)

    assert codes(outcome) == ["ALREADY_POSTED"]
    assert numbers(writer) == [body["invoiceNumber"]]
    assert await writer.once(first) is None
    assert await writer.facts(first) == ["approved", "intended", "approved", "posted", "refused"]
    assert writer.locked_groups() == []


async def test_an_older_transfer_that_never_arrived_gives_way_after_two_look_ups(writer: Writer) -> None:
    body = invoice()
    first = approved(body, attempt="a1")
    await writer.log.append(first)
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(first)
    second = approved(body | {"invoiceNumber": "ANOTHER-1"}, attempt="a2")
    await writer.log.append(second)

    outcome = await writer.until_settled(second)

    assert isinstance(outcome, InvoicePosted)
    assert await writer.once(first) is None
    assert numbers(writer) == ["ANOTHER-1"]
    assert writer.calls(UPDATE_MASTER) == 2, "the older transfer is not sent again"


async def test_two_deliveries_do_not_shorten_the_pause_between_look_ups(writer: Writer) -> None:
    body = invoice()
    first = approved(body, attempt="a1")
    await writer.log.append(first)
    writer.timings = writer.timings.model_copy(update={"unclear_pauses": (30.0,)})
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(first)
    second = approved(body | {"invoiceNumber": "ANOTHER-1"}, attempt="a2")
    await writer.log.append(second)
    look_ups = writer.calls(GET_INVOICE)

    for event in (second, first, second):
        with pytest.raises(TransientError, match="looked up again later") as paused:
            await writer.once(event)
        assert 25 < (paused.value.retry_after or 0) <= 30

    assert writer.calls(GET_INVOICE) == look_ups
    assert writer.invoices() == []


async def test_an_incomplete_invoice_of_an_older_transfer_is_removed_before_the_newer_one_is_posted(
    writer: Writer,
) -> None:
    body = invoice()
    first = approved(body, attempt="a1")
    await writer.log.append(first)
    writer.fault("half_written")
    with pytest.raises(TransientError):
        await writer.once(first)
    second = approved(body | {"invoiceNumber": "ANOTHER-1"}, attempt="a2")
    await writer.log.append(second)

    assert isinstance(await writer.until_settled(second), InvoicePosted)
    assert await writer.once(first) is None
    assert numbers(writer) == ["ANOTHER-1"]
    assert writer.locked_groups() == []


async def test_an_incomplete_invoice_that_somebody_posted_keeps_the_document_from_being_entered_again(
    writer: Writer,
) -> None:
    body = invoice()
    first = approved(body, attempt="a1")
    await writer.log.append(first)
    writer.fault("half_written")
    with pytest.raises(TransientError):
        await writer.once(first)
    (held,) = writer.invoices()
    held.header["Posted"] = True
    second = approved(body | {"invoiceNumber": "ANOTHER-1"}, attempt="a2")
    await writer.log.append(second)

    assert codes(await writer.until_settled(second)) == ["ALREADY_POSTED"]
    assert writer.invoices() == [held]


async def test_an_unclear_transfer_with_the_same_number_is_found_by_the_next_one(writer: Writer) -> None:
    first, again = approved(invoice(), attempt="a1"), approved(invoice(), attempt="a2")
    await writer.log.append(first)
    await interrupted(writer, first)
    await writer.log.append(again)

    outcome = await writer.until_settled(again)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert writer.calls(UPDATE_MASTER) == 1
    assert await writer.facts(first) == ["approved", "intended", "approved", "posted", "posted"]


async def test_a_posting_is_never_sought_in_another_company_than_it_was_sent_to(writer: Writer) -> None:
    event = approved(invoice())
    await interrupted(writer, event)
    before = writer.connection
    pairs = [
        pair.model_copy(update={"epicor": "NWF"}) if pair.basware == event.company_code else pair
        for pair in before.document.companies
    ]
    document = before.document.model_copy(update={"companies": tuple(pairs)})
    writer.connection = Connection(document, 4, before.credentials)

    for _ in range(3):
        with pytest.raises(TransientError, match=r"undo the change .* NWM, not NWF"):
            await writer.once(event)

    assert len(writer.invoices()) == 1
    writer.connection = before
    outcome = await writer.once(event)
    assert isinstance(outcome, InvoicePosted)
    assert outcome.found


async def test_a_document_withdrawn_before_it_was_entered_is_not_entered(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(withdrawn(event))

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["WITHDRAWN"]
    assert writer.invoices() == []


async def test_a_document_withdrawn_while_its_answer_is_unclear_is_found_out_and_not_sent_again(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(event)
    await writer.log.append(withdrawn(event))

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["WITHDRAWN"]
    assert writer.invoices() == []


async def test_a_document_withdrawn_while_it_is_being_entered_is_not_sent(writer: Writer) -> None:
    event = approved(invoice())
    ledger = WithdrawsMeanwhile(writer, event)
    writer.ledger = ledger

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused)
    assert writer.invoices() == []


class WithdrawsMeanwhile:
    """The emulator's ledger; right after the first look-up Basware takes the document out of its transfer."""

    def __init__(self, writer: Writer, event: DocumentApproved) -> None:
        self._ledger, self._writer, self._event, self._done = writer.ledger, writer, event, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def look_up(self, company: str, vendor_num: int, invoice_num: str) -> Any:
        held = await self._ledger.look_up(company, vendor_num, invoice_num)
        if not self._done:
            self._done = True
            await self._writer.log.append(withdrawn(self._event))
        return held


def withdrawn(event: DocumentApproved) -> DocumentWithdrawn:
    return DocumentWithdrawn(
        connection=event.connection,
        at=event.at,
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        status="WaitingToBeRemoved",
    )
