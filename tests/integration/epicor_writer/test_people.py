"""What people decide about a document: it is held and released, returned, or linked to what Epicor holds already."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from epicor_writer.people import approved as approved_of
from mlc_basware.overrides import changed
from mlc_common.events import (
    DocumentApproved,
    DocumentHeld,
    DocumentOverridden,
    DocumentReleased,
    DocumentReturned,
    InvoiceLinked,
    InvoicePosted,
    InvoiceRefused,
)
from mlc_common.failures import TransientError
from mlc_sandbox.epicor import Invoice

from .conftest import Writer, approved, invoice, the_only


def decision(event: DocumentApproved, **more: Any) -> dict[str, Any]:
    common = {"connection": "demo", "invoice_id": event.invoice_id, "attempt": event.attempt, "at": datetime.now(UTC)}
    return common | {"by": "mia", "reason": "the price is disputed"} | more


def by_hand(event: DocumentApproved, held: Invoice) -> InvoiceLinked:
    """The link to an invoice as it stands in Epicor."""
    header = held.header
    seen = {"invoice_date": header["InvoiceDate"][:10], "total": header["DocInvoiceAmt"]}
    return InvoiceLinked(
        **decision(event, **seen),
        company=header["Company"],
        vendor_num=header["VendorNum"],
        vendor_id=event.supplier_code,
        invoice_num=header["InvoiceNum"],
        currency=header["CurrencyCode"],
    )


async def entered_by_hand(writer: Writer, event: DocumentApproved, *, external_id: str = "") -> Invoice:
    """The invoice of a document as a clerk entered it: without our id."""
    await writer.log.append(event)
    await writer.until_settled(event)
    held = the_only(writer)
    held.header |= {"ExternalID": external_id, "EntryPerson": "mia"}
    return held


async def test_a_held_document_waits_without_a_call_and_is_entered_after_its_release(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(event)
    await writer.log.append(DocumentHeld(**decision(event)))

    with pytest.raises(TransientError, match="mia holds the invoice back: the price is disputed") as waits:
        await writer.once(event)
    assert not waits.value.counts
    assert writer.calls("APInvoiceSvc") == 0

    await writer.log.append(DocumentReleased(**decision(event, reason="settled")))

    assert isinstance(await writer.once(event), InvoicePosted)


async def test_a_hold_that_comes_between_the_checks_and_the_write_still_counts(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(event)

    class HeldMeanwhile(type(writer.ledger)):  # type: ignore[misc]
        async def reference(self, wanted: Any, *, fresh: bool = False) -> Any:
            await writer.log.append(DocumentHeld(**decision(event)))
            return await super().reference(wanted, fresh=fresh)

    writer.ledger.__class__ = HeldMeanwhile

    with pytest.raises(TransientError, match="mia holds the invoice back"):
        await writer.once(event)

    assert writer.invoices() == []
    assert writer.calls("UpdateMaster") == 0
    assert "intended" not in await writer.facts(event)


async def test_a_hold_lasts_over_a_new_transfer(writer: Writer) -> None:
    first = approved(invoice())
    await writer.log.append(first)
    await writer.log.append(DocumentHeld(**decision(first)))
    again = approved(invoice(), attempt="a2")
    await writer.log.append(again)

    with pytest.raises(TransientError, match="mia holds"):
        await writer.once(again)


async def test_a_returned_document_is_refused_with_the_persons_reason_even_while_it_is_held(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(event)
    await writer.log.append(DocumentHeld(**decision(event)))
    await writer.log.append(DocumentReturned(**decision(event)))

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [(each.code, each.sentence) for each in outcome.findings] == [
        ("RETURNED", "mia returned the invoice: the price is disputed")
    ]
    assert writer.invoices() == []


async def test_what_epicor_holds_of_a_returned_document_is_confirmed_instead(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(event)
    writer.fault("drop_after")
    writer.fault("status", "APInvoiceSvc/GetByID", status=503, every=2)
    with pytest.raises(TransientError):
        await writer.once(event)
    await writer.log.append(DocumentReturned(**decision(event)))

    assert isinstance(await writer.until_settled(event), InvoicePosted)
    assert len(writer.invoices()) == 1


async def test_a_linked_document_is_confirmed_and_nothing_is_entered(writer: Writer) -> None:
    held = await entered_by_hand(writer, approved(invoice(), attempt="of somebody"))
    event = approved(invoice() | {"invoiceId": "another-id"})
    await writer.log.append(event)
    refused = await writer.once(event)
    assert isinstance(refused, InvoiceRefused)
    assert refused.findings[0].code == "DUPLICATE"

    await writer.log.append(by_hand(event, held))
    again = approved(invoice() | {"invoiceId": "another-id"}, attempt="a2")
    await writer.log.append(again)
    saved = writer.calls("UpdateMaster")
    outcome = await writer.once(again)

    assert isinstance(outcome, InvoicePosted)
    assert (outcome.linked_by, outcome.found, outcome.invoice_num) == ("mia", True, held.header["InvoiceNum"])
    assert outcome.total == held.header["DocInvoiceAmt"]
    assert writer.calls("UpdateMaster") == saved
    assert len(writer.invoices()) == 1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"supplierCode": "10432"}, "supplier"),
        ({"invoiceNumber": "QUITE-OTHER"}, "number"),
        ({"invoiceDate": "2026-01-02T00:00:00Z"}, "date"),
        ({"grossSum": 99999.99}, "gross sum"),
        ({"currencyCode": "EUR"}, "currency"),
        ({"companyCode": "FI01"}, "company"),
        ({"grossSum": 99999.99, "supplierCode": "10432"}, "supplier, gross sum"),
    ],
)
async def test_a_link_does_not_confirm_a_later_transfer_that_says_otherwise(
    writer: Writer, change: dict[str, Any], what: str
) -> None:
    held = await entered_by_hand(writer, approved(invoice(), attempt="of somebody"))
    event = approved(invoice() | {"invoiceId": "another-id"})
    await writer.log.append(event)
    await writer.log.append(by_hand(event, held))
    other = approved(invoice() | {"invoiceId": "another-id"} | change, attempt="a2")
    await writer.log.append(other)

    outcome = await writer.once(other)

    assert isinstance(outcome, InvoiceRefused)
    (reason,) = outcome.findings
    assert reason.code == "LINKED_DOCUMENT_CHANGED"
    assert reason.sentence.endswith(f"Basware has transferred another content since then: {what}.")
    assert len(writer.invoices()) == 1


async def test_a_link_whose_transfer_the_stream_has_forgotten_confirms_nothing(writer: Writer) -> None:
    held = await entered_by_hand(writer, approved(invoice(), attempt="of somebody"))
    event = approved(invoice() | {"invoiceId": "another-id"}, attempt="a2")
    await writer.log.append(event)
    await writer.log.append(by_hand(approved(invoice() | {"invoiceId": "another-id"}, attempt="a1"), held))

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["LINKED_DOCUMENT_CHANGED"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DocInvoiceAmt": 1}, "LINKED_CHANGED"),
        ({"ExternalID": "7c0d-of-another"}, "LINKED_IS_ANOTHERS"),
        ({"InvoiceNum": "MOVED"}, "LINKED_IS_GONE"),
    ],
)
async def test_an_invoice_that_is_no_more_what_the_person_saw_is_not_confirmed(
    writer: Writer, change: dict[str, Any], code: str
) -> None:
    held = await entered_by_hand(writer, approved(invoice(), attempt="of somebody"))
    event = approved(invoice() | {"invoiceId": "another-id"})
    await writer.log.append(event)
    await writer.log.append(by_hand(event, held))
    if code == "LINKED_IS_GONE":
        writer.world.invoices.clear()
    held.header |= change

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == [code]


async def test_an_overridden_value_is_entered_and_what_was_recorded_stays(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(event)
    changes = (
        changed(event.document, "codingRows[1].costCenterCode", "310"),
        changed(event.document, "description", "Cleaning, January"),
    )
    await writer.log.append(DocumentOverridden(**decision(event), changes=changes))

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoicePosted)
    account = next(row for key, row in the_only(writer).accounts.items() if key[0] == 1)
    assert account["GLAccount"].split("|")[2] == "310"
    recorded = [each.event for each in await writer.log.history("demo", event.invoice_id)]
    assert recorded[0] == event


async def test_an_override_of_another_transfer_changes_nothing(writer: Writer) -> None:
    event = approved(invoice())
    await writer.log.append(event)
    other = approved(invoice(), attempt="a2")
    change = changed(event.document, "codingRows[1].costCenterCode", "310")
    await writer.log.append(DocumentOverridden(**decision(event), changes=(change,)))
    await writer.log.append(other)

    await writer.until_settled(other)

    account = next(row for key, row in the_only(writer).accounts.items() if key[0] == 1)
    assert account["GLAccount"].split("|")[2] == invoice()["codingRows"][0]["costCenterCode"]


def test_a_decision_about_a_transfer_that_was_never_offered_enters_nothing() -> None:
    assert approved_of([approved(invoice())], "a9") is None
