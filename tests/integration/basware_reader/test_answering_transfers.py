"""Every outcome is told to Basware exactly once, whatever happens to the call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from basware_reader.answering import CALMLY, PATIENCE_WITH_ACKNOWLEDGE, PATIENCE_WITH_REFUSALS, on_outcome
from basware_reader.answers import external_code, to_response
from basware_reader.approvals import Acknowledge, Approve
from basware_reader.handlers import Reader, read_document
from basware_reader.locks import InHandError
from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.events import AnswerRejected, InvoicePosted, InvoiceRefused, Outcome, OutcomeAnswered
from mlc_common.failures import PermanentError, TransientError
from mlc_common.retries import Delivery

if TYPE_CHECKING:
    from .conftest import Site

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FIRST, SECOND = Delivery(tries=1, sequence=1), Delivery(tries=2, sequence=1)
DOCUMENT = ConnectionDocument.model_validate(
    {
        "name": "northwind",
        "epicor": {"base_url": "https://erp.example/live", "source_system": "EPICOR"},
        "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}],
    }
)


class Desk:
    """What the tests do over and over."""

    def __init__(self, site: Site, reader: Reader) -> None:
        self.site = site
        self.reader = reader
        self.invoice_id = ""

    async def approved(self) -> str:
        """A document that is read and acknowledged; its attempt."""
        (self.invoice_id,) = self.site.offer()
        return await self.read()

    async def read(self) -> str:
        decision = await read_document(self.reader, self.invoice_id, seen_by="push")
        assert isinstance(decision, Approve)
        return decision.attempt

    def posted(self, attempt: str, **members: Any) -> InvoicePosted:
        given = {
            "connection": "northwind", "at": NOW, "invoice_id": self.invoice_id, "attempt": attempt,
            "connection_version": 1, "company": "NWM", "vendor_num": 101, "vendor_id": "10432",
            "invoice_num": "INV-88214", "group_id": "B1122A", "voucher": "118822", "total": Decimal("2684.60"),
            "currency": "USD", "lines": 2,
        }  # fmt: skip
        return InvoicePosted.model_validate(given | members)

    def refused(self, attempt: str) -> InvoiceRefused:
        return InvoiceRefused(
            connection="northwind",
            at=NOW,
            invoice_id=self.invoice_id,
            attempt=attempt,
            connection_version=1,
            findings=(finding("UNKNOWN_VENDOR", vendor="10432", company="NWM"),),
        )

    async def answer(self, outcome: Outcome, delivery: Delivery = FIRST) -> None:
        await on_outcome(self.reader, DOCUMENT, outcome, delivery)

    @property
    def stored(self) -> list[dict[str, Any]]:
        """The answers the emulator holds."""
        return self.site.world.documents[self.invoice_id].answers

    @property
    def status(self) -> str:
        return self.site.world.documents[self.invoice_id].status

    def sent(self) -> int:
        return sum("transferResponses" in call["path"] for call in self.site.world.calls.log)

    async def answered(self) -> list[OutcomeAnswered]:
        return [event for event in await self.site.facts(self.invoice_id) if isinstance(event, OutcomeAnswered)]

    async def rejected(self) -> list[AnswerRejected]:
        return [event for event in await self.site.facts(self.invoice_id) if isinstance(event, AnswerRejected)]


@pytest.fixture
def desk(site: Site, reader: Reader) -> Desk:
    return Desk(site, reader)


async def test_a_posted_invoice_is_transferred_with_its_voucher(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())

    await desk.answer(outcome)
    await desk.answer(outcome, SECOND)

    (stored,) = desk.stored
    assert (desk.status, stored["success"], stored["voucherNumber1"]) == ("Transferred", True, "118822")
    (answered,) = await desk.answered()
    assert (answered.external_code, answered.success, answered.found) == (external_code(outcome), True, False)
    assert answered.request_id in desk.site.world.requests
    assert answered.cause == outcome.id
    assert desk.sent() == 1


async def test_a_refusal_tells_the_clerk_why_and_a_new_transfer_is_answered_anew(desk: Desk) -> None:
    await desk.answer(desk.refused(await desk.approved()))
    assert desk.status == "TransferFailed"
    assert desk.stored[0]["responseMessage"] == "Supplier 10432 does not exist in Epicor company NWM."

    desk.site.world.retransfer(desk.invoice_id, at=desk.site.clock())
    await desk.answer(desk.posted(await desk.read()))

    assert desk.status == "Transferred"
    assert [answer["success"] for answer in desk.stored] == [False, True]
    assert len({answer["externalCode"] for answer in desk.stored}) == 2


async def test_nothing_is_sent_before_the_acknowledge_is_on_record(desk: Desk) -> None:
    (desk.invoice_id,) = desk.site.offer()
    desk.site.fault("drop_after", "acknowledge")
    with pytest.raises(TransientError):
        await desk.read()
    attempt = str(desk.site.world.documents[desk.invoice_id].batch)

    with pytest.raises(TransientError) as waiting:
        await desk.answer(desk.posted(attempt))
    assert (waiting.value.retry_after, waiting.value.counts, desk.sent()) == (1, False, 0)

    await read_document(desk.reader, desk.invoice_id, seen_by="sweep")
    await desk.answer(desk.posted(attempt), SECOND)
    assert desk.status == "Transferred"


async def test_an_acknowledge_that_never_comes_is_looked_for(desk: Desk) -> None:
    (desk.invoice_id,) = desk.site.offer()
    desk.site.fault("drop_before", "acknowledge")
    with pytest.raises(TransientError):
        await desk.read()
    document = desk.site.world.documents[desk.invoice_id]
    late = Delivery(tries=PATIENCE_WITH_ACKNOWLEDGE + 1, sequence=1)

    with pytest.raises(TransientError) as waiting:
        await desk.answer(desk.posted(str(document.batch)), late)
    assert (waiting.value.retry_after, waiting.value.counts) == (CALMLY, True)
    document.move("Removed", at=desk.site.clock())
    await desk.answer(desk.posted(str(document.batch)), late)

    (rejected,) = await desk.rejected()
    assert rejected.status == "Removed"
    assert desk.sent() == 0


async def test_an_answer_lost_after_the_commit_is_found_and_not_sent_again(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    desk.site.fault("drop_after", "transferResponses")

    await desk.answer(outcome)

    assert len(desk.stored) == 1
    (answered,) = await desk.answered()
    assert answered.found
    assert desk.sent() == 1


async def test_a_lost_answer_is_found_later_when_basware_cannot_be_asked_at_once(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    desk.site.fault("drop_after", "transferResponses")
    desk.site.fault("status", f"{desk.invoice_id}$", status=503)

    with pytest.raises(TransientError):
        await desk.answer(outcome)
    await desk.answer(outcome, SECOND)

    assert len(desk.stored) == desk.sent() == 1
    assert [answered.found for answered in await desk.answered()] == [True]


@pytest.mark.parametrize("kind", ["drop_before", "status"])
async def test_an_unclear_answer_that_was_not_stored_is_sent_again(desk: Desk, kind: str) -> None:
    outcome = desk.posted(await desk.approved())
    desk.site.fault(kind, "transferResponses")

    with pytest.raises(TransientError, match="read before the same answer"):
        await desk.answer(outcome)
    await desk.answer(outcome, SECOND)

    assert len(desk.stored) == 1
    assert [answered.found for answered in await desk.answered()] == [False]


async def test_a_crash_between_the_answer_and_its_record_does_not_answer_twice(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    response = to_response(outcome, document=DOCUMENT, company_code="US01")
    await desk.reader.basware.transfer_response(desk.invoice_id, response)

    await desk.answer(outcome, SECOND)

    assert len(desk.stored) == desk.sent() == 1
    assert [answered.found for answered in await desk.answered()] == [True]


async def test_two_replicas_at_once_store_one_answer(desk: Desk, replica: Reader) -> None:
    outcome = desk.posted(await desk.approved())

    answers = (on_outcome(each, DOCUMENT, outcome, FIRST) for each in (desk.reader, replica) * 5)
    outcomes = await asyncio.gather(*answers, return_exceptions=True)

    assert {type(each) for each in outcomes} <= {type(None), InHandError}
    assert len(desk.stored) == desk.sent() == 1
    assert len(await desk.answered()) == 1


async def test_an_answer_somebody_else_gave_is_recorded_once_as_rejected(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    other = to_response(outcome, document=DOCUMENT, company_code="US01").model_copy(update={"externalCode": "other"})
    await desk.reader.basware.transfer_response(desk.invoice_id, other)

    await desk.answer(outcome)
    await desk.answer(outcome, SECOND)

    (rejected,) = await desk.rejected()
    assert rejected.status == "Transferred"
    assert "somebody else" in rejected.sentence
    assert [answer["externalCode"] for answer in desk.stored] == ["other"]


async def test_an_answer_to_an_old_transfer_is_rejected_and_the_new_one_answered(desk: Desk) -> None:
    old = await desk.approved()
    desk.site.world.documents[desk.invoice_id].move("TransferFailed", at=desk.site.clock())
    desk.site.world.retransfer(desk.invoice_id, at=desk.site.clock())
    new = await desk.read()

    await desk.answer(desk.posted(old), SECOND)
    await desk.answer(desk.posted(new))

    (rejected,) = await desk.rejected()
    assert (rejected.attempt, rejected.status) == (old, "TransferInProgress")
    assert [answered.attempt for answered in await desk.answered()] == [new]
    assert len(desk.stored) == 1


async def test_a_document_that_is_gone_ends_in_a_rejection(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    del desk.site.world.documents[desk.invoice_id]

    await desk.answer(outcome)

    assert [rejected.status for rejected in await desk.rejected()] == ["absent"]


async def test_an_answer_refused_while_another_call_runs_is_sent_again(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    document = desk.site.world.documents[desk.invoice_id]
    document.acknowledging = True

    with pytest.raises(TransientError, match="409"):
        await desk.answer(outcome)
    document.acknowledging = False
    await desk.answer(outcome, SECOND)

    assert len(desk.stored) == 1


@pytest.mark.parametrize("refusal", [400, 409])
async def test_no_answer_goes_out_while_an_acknowledge_is_under_way(desk: Desk, replica: Reader, refusal: int) -> None:
    outcome = desk.posted(await desk.approved())
    desk.site.world.documents[desk.invoice_id].move("WaitingForTransfer", at=desk.site.clock())
    slow = {"acknowledge_seconds": 0.4, "response_during_acknowledge": refusal}
    desk.site.world.settings = desk.site.world.settings.model_copy(update=slow)

    again = asyncio.create_task(read_document(replica, desk.invoice_id, seen_by="sweep"))
    while not desk.site.world.documents[desk.invoice_id].acknowledging:
        await asyncio.sleep(0.01)
    with pytest.raises(InHandError):
        await desk.answer(outcome)
    assert isinstance(await again, Acknowledge)
    await desk.answer(outcome, SECOND)

    assert desk.status == "Transferred"
    assert desk.sent() == 1
    assert desk.site.world.refused_answers == {}


async def test_no_acknowledge_goes_out_while_an_answer_is_under_way(desk: Desk, replica: Reader) -> None:
    outcome = desk.posted(await desk.approved())
    desk.site.fault("delay_after", "transferResponses", seconds=0.3)

    answering = asyncio.create_task(desk.answer(outcome))
    await asyncio.sleep(0.1)
    with pytest.raises(InHandError):
        await read_document(replica, desk.invoice_id, seen_by="push")
    await answering

    assert desk.site.world.documents[desk.invoice_id].acknowledgements == 1


async def test_the_outcome_of_an_older_attempt_never_answers_the_newer_transfer(desk: Desk) -> None:
    old = await desk.approved()
    desk.site.world.documents[desk.invoice_id].move("TransferFailed", at=desk.site.clock())
    desk.site.world.retransfer(desk.invoice_id, at=desk.site.clock())
    await desk.read()

    await desk.answer(desk.refused(old), FIRST)

    assert desk.status == "TransferInProgress"
    assert desk.sent() == 0
    assert [rejected.attempt for rejected in await desk.rejected()] == [old]


async def test_waits_for_the_acknowledge_bring_no_dead_letter_nearer(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    desk.site.fault("status", "transferResponses", status=400, times=PATIENCE_WITH_REFUSALS - 1)

    for tries in range(100, 100 + PATIENCE_WITH_REFUSALS - 1):
        with pytest.raises(TransientError, match=r"\(400\)"):
            await desk.answer(outcome, Delivery(tries=tries, sequence=1))
    await desk.answer(outcome, Delivery(tries=200, sequence=1))

    assert desk.status == "Transferred"


async def test_an_answer_basware_will_not_take_becomes_a_dead_letter(desk: Desk) -> None:
    outcome = desk.posted(await desk.approved())
    body = {"hasErrors": True, "errors": [{"message": "The field sourceSystem is too long."}]}
    desk.site.fault("status", "transferResponses", status=400, body=body, times=-1)

    for tries in range(1, PATIENCE_WITH_REFUSALS):
        with pytest.raises(TransientError, match=r"\(400\): The field sourceSystem is too long"):
            await desk.answer(outcome, Delivery(tries=tries, sequence=1))
    with pytest.raises(PermanentError, match="sourceSystem"):
        await desk.answer(outcome, Delivery(tries=5, sequence=1))


async def test_an_outcome_without_its_approval_is_a_permanent_failure(desk: Desk) -> None:
    await desk.approved()

    with pytest.raises(PermanentError, match="no approved attempt"):
        await desk.answer(desk.posted("another"))
