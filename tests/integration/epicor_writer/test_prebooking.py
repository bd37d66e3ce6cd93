"""Entered ahead of its approval, then transferred: one AP invoice, on hold first, and never a second one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused

from .conftest import STRATEGIES, Writer, approved, invoice

pytestmark = STRATEGIES


@pytest.fixture
def prebooking(writer: Writer) -> Writer:
    """A writer whose connection enters documents ahead of their approval."""
    document = writer.connection.document.model_dump(mode="json", by_alias=True)
    changed = ConnectionDocument.model_validate(document | {"posting": document["posting"] | {"prebooking": "create"}})
    writer.connection = Connection(changed, writer.connection.version, writer.connection.credentials)
    return writer


async def offered(writer: Writer, body: dict[str, Any], *, attempt: str, status: str) -> DocumentApproved:
    """The document as Basware offers it, on record."""
    event = approved(body | {"processingStatus": status}, attempt=attempt)
    await writer.log.append(event)
    return event


async def prebooked(writer: Writer, body: dict[str, Any]) -> InvoicePosted:
    outcome = await writer.once(await offered(writer, body, attempt="p1", status="WaitingForPrebook"))
    assert isinstance(outcome, InvoicePosted), outcome
    return outcome


async def transferred(
    writer: Writer, body: dict[str, Any], *, attempt: str = "t1"
) -> InvoicePosted | InvoiceRefused | None:
    event = await offered(writer, body | {"prebooked": True}, attempt=attempt, status="WaitingForTransfer")
    return await writer.until_settled(event)


async def test_a_prebooked_document_stands_on_hold_until_its_transfer(prebooking: Writer) -> None:
    body = invoice()
    first = await prebooked(prebooking, body)
    assert first.prebook
    assert first.payment_block
    assert [each.header["InvoiceHeld"] for each in prebooking.invoices()] == [True]

    outcome = await transferred(prebooking, body)

    assert isinstance(outcome, InvoicePosted), outcome
    assert not outcome.prebook
    (held,) = prebooking.invoices()
    assert not held.header["InvoiceHeld"]
    assert held.header["DocInvoiceAmt"] == body["grossSum"]


async def test_the_transfer_brings_the_final_coding(prebooking: Writer) -> None:
    body = invoice()
    await prebooked(prebooking, body)
    row = body["codingRows"][0] | {"accountCode": "6200", "dimCode1": "10", "costCenterCode": "200"}

    outcome = await transferred(prebooking, body | {"codingRows": [row, *body["codingRows"][1:]]})

    assert isinstance(outcome, InvoicePosted), outcome
    (held,) = prebooking.invoices()
    assert "6200|10|200" in {each["GLAccount"] for each in held.accounts.values()}


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
@pytest.mark.parametrize("path", ["UpdateMaster", "DeleteByID"])
async def test_lost_answers_on_the_way_still_leave_one_invoice(prebooking: Writer, kind: str, path: str) -> None:
    body = invoice()
    await prebooked(prebooking, body)
    prebooking.fault(kind, path)

    outcome = await transferred(prebooking, body)

    assert isinstance(outcome, InvoicePosted), outcome
    (held,) = prebooking.invoices()
    assert not held.header["InvoiceHeld"]


async def test_a_transfer_with_faults_leaves_what_was_prebooked(prebooking: Writer) -> None:
    body = invoice()
    await prebooked(prebooking, body)

    outcome = await transferred(prebooking, body | {"paymentTermCode": "NONE"})

    assert isinstance(outcome, InvoiceRefused)
    assert len(prebooking.invoices()) == 1
    again = await transferred(prebooking, body, attempt="t2")
    assert isinstance(again, InvoicePosted)
    assert len(prebooking.invoices()) == 1


async def test_what_people_have_posted_meanwhile_is_never_touched(prebooking: Writer) -> None:
    body = invoice()
    first = await prebooked(prebooking, body)
    prebooking.world.post_group(first.company, first.group_id)
    changed = body["codingRows"][0] | {"netTotal": body["codingRows"][0]["netTotal"] + Decimal("1.00")}
    sums = {name: body[name] + Decimal("1.00") for name in ("netSum", "grossSum")}

    same = await transferred(prebooking, body)
    other = await transferred(
        prebooking, body | sums | {"codingRows": [changed, *body["codingRows"][1:]]}, attempt="t2"
    )

    assert isinstance(same, InvoicePosted), same
    assert isinstance(other, InvoiceRefused)
    assert [each.code for each in other.findings] == ["POSTED_OTHERWISE"]
    (held,) = prebooking.invoices()
    assert held.posted


async def test_a_document_that_somebody_else_prebooked_is_refused(prebooking: Writer) -> None:
    outcome = await transferred(prebooking, invoice())

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["PREBOOKED"]
    assert prebooking.invoices() == []


@pytest.mark.parametrize("receipt", [None, "PS-4101-1-1"])
@pytest.mark.parametrize("quantity", [6000, 4000])
async def test_a_prebooked_order_is_matched_anew_at_its_transfer_as_if_it_had_taken_nothing(
    prebooking: Writer, quantity: int, receipt: str | None
) -> None:
    """Also when the transfer is matched otherwise: what the prebooked entry took is free again."""
    rules = {"orders": {"unnamed_receipts": "post"}}
    document = prebooking.connection.document.model_dump(mode="json", by_alias=True)
    changed = ConnectionDocument.model_validate(document | {"posting": document["posting"] | rules})
    prebooking.connection = Connection(changed, prebooking.connection.version, prebooking.connection.credentials)
    named = {"orderNumber": "4101", "orderLineNumber": "1", "goodsReceiptNumber": receipt}
    first = bolts(invoice(), named, 6000)
    await prebooked(prebooking, first)

    outcome = await transferred(prebooking, bolts(first, named, quantity))

    assert isinstance(outcome, InvoicePosted), outcome
    (held,) = prebooking.invoices()
    assert [line["ScrVendorQty"] for line in held.lines.values()] == [quantity]
    assert (held.header["InvoiceHeld"], outcome.held_for) == (False, None)


def bolts(body: dict[str, Any], named: dict[str, Any], quantity: int) -> dict[str, Any]:
    """So many bolts of order 4101, without tax."""
    net = Decimal("0.087") * quantity
    codes = {"accountCode": "5010", "dimCode1": "20", "costCenterCode": "310", "externalCode": "r1", "rowIndex": 1}
    row = codes | named | {"netTotal": net, "matchedQuantity": quantity}
    sums = {"netSum": net, "grossSum": net, "taxSum1": Decimal(0), "taxCode": None}
    sides = {"companyCode": "US01", "supplierCode": "10432", "currencyCode": "USD", "paymentTermCode": None}
    home = {"netSumCompany": net, "grossSumCompany": net, "taxSum1Company": Decimal(0), "currencyCodeCompany": "USD"}
    return body | sums | sides | home | {"codingRows": [row]}
