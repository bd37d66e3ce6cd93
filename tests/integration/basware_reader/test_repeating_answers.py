"""An answer that Basware lost on its way into P2P is given again; a push about a request ends the wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import Counter

from basware_reader.deliveries import on_answered, on_push
from basware_reader.handlers import Reader
from basware_reader.repeats import MOST_REPEATS
from mlc_common.events import (
    AnswerDelivered,
    AnswerRepeated,
    AnswerUndelivered,
    DocumentNoticed,
    Event,
    NotificationReceived,
    OutcomeAnswered,
)
from mlc_common.failures import TransientError
from mlc_common.retries import Delivery
from mlc_common.settings import Timings
from mlc_sandbox.basware.settings import Delivery as Delivered

from .test_answering_transfers import NOW, Desk

if TYPE_CHECKING:
    from .conftest import Site

TIMINGS = Timings(delivery_pauses=(15, 60), delivery_patience=3600)


@pytest.fixture
def desk(site: Site, reader: Reader) -> Desk:
    return Desk(site, reader)


@pytest.fixture
def followed() -> Counter:
    return Counter("followed", "for the test", ["connection", "how"], registry=None)


async def follow(desk: Desk, followed: Counter, event: OutcomeAnswered | AnswerRepeated, *, tries: int = 2) -> Event:
    """One look after the first pause; the last fact then."""
    await on_answered(desk.reader, TIMINGS, followed, event, Delivery(tries=tries, sequence=1))
    return (await desk.site.facts(desk.invoice_id))[-1]


def failing(desk: Desk, **delivery: Any) -> None:
    """From now on answers get stuck between Basware's API layer and P2P."""
    world = desk.site.world
    world.settings = world.settings.model_copy(update={"delivery": Delivered(status="Error", **delivery)})


async def lost_answer(desk: Desk) -> OutcomeAnswered:
    """An answer that Basware took and lost, with its outcome on record."""
    outcome = desk.posted(await desk.approved())
    await desk.site.log.append(outcome)
    await desk.answer(outcome)
    (found,) = await desk.answered()
    return found


async def test_an_answer_lost_for_a_technical_reason_is_given_again_under_another_code(
    desk: Desk, followed: Counter
) -> None:
    failing(desk, awaited_still=True)
    event = await lost_answer(desk)
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"delivery": Delivered()})

    again = await follow(desk, followed, event)

    assert isinstance(again, AnswerRepeated)
    assert again.external_code != event.external_code
    assert desk.status == "Transferred"
    assert [given["success"] for given in desk.stored] == [True, True]
    calls = desk.site.world.calls.total
    await follow(desk, followed, event, tries=3)
    assert desk.site.world.calls.total == calls, "the first one is settled"
    assert len(desk.stored) == 2
    assert isinstance(await follow(desk, followed, again), AnswerDelivered)


async def test_an_answer_that_keeps_getting_lost_is_given_again_twice_and_then_told(
    desk: Desk, followed: Counter
) -> None:
    failing(desk, awaited_still=True)
    event: OutcomeAnswered | AnswerRepeated = await lost_answer(desk)

    for _ in range(MOST_REPEATS):
        again = await follow(desk, followed, event)
        assert isinstance(again, AnswerRepeated)
        event = again

    assert isinstance(await follow(desk, followed, event), AnswerUndelivered)
    assert len(desk.stored) == 1 + MOST_REPEATS


async def test_an_answer_given_again_whose_own_answer_is_lost_is_found_and_not_sent_twice(
    desk: Desk, followed: Counter
) -> None:
    failing(desk, awaited_still=True)
    event = await lost_answer(desk)
    desk.site.fault("drop_after", "transferResponses")

    with pytest.raises(TransientError):
        await follow(desk, followed, event)
    again = await follow(desk, followed, event, tries=3)

    assert isinstance(again, AnswerRepeated)
    assert again.request_id is None
    assert len(desk.stored) == 2


@pytest.mark.parametrize(("category", "awaited_still"), [("DataValidation", True), ("Technical", False)])
async def test_an_answer_that_repeating_cannot_help_is_told_at_once(
    desk: Desk, followed: Counter, category: str, awaited_still: bool
) -> None:
    failing(desk, category=category, awaited_still=awaited_still)
    event = await lost_answer(desk)

    assert isinstance(await follow(desk, followed, event), AnswerUndelivered)
    assert len(desk.stored) == 1


async def test_a_push_about_a_request_ends_the_wait_for_its_answer(desk: Desk, followed: Counter) -> None:
    event = await lost_answer(desk)

    await on_push(desk.reader, followed, pushed(str(event.request_id)), Delivery(tries=1, sequence=1))
    await on_push(desk.reader, followed, pushed(str(event.request_id)), Delivery(tries=1, sequence=2))

    assert (await desk.site.names(desk.invoice_id)).count("delivered") == 1
    assert "noticed" not in await desk.site.names(desk.invoice_id)


async def test_a_push_about_a_request_leaves_the_answers_to_other_transfers_alone(
    desk: Desk, followed: Counter
) -> None:
    await desk.answer(desk.refused(await desk.approved()))
    desk.site.world.retransfer(desk.invoice_id, at=desk.site.clock())
    second = await desk.read()
    await desk.answer(desk.posted(second))
    _, answered = await desk.answered()

    await on_push(desk.reader, followed, pushed(str(answered.request_id)), Delivery(tries=1, sequence=1))

    facts = await desk.site.facts(desk.invoice_id)
    assert [each.attempt for each in facts if isinstance(each, AnswerDelivered)] == [second]


async def test_a_push_about_a_request_of_somebody_else_is_recorded(desk: Desk, followed: Counter) -> None:
    await on_push(desk.reader, followed, pushed("request-of-others"), Delivery(tries=1, sequence=1))

    (noticed,) = await desk.site.facts("request-of-others")
    assert isinstance(noticed, DocumentNoticed)
    assert "RequestStatus" in noticed.reason


def pushed(request_id: str) -> NotificationReceived:
    return NotificationReceived(
        connection="northwind",
        at=NOW,
        task_id=f"task-{request_id}",
        task_type="RequestStatus",
        task_sub_type="Success",
        document_id=request_id,
        variant="body",
        digest="0" * 16,
        body="{}",
    )
