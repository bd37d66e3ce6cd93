"""What Basware takes out of a transfer, or leaves to people, is recorded and told, and never dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from basware_reader.approvals import standing_sentence
from basware_reader.handlers import Reader, read_document
from basware_reader.sweep import sweep
from mlc_common.connection import ConnectionDocument
from mlc_common.events import AnswerRejected, DocumentNoticed

from .test_answering_transfers import Desk

if TYPE_CHECKING:
    from .conftest import Site


@pytest.fixture
def desk(site: Site, reader: Reader) -> Desk:
    return Desk(site, reader)


@pytest.mark.parametrize("status", ["WaitingToBeRemoved", "Removed", "Returned"])
async def test_a_document_taken_out_of_its_transfer_is_withdrawn_once(desk: Desk, reader: Reader, status: str) -> None:
    await desk.approved()
    desk.site.world.documents[desk.invoice_id].move(status, at=desk.site.clock())

    await read_document(reader, desk.invoice_id, seen_by="push")
    await read_document(reader, desk.invoice_id, seen_by="push")

    assert (await desk.site.names(desk.invoice_id)).count("withdrawn") == 1


async def test_a_removed_document_that_stands_in_epicor_is_not_withdrawn_but_named_for_a_person(
    desk: Desk, reader: Reader, document: ConnectionDocument
) -> None:
    posted = desk.posted(await desk.approved())
    await desk.site.log.append(posted)
    await desk.answer(posted)
    desk.site.world.documents[desk.invoice_id].move("Removed", at=desk.site.clock())

    await sweep(reader, at_once=4)
    await sweep(reader, at_once=4)

    assert "withdrawn" not in await desk.site.names(desk.invoice_id)
    noticed = (await desk.site.facts(desk.invoice_id))[-1]
    assert isinstance(noticed, DocumentNoticed)
    assert noticed.for_a_person
    assert noticed.reason == standing_sentence(posted, "Removed")
    assert reader.metrics.waiting_for_a_person.labels(document.name, "Removed")._value.get() == 1


async def test_a_document_posted_while_it_was_removed_is_named_when_its_answer_is_not_taken(desk: Desk) -> None:
    attempt = await desk.approved()
    desk.site.world.documents[desk.invoice_id].move("Removed", at=desk.site.clock())

    await desk.answer(desk.posted(attempt))

    last = (await desk.site.facts(desk.invoice_id))[-1]
    assert isinstance(last, AnswerRejected)
    assert last.sentence == standing_sentence(desk.posted(attempt), "Removed")


async def test_a_document_that_vanished_from_basware_is_not_entered_any_more(desk: Desk, reader: Reader) -> None:
    await desk.approved()
    del desk.site.world.documents[desk.invoice_id]

    await read_document(reader, desk.invoice_id, seen_by="push")

    assert "withdrawn" in await desk.site.names(desk.invoice_id)


@pytest.mark.parametrize("status", ["Removed", "WaitingToBeReturned"])
async def test_the_sweep_finds_a_removal_that_no_push_announced(desk: Desk, reader: Reader, status: str) -> None:
    await desk.approved()
    desk.site.world.documents[desk.invoice_id].move(status, at=desk.site.clock())

    await sweep(reader, at_once=4)
    calls = desk.site.world.calls.total
    await sweep(reader, at_once=4)

    assert (await desk.site.names(desk.invoice_id)).count("withdrawn") == 1
    singles = [call for call in list(desk.site.world.calls.log)[calls:] if desk.invoice_id in call["path"]]
    assert singles == [], "what was looked at is not read again"


async def test_a_removed_document_that_never_was_ours_is_not_recorded(desk: Desk, reader: Reader) -> None:
    (invoice_id,) = desk.site.offer()
    desk.site.world.documents[invoice_id].move("Removed", at=desk.site.clock())

    await sweep(reader, at_once=4)

    assert await desk.site.names(invoice_id) == []


@pytest.mark.parametrize("status", ["WaitingForPrebookCancelation", "WaitingToBeCompleted"])
async def test_a_status_that_only_a_person_can_answer_is_recorded_and_counted_once(
    desk: Desk, reader: Reader, document: ConnectionDocument, status: str
) -> None:
    (invoice_id,) = desk.site.offer()
    desk.site.world.documents[invoice_id].move(status, at=desk.site.clock())

    await read_document(reader, invoice_id, seen_by="push")
    await read_document(reader, invoice_id, seen_by="push")

    (noticed,) = await desk.site.facts(invoice_id)
    assert isinstance(noticed, DocumentNoticed)
    assert noticed.for_a_person
    assert status in noticed.reason
    counted = reader.metrics.waiting_for_a_person.labels(document.name, status)
    assert counted._value.get() == 1
