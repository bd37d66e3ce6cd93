"""What stands in front of Basware answers in its place: nothing of that may count as Basware's word."""

from __future__ import annotations

from typing import Any

import pytest

from mlc_basware.client import Accepted, BaswareClient
from mlc_basware.documents import TransferResponse
from mlc_common.failures import TransientError
from mlc_common.http import UnclearAnswerError
from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import bulk_invoices

PAGE = "<html><title>Maintenance</title></html>"
GARBAGE = [(404, PAGE), (400, PAGE), (410, PAGE), (200, PAGE), (200, ""), (200, []), (200, {"value": "none"})]
DONE = TransferResponse(externalCode="A-1", success=True, responseMessage="Posted.")


@pytest.fixture
def invoice(world: BaswareWorld, clock: Any) -> str:
    """A document that waits for its transfer."""
    (document,) = world.add(bulk_invoices(1), at=clock())
    return document.invoice_id


@pytest.mark.parametrize(("status", "body"), GARBAGE, ids=str)
async def test_a_read_is_tried_again_and_the_document_is_not_gone(
    basware: BaswareClient, world: BaswareWorld, invoice: str, status: int, body: Any
) -> None:
    world.faults.add(Fault(kind="status", path=invoice, status=status, body=body))

    with pytest.raises(TransientError):
        await basware.document(invoice)

    assert await basware.document(invoice) is not None


@pytest.mark.parametrize(("status", "body"), GARBAGE, ids=str)
async def test_an_acknowledge_that_nobody_took_is_none(
    basware: BaswareClient, world: BaswareWorld, invoice: str, status: int, body: Any
) -> None:
    world.faults.add(Fault(kind="status", path="acknowledge", status=status, body=body))

    with pytest.raises(TransientError):
        await basware.acknowledge(invoice)

    assert world.documents[invoice].status == "WaitingForTransfer"


@pytest.mark.parametrize(("status", "body"), GARBAGE, ids=str)
async def test_an_answer_that_nobody_took_is_unclear_and_not_given(
    basware: BaswareClient, world: BaswareWorld, invoice: str, status: int, body: Any
) -> None:
    world.faults.add(Fault(kind="status", path="transferResponses", status=status, body=body))

    # 400 with JSON would be a refusal; none of these is one.
    with pytest.raises(UnclearAnswerError):
        await basware.transfer_response(invoice, DONE)

    assert isinstance(await basware.transfer_response(invoice, DONE), Accepted)


async def test_a_page_after_the_answer_was_taken_is_unclear_too(
    basware: BaswareClient, world: BaswareWorld, invoice: str
) -> None:
    world.faults.add(Fault(kind="answer_after", path="transferResponses", status=200, body=PAGE))

    with pytest.raises(UnclearAnswerError):
        await basware.transfer_response(invoice, DONE)

    assert world.documents[invoice].status == "Transferred"
