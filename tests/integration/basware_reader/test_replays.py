"""A transfer that is taken up anew: what stopped on its way to Basware goes on, what arrived is not told again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from basware_reader.answers import to_response
from basware_reader.approvals import Approve
from basware_reader.handlers import Reader, read_document
from basware_reader.replays import on_outcome_or_replay
from mlc_common.connection import ConnectionDocument
from mlc_common.events import InvoicePosted, OutcomeAnswered, ReplayRequested
from mlc_common.retries import Delivery

if TYPE_CHECKING:
    from .conftest import Site

FIRST = Delivery(tries=1, sequence=1)


def replay(invoice_id: str, attempt: str) -> ReplayRequested:
    common = {"connection": "northwind", "invoice_id": invoice_id, "attempt": attempt, "at": datetime.now(UTC)}
    return ReplayRequested(**common, by="mia", reason="the bug is mended", replay="r1")


async def posted(site: Site, reader: Reader) -> InvoicePosted:
    """A document that was read and posted; nobody told Basware."""
    (invoice_id,) = site.offer()
    decision = await read_document(reader, invoice_id, seen_by="push")
    assert isinstance(decision, Approve)
    outcome = InvoicePosted(
        connection="northwind", at=site.clock(), invoice_id=invoice_id, attempt=decision.attempt, connection_version=1,
        company="NWM", vendor_num=101, vendor_id="10432", invoice_num="INV-1", group_id="B1122A", voucher="118822",
        total=Decimal("2684.60"), currency="USD", lines=2,
    )  # fmt: skip
    await site.log.append(outcome)
    return outcome


async def test_an_outcome_that_was_never_told_is_told_once(
    site: Site, reader: Reader, document: ConnectionDocument
) -> None:
    outcome = await posted(site, reader)
    anew = replay(outcome.invoice_id, outcome.attempt)

    await on_outcome_or_replay(reader, document, anew, FIRST)
    await on_outcome_or_replay(reader, document, anew, FIRST)
    await on_outcome_or_replay(reader, document, outcome, FIRST)

    told = [each for each in await site.facts(outcome.invoice_id) if isinstance(each, OutcomeAnswered)]
    assert [each.success for each in told] == [True]
    assert len(site.world.documents[outcome.invoice_id].answers) == 1


async def test_an_answer_that_got_there_without_being_recorded_is_found_and_not_given_again(
    site: Site, reader: Reader, document: ConnectionDocument
) -> None:
    outcome = await posted(site, reader)
    unrecorded = to_response(outcome, document=document, company_code="US01")
    await reader.basware.transfer_response(outcome.invoice_id, unrecorded)

    await on_outcome_or_replay(reader, document, replay(outcome.invoice_id, outcome.attempt), FIRST)

    (told,) = [each for each in await site.facts(outcome.invoice_id) if isinstance(each, OutcomeAnswered)]
    assert told.found
    assert len(site.world.documents[outcome.invoice_id].answers) == 1


async def test_a_document_that_was_never_read_is_read(site: Site, reader: Reader, document: ConnectionDocument) -> None:
    (invoice_id,) = site.offer()

    await on_outcome_or_replay(reader, document, replay(invoice_id, ""), FIRST)

    assert await site.names(invoice_id) == ["approved", "acknowledged"]


async def test_a_transfer_without_an_outcome_is_left_to_the_writer(
    site: Site, reader: Reader, document: ConnectionDocument
) -> None:
    (invoice_id,) = site.offer()
    decision = await read_document(reader, invoice_id, seen_by="push")
    assert isinstance(decision, Approve)
    calls = len(site.world.calls.log)

    await on_outcome_or_replay(reader, document, replay(invoice_id, decision.attempt), FIRST)

    assert len(site.world.calls.log) == calls


async def test_a_document_that_was_transferred_again_without_being_read_is_read_when_asked(
    site: Site, reader: Reader, document: ConnectionDocument
) -> None:
    (invoice_id,) = site.offer()
    decision = await read_document(reader, invoice_id, seen_by="push")
    assert isinstance(decision, Approve)
    calls = len(site.world.calls.log)
    asked = replay(invoice_id, decision.attempt).model_copy(update={"read_again": True})

    await on_outcome_or_replay(reader, document, asked, FIRST)

    assert len(site.world.calls.log) > calls
    assert await site.names(invoice_id) == ["approved", "acknowledged"]
