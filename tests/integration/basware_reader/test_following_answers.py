"""After the 200: answers are followed until they stand in P2P, and transfers never wait past their deadline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from prometheus_client import Counter

from basware_reader.approvals import Approve
from basware_reader.deliveries import on_answered
from basware_reader.handlers import Reader, read_document
from basware_reader.sweep import sweep
from mlc_common.catalogue import finding
from mlc_common.events import (
    AnswerRejected,
    AnswerUnconfirmed,
    AnswerUndelivered,
    DocumentApproved,
    Event,
    OutcomeAnswered,
)
from mlc_common.failures import TransientError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings

from .test_answering_transfers import Desk

if TYPE_CHECKING:
    from .conftest import Site

TIMINGS = Timings(delivery_pauses=(15, 60), delivery_patience=3600)
DAY = 86_400


@pytest.fixture
def desk(site: Site, reader: Reader) -> Desk:
    return Desk(site, reader)


@pytest.fixture
def followed() -> Counter:
    return Counter("followed", "for the test", ["connection", "how"], registry=None)


async def answered(desk: Desk) -> OutcomeAnswered:
    """An answer that Basware's API layer took."""
    attempt = await desk.approved()
    await desk.answer(desk.posted(attempt))
    (found,) = await desk.answered()
    return found


async def follow(desk: Desk, followed: Counter, event: OutcomeAnswered, *, tries: int = 2) -> Event | None:
    """One look; the fact it recorded, or None when it will look again."""
    try:
        await on_answered(desk.reader, TIMINGS, followed, event, Delivery(tries=tries, sequence=1))
    except TransientError as later:
        return None if not later.counts else pytest.fail("a deliberate pause is no failure")
    return (await desk.site.facts(desk.invoice_id))[-1]


async def test_an_answer_is_followed_until_it_stands_in_p2p(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)

    assert await follow(desk, followed, event, tries=1) is None, "Basware gets some seconds first"
    assert await follow(desk, followed, event) is not None
    assert await follow(desk, followed, event) is not None
    assert (await desk.site.names(desk.invoice_id)).count("delivered") == 1


async def test_a_request_that_is_not_known_yet_is_asked_for_again(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)
    known = desk.site.world.requests.pop(str(event.request_id))

    assert await follow(desk, followed, event) is None
    desk.site.world.requests[str(event.request_id)] = known

    found = await follow(desk, followed, event, tries=3)
    assert found is not None
    assert "delivered" in await desk.site.names(desk.invoice_id)


async def test_an_answer_that_p2p_refused_is_told_with_the_reason(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)
    item = desk.site.world.requests[str(event.request_id)]["systems"][0]["items"][0]
    item |= {"status": "Error", "errors": [{"type": "Error", "message": "Invoice is locked", "category": "Technical"}]}

    found = await follow(desk, followed, event)

    assert isinstance(found, AnswerUndelivered)
    assert "Invoice is locked" in found.sentence


async def test_an_answer_nobody_confirms_is_given_up_loudly_after_the_patience(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)
    desk.site.world.requests.clear()

    assert await follow(desk, followed, event, tries=50) is None
    desk.site.clock.forward(3601)

    assert isinstance(await follow(desk, followed, event, tries=51), AnswerUnconfirmed)


async def test_an_answer_found_without_its_request_is_told_to_be_out_of_sight(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)

    found = await follow(desk, followed, event.model_copy(update={"request_id": None}))

    assert isinstance(found, AnswerUnconfirmed)
    assert found.sentence == finding("ANSWER_WITHOUT_REQUEST").sentence


def deadline(reader: Reader) -> float:
    """Seconds until the interim answer is due."""
    window = reader.document.basware.deadline
    return window.minutes * 60 * window.answer


async def test_a_waiting_transfer_is_warned_about_once_and_then_answered_once(desk: Desk, reader: Reader) -> None:
    await desk.approved()
    await sweep(reader, at_once=4)
    desk.site.clock.forward(deadline(reader) * 0.6)
    await sweep(reader, at_once=4)
    await sweep(reader, at_once=4)
    assert await desk.site.names(desk.invoice_id) == ["approved", "acknowledged", "deadline_near"]
    assert desk.sent() == 0

    desk.site.clock.forward(deadline(reader) * 0.5)
    await sweep(reader, at_once=4)
    await sweep(reader, at_once=4)

    assert (await desk.site.names(desk.invoice_id))[-1] == "interim"
    (told,) = desk.stored
    assert not told["success"]
    assert told["responseMessage"].startswith("Still working")
    assert desk.status == "TransferFailed"


async def test_an_interim_answer_that_was_lost_on_the_way_back_is_found(desk: Desk, reader: Reader) -> None:
    await desk.approved()
    desk.site.clock.forward(DAY)
    desk.site.fault("drop_after", "transferResponses")

    await sweep(reader, at_once=4)

    assert (await desk.site.names(desk.invoice_id))[-1] == "interim"
    assert len(desk.stored) == 1


async def test_a_late_success_is_told_where_basware_takes_it(desk: Desk, reader: Reader) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"answer_after_failure": True})
    attempt = await desk.approved()
    desk.site.clock.forward(DAY)
    await sweep(reader, at_once=4)

    await desk.answer(desk.posted(attempt))

    assert desk.status == "Transferred"
    (told,) = await desk.answered()
    assert told.success


async def test_a_late_success_that_basware_takes_no_more_is_told_truthfully_and_confirmed_on_the_next_transfer(
    desk: Desk, reader: Reader
) -> None:
    attempt = await desk.approved()
    desk.site.clock.forward(DAY)
    await sweep(reader, at_once=4)

    await desk.answer(desk.posted(attempt))

    last = (await desk.site.facts(desk.invoice_id))[-1]
    assert isinstance(last, AnswerRejected)
    assert "INV-88214" in last.sentence
    assert "still working" in last.sentence
    desk.site.world.retransfer(desk.invoice_id, at=desk.site.clock())
    decision = await read_document(reader, desk.invoice_id, seen_by="push")
    assert isinstance(decision, Approve)
    assert decision.attempt != attempt
    await desk.answer(desk.posted(decision.attempt, found=True))
    assert desk.status == "Transferred"


async def test_a_transfer_that_basware_gave_up_by_itself_is_told_truthfully(desk: Desk) -> None:
    world = desk.site.world
    world.settings = world.settings.model_copy(update={"answer_window": 1800})
    attempt = await desk.approved()
    desk.site.clock.forward(1801)

    await desk.answer(desk.posted(attempt))

    last = (await desk.site.facts(desk.invoice_id))[-1]
    assert isinstance(last, AnswerRejected)
    assert last.sentence == finding("POSTED_AFTER_WINDOW", company="NWM", number="INV-88214").sentence
    world.retransfer(desk.invoice_id, at=desk.site.clock())
    await desk.answer(desk.posted(await desk.read(), found=True))
    assert desk.status == "Transferred"


async def test_a_late_outcome_reaches_a_basware_that_takes_it_after_its_window(desk: Desk) -> None:
    world = desk.site.world
    world.settings = world.settings.model_copy(update={"answer_window": 1800, "answer_after_failure": True})
    attempt = await desk.approved()
    desk.site.clock.forward(1801)

    await desk.answer(desk.posted(attempt))

    assert desk.status == "Transferred"


async def test_a_transfer_begun_anew_after_the_interim_answer_is_a_new_attempt(desk: Desk, reader: Reader) -> None:
    world = desk.site.world
    world.settings = world.settings.model_copy(update={"fresh_batch_on_retransfer": False})
    attempt = await desk.approved()
    desk.site.clock.forward(DAY)
    await sweep(reader, at_once=4)

    world.retransfer(desk.invoice_id, at=desk.site.clock())
    decision = await read_document(reader, desk.invoice_id, seen_by="push")

    assert isinstance(decision, Approve)
    assert decision.attempt != attempt


async def test_a_document_is_prebooked_first_and_transferred_later(desk: Desk, reader: Reader) -> None:
    rules = reader.document.posting.model_copy(update={"prebooking": "create"})
    prebooking = replace(reader, document=reader.document.model_copy(update={"posting": rules}))
    desk.reader = prebooking
    (desk.invoice_id,) = desk.site.offer()
    basware = desk.site.world.documents[desk.invoice_id]
    basware.move("WaitingForPrebook", at=desk.site.clock())

    swept = await sweep(prebooking, at_once=4)
    (attempt,) = [each.attempt for each in await desk.site.facts(desk.invoice_id) if isinstance(each, DocumentApproved)]
    await desk.answer(desk.posted(attempt, prebook=True, payment_block=True))

    assert swept.offered == 1
    assert desk.status == "Prebooked"
    assert [given["kind"] for given in desk.stored] == ["prebookResponses"]
    basware.body["prebooked"] = True
    basware.move("WaitingForTransfer", at=desk.site.clock())
    second = await desk.read()
    assert second != attempt
    await desk.answer(desk.posted(second))
    assert desk.status == "Transferred"
    assert [given["kind"] for given in desk.stored] == ["prebookResponses", "transferResponses"]


async def test_a_prebooking_is_left_alone_where_the_connection_does_none(desk: Desk, reader: Reader) -> None:
    (invoice_id,) = desk.site.offer()
    desk.site.world.documents[invoice_id].move("WaitingForPrebook", at=desk.site.clock())

    await read_document(reader, invoice_id, seen_by="push")

    assert await desk.site.names(invoice_id) == ["noticed"]


async def test_an_answer_is_given_up_even_where_basware_refuses_to_say(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)
    desk.site.fault("status", "requestStatus", status=403, times=-1)

    with pytest.raises(TransientError):
        await on_answered(desk.reader, TIMINGS, followed, event, Delivery(tries=2, sequence=1))
    desk.site.clock.forward(3601)

    assert isinstance(await follow(desk, followed, event, tries=9), AnswerUnconfirmed)


async def test_nothing_is_followed_without_the_scope_for_it(desk: Desk, followed: Counter) -> None:
    event = await answered(desk)
    basware = desk.reader.document.basware.model_copy(update={"scopes": ("accountingDocuments.read",)})
    desk.reader = replace(desk.reader, document=desk.reader.document.model_copy(update={"basware": basware}))

    await on_answered(desk.reader, TIMINGS, followed, event, Delivery(tries=1, sequence=1))

    assert (await desk.site.names(desk.invoice_id))[-1] == "answered"


@pytest.mark.parametrize("known", [True, False])
async def test_an_answer_first_delivered_after_its_patience_is_looked_at_once(
    desk: Desk, followed: Counter, known: bool
) -> None:
    event = await answered(desk)
    if not known:
        desk.site.world.requests.clear()
    desk.site.clock.forward(3601)

    await on_answered(desk.reader, TIMINGS, followed, event, Delivery(tries=1, sequence=1))

    assert (await desk.site.names(desk.invoice_id))[-1] == ("delivered" if known else "unconfirmed")
