"""From a push or the sweep to the facts on record and an acknowledge, in that order."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from basware_reader.approvals import Acknowledge, Approve, Nothing
from basware_reader.handlers import Reader, on_notification, read_document
from basware_reader.locks import InHandError
from basware_reader.sweep import sweep
from mlc_common.events import DocumentAcknowledged, DocumentApproved, DocumentNoticed, NotificationReceived
from mlc_common.failures import PermanentError, TransientError
from mlc_common.retries import Delivery
from mlc_sandbox.samples import large_invoice

if TYPE_CHECKING:
    from .conftest import Site

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FIRST = Delivery(tries=1, sequence=1)


def push(invoice_id: str, **members: Any) -> NotificationReceived:
    given = {
        "connection": "northwind",
        "at": NOW,
        "task_id": f"task-{invoice_id}",
        "task_type": "AccountingDocuments",
        "task_sub_type": "WaitingForTransfer",
        "document_id": invoice_id,
        "variant": "body",
        "digest": "0" * 16,
        "body": "{}",
    }
    return NotificationReceived.model_validate(given | members)


async def test_a_pushed_document_is_recorded_and_then_acknowledged(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()

    await on_notification(reader, push(invoice_id), FIRST)

    approved, acknowledged = await site.facts(invoice_id)
    assert isinstance(approved, DocumentApproved)
    assert isinstance(acknowledged, DocumentAcknowledged)
    assert approved.attempt == acknowledged.attempt == site.world.documents[invoice_id].batch
    assert (approved.seen_by, approved.cause) == ("push", push(invoice_id).id)
    assert not acknowledged.already
    assert site.world.documents[invoice_id].status == "TransferInProgress"


async def test_a_document_is_kept_as_it_was_read_and_names_its_personal_members(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    site.world.documents[invoice_id].body["referencePerson"] = "Jane Buyer"

    await on_notification(reader, push(invoice_id), FIRST)

    approved, _ = await site.facts(invoice_id)
    assert isinstance(approved, DocumentApproved)
    assert '"Jane Buyer"' in approved.document
    assert approved.personal is not None
    assert "referencePerson" in approved.personal
    assert await reader.log.history("northwind", invoice_id), "and it is read back from the stream"


@pytest.mark.parametrize("task_type", ["AccoutingDocuments", "accountingdocuments"])
async def test_the_vendors_misspelling_counts(site: Site, reader: Reader, task_type: str) -> None:
    (invoice_id,) = site.offer()

    await on_notification(reader, push(invoice_id, task_type=task_type), FIRST)

    assert await site.names(invoice_id) == ["approved", "acknowledged"]


async def test_what_a_push_says_is_a_hint_and_never_believed(site: Site, reader: Reader) -> None:
    """Whoever has the webhook secret can sign anything: what is recorded is what Basware itself says, and no more."""
    offered, finished = site.offer(2)
    site.world.documents[finished].move("Transferred", at=site.clock())
    claims = {"documentId": offered, "processingStatus": "WaitingForTransfer", "grossSum": 999_999.99}
    body = json.dumps(claims | {"supplierBankIBAN": "FI0000000000000000"})

    for invoice_id in (offered, finished, "invented"):
        forged = push(invoice_id, task_status="Approved", task_sub_type="WaitingForTransfer", body=body)
        await on_notification(reader, forged, FIRST)

    approved, _ = await site.facts(offered)
    assert isinstance(approved, DocumentApproved)
    assert (
        json.loads(approved.document, parse_float=Decimal)["grossSum"] == site.world.documents[offered].body["grossSum"]
    )
    assert "FI0000000000000000" not in approved.document
    assert "999999.99" not in approved.document
    assert await site.names(finished) == await site.names("invented") == ["noticed"]
    assert site.world.documents[finished].status == "Transferred"


async def test_the_same_push_again_changes_nothing(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()

    for _ in range(3):
        await on_notification(reader, push(invoice_id), FIRST)

    assert await site.names(invoice_id) == ["approved", "acknowledged"]
    assert site.world.documents[invoice_id].acknowledgements == 1


async def test_fifty_readings_at_once_are_one_attempt(site: Site, reader: Reader, replica: Reader) -> None:
    (invoice_id,) = site.offer()

    readings = (read_document(each, invoice_id, seen_by="push") for each in (reader, replica) * 25)
    outcomes = await asyncio.gather(*readings, return_exceptions=True)

    assert {type(each) for each in outcomes} <= {Approve, Nothing, InHandError}
    assert await site.names(invoice_id) == ["approved", "acknowledged"]
    document = site.world.documents[invoice_id]
    assert (document.acknowledgements, document.refused_acknowledgements) == (1, 0)


async def test_two_replicas_never_acknowledge_at_once(site: Site, reader: Reader, replica: Reader) -> None:
    site.world.settings = site.world.settings.model_copy(update={"acknowledge_seconds": 0.3})
    (invoice_id,) = site.offer()

    first = asyncio.create_task(read_document(reader, invoice_id, seen_by="push"))
    while not site.world.documents[invoice_id].acknowledging:
        await asyncio.sleep(0.01)
    with pytest.raises(InHandError):
        await read_document(replica, invoice_id, seen_by="push")
    assert (await sweep(replica, at_once=4)).failed == 0, "the sweep leaves it to the one who is at it"
    await first

    document = site.world.documents[invoice_id]
    assert (document.acknowledgements, document.refused_acknowledgements) == (1, 0)


async def test_two_replicas_reading_a_document_without_a_batch_make_one_attempt(
    site: Site, reader: Reader, replica: Reader
) -> None:
    (invoice_id,) = site.offer()
    document = site.world.documents[invoice_id]
    document.body["transferParameters"] = []
    site.fault("delay_after", f"{invoice_id}$", seconds=0.3)

    first = asyncio.create_task(read_document(reader, invoice_id, seen_by="push"))
    await asyncio.sleep(0.15)
    document.body |= {"description": "touched", "lastUpdated": "2026-11-22T10:00:00.000Z"}
    with pytest.raises(InHandError):
        await read_document(replica, invoice_id, seen_by="push")
    await first
    assert isinstance(await read_document(replica, invoice_id, seen_by="push"), Nothing)

    assert await site.names(invoice_id) == ["approved", "acknowledged", "noticed"]  # the touch


@pytest.mark.parametrize("fresh_batch", [True, False])
async def test_a_new_transfer_is_a_new_attempt(site: Site, reader: Reader, fresh_batch: bool) -> None:
    site.world.settings = site.world.settings.model_copy(update={"fresh_batch_on_retransfer": fresh_batch})
    (invoice_id,) = site.offer()
    await read_document(reader, invoice_id, seen_by="push")
    site.world.documents[invoice_id].move("TransferFailed", at=site.clock())
    await read_document(reader, invoice_id, seen_by="push")
    changed = {"description": "corrected by a clerk"}
    site.world.retransfer(invoice_id, at=site.clock(), changes=changed)

    assert isinstance(await read_document(reader, invoice_id, seen_by="push"), Approve)
    site.world.documents[invoice_id].body["lastUpdated"] = "2026-11-22T10:00:00.000Z"
    assert isinstance(await read_document(reader, invoice_id, seen_by="sweep"), Nothing)

    names = await site.names(invoice_id)
    assert sorted(names) == ["acknowledged", "acknowledged", "approved", "approved", "noticed"]


async def test_a_crash_before_the_acknowledge_is_made_up_for(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    site.fault("drop_before", "acknowledge")

    with pytest.raises(TransientError):
        await on_notification(reader, push(invoice_id), FIRST)
    assert await site.names(invoice_id) == ["approved"]
    await on_notification(reader, push(invoice_id), Delivery(tries=2, sequence=1))

    assert await site.names(invoice_id) == ["approved", "acknowledged"]
    assert site.world.documents[invoice_id].acknowledgements == 1


async def test_a_correction_under_the_same_batch_is_never_acknowledged_unread(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    site.fault("status", "acknowledge", status=500)
    with pytest.raises(TransientError):
        await read_document(reader, invoice_id, seen_by="push")
    document = site.world.documents[invoice_id]
    document.body |= {"grossSum": Decimal("99999.99"), "invoiceNumber": "CHANGED"}
    document.move("WaitingForTransfer", at=site.clock())

    assert isinstance(await read_document(reader, invoice_id, seen_by="sweep"), Approve)

    first, second, acknowledged = await site.facts(invoice_id)
    assert isinstance(first, DocumentApproved)
    assert isinstance(second, DocumentApproved)
    assert (second.gross, second.invoice_number, second.batch) == (Decimal("99999.99"), "CHANGED", first.batch)
    assert isinstance(acknowledged, DocumentAcknowledged)
    assert acknowledged.attempt == second.attempt != first.attempt
    assert document.status == "TransferInProgress"


async def test_a_change_of_what_is_in_hand_is_noticed_for_a_person_once(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    await read_document(reader, invoice_id, seen_by="push")
    document = site.world.documents[invoice_id]
    document.body |= {"grossSum": Decimal("99999.99")}
    document.move("TransferInProgress", at=site.clock())

    for _ in range(2):
        await sweep(reader, at_once=4)
    assert isinstance(await read_document(reader, invoice_id, seen_by="push"), Nothing)

    *_, noticed = await site.facts(invoice_id)
    assert await site.names(invoice_id) == ["approved", "acknowledged", "noticed"]
    assert isinstance(noticed, DocumentNoticed)
    assert noticed.for_a_person
    assert "changed in Basware after its transfer was taken up" in noticed.reason


async def test_an_acknowledge_whose_answer_was_lost_is_not_repeated(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    site.fault("drop_after", "acknowledge")

    with pytest.raises(TransientError):
        await on_notification(reader, push(invoice_id), FIRST)
    decision = await read_document(reader, invoice_id, seen_by="sweep")

    assert isinstance(decision, Acknowledge)
    _, acknowledged = await site.facts(invoice_id)
    assert isinstance(acknowledged, DocumentAcknowledged)
    assert acknowledged.already
    assert site.world.documents[invoice_id].refused_acknowledgements == 0


async def test_405_means_it_is_ours_already(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    site.fault("delay", "acknowledge", seconds=0.2)

    reading = asyncio.create_task(read_document(reader, invoice_id, seen_by="push"))
    await asyncio.sleep(0.1)
    site.world.documents[invoice_id].move("TransferInProgress", at=site.clock())
    await reading

    _, acknowledged = await site.facts(invoice_id)
    assert isinstance(acknowledged, DocumentAcknowledged)
    assert acknowledged.already
    assert site.world.documents[invoice_id].refused_acknowledgements == 1


async def test_405_while_an_acknowledge_we_gave_up_on_still_runs_is_not_on_record(site: Site, reader: Reader) -> None:
    site.world.settings = site.world.settings.model_copy(update={"acknowledge_seconds": 0.3})
    (invoice_id,) = site.offer()
    given_up_on = asyncio.create_task(reader.basware.acknowledge(invoice_id))
    while not site.world.documents[invoice_id].acknowledging:
        await asyncio.sleep(0.01)

    with pytest.raises(TransientError, match="does not show it yet"):
        await read_document(reader, invoice_id, seen_by="push")
    assert await site.names(invoice_id) == ["approved"]
    await given_up_on
    await read_document(reader, invoice_id, seen_by="push")

    assert await site.names(invoice_id) == ["approved", "acknowledged"]


async def test_a_document_somebody_else_acknowledged_is_ours_too(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()
    site.world.documents[invoice_id].move("TransferInProgress", at=site.clock())

    await read_document(reader, invoice_id, seen_by="sweep")

    assert await site.names(invoice_id) == ["approved", "acknowledged"]
    assert site.world.documents[invoice_id].acknowledgements == 0


@pytest.mark.parametrize("status", ["Transferred", "Removed", "WaitingToBeReturned", "NobodyKnowsThis"])
async def test_another_or_unknown_status_is_recorded_once_and_not_acted_on(
    site: Site, reader: Reader, status: str
) -> None:
    (invoice_id,) = site.offer()
    site.world.documents[invoice_id].move(status, at=site.clock())

    for _ in range(3):
        await on_notification(reader, push(invoice_id), FIRST)

    (noticed,) = await site.facts(invoice_id)
    assert isinstance(noticed, DocumentNoticed)
    assert noticed.status == status
    assert status in noticed.reason
    assert site.world.documents[invoice_id].acknowledgements == 0


async def test_what_the_reference_does_not_know_is_accepted_and_told_once(site: Site, reader: Reader) -> None:
    first, second = site.offer(2)
    for invoice_id in (first, second):
        site.world.documents[invoice_id].body["riskScore"] = 7
        site.world.documents[invoice_id].body["codingRows"][0]["newDim"] = "x"
    site.world.documents[second].move("Parked", at=site.clock())

    with capture_logs() as logs:
        for invoice_id in (first, second, first):
            await on_notification(reader, push(invoice_id), FIRST)

    told = [entry["unknown"] for entry in logs if entry["event"] == "drift"]
    assert told == ["codingRows.newDim", "riskScore", "processingStatus=Parked"]
    assert isinstance((await site.facts(first))[0], DocumentApproved)
    assert reader.metrics.drift.labels(reader.connection)._value.get() == 3


async def test_a_document_basware_does_not_know_is_recorded(site: Site, reader: Reader) -> None:
    await on_notification(reader, push("nobody-knows"), FIRST)

    (noticed,) = await site.facts("nobody-knows")
    assert isinstance(noticed, DocumentNoticed)
    assert noticed.status == "absent"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"task_type": "ExportedContracts"}, "ExportedContracts"),
        ({"task_type": "RequestStatus", "task_sub_type": None}, "RequestStatus"),
        ({"expires_at": NOW - timedelta(minutes=1)}, "expired"),
    ],
)
async def test_a_push_that_is_not_acted_on_is_recorded_with_the_reason(
    site: Site, reader: Reader, members: dict[str, Any], reason: str
) -> None:
    (invoice_id,) = site.offer()

    await on_notification(reader, push(invoice_id, **members), FIRST)
    await on_notification(reader, push(invoice_id, **members), FIRST)

    (noticed,) = await site.facts(invoice_id)
    assert isinstance(noticed, DocumentNoticed)
    assert reason in noticed.reason
    assert len(site.world.calls.log) == 0


@pytest.mark.parametrize("document_id", ["", "x" * 200_000])
async def test_a_push_that_points_at_nothing_is_recorded(site: Site, reader: Reader, document_id: str) -> None:
    await on_notification(reader, push(document_id, task_id="t1"), FIRST)

    assert await site.names(document_id) == ["noticed"]
    assert len(site.world.calls.log) == 0


async def test_a_push_that_expires_later_is_acted_on(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer()

    await on_notification(reader, push(invoice_id, expires_at=NOW + timedelta(days=1)), FIRST)

    assert await site.names(invoice_id) == ["approved", "acknowledged"]


async def test_a_document_too_large_for_a_message_goes_by_claim_check(site: Site, reader: Reader) -> None:
    site.bodies.insert(0, large_invoice())
    (invoice_id,) = site.offer()

    await read_document(reader, invoice_id, seen_by="push")
    assert isinstance(await read_document(reader, invoice_id, seen_by="push"), Nothing)

    approved, _ = await site.facts(invoice_id)
    assert isinstance(approved, DocumentApproved)
    assert len(approved.document) > 600_000


async def test_a_document_nobody_can_read_is_a_permanent_failure(site: Site, reader: Reader) -> None:
    (invoice_id,) = site.offer(grossSum="a lot")

    with pytest.raises(PermanentError, match="grossSum"):
        await on_notification(reader, push(invoice_id), FIRST)
    assert await site.names(invoice_id) == []


async def test_a_document_with_a_tiny_number_is_read_and_one_with_an_absurd_one_stops_no_other(
    site: Site, reader: Reader
) -> None:
    plain, tiny, absurd = site.offer(3)
    site.world.documents[tiny].body["codingRows"][0]["taxPercent2"] = Decimal("1.2345678901234567E-25")
    site.world.documents[absurd].body["codingRows"][0]["taxPercent2"] = Decimal("1E-500")

    swept = await sweep(reader, at_once=4)

    assert (swept.offered, swept.failed) == (3, 1)
    assert [await site.names(each) for each in (plain, tiny, absurd)] == [["approved", "acknowledged"]] * 2 + [[]]
    approved = (await site.facts(tiny))[0]
    assert isinstance(approved, DocumentApproved)
    assert '"taxPercent2":1.2345678901234567E-25' in approved.document
    assert isinstance(await read_document(reader, tiny, seen_by="push"), Nothing)


async def test_the_sweep_finds_what_no_push_announced_through_all_pages(site: Site, reader: Reader) -> None:
    site.world.settings = site.world.settings.model_copy(update={"page_cap": 4})
    ids = site.offer(11)
    await on_notification(reader, push(ids[0]), FIRST)
    site.world.documents[ids[1]].move("TransferInProgress", at=site.clock())

    swept = await sweep(reader, at_once=4)

    assert (swept.offered, swept.unannounced, swept.failed) == (11, 10, 0)
    assert {document.status for document in site.world.documents.values()} == {"TransferInProgress"}
    for invoice_id in ids:
        assert await site.names(invoice_id) == ["approved", "acknowledged"]


async def test_a_second_sweep_reads_no_document_again(site: Site, reader: Reader) -> None:
    site.offer(3)
    await sweep(reader, at_once=4)
    before = len(site.world.calls.log)

    swept = await sweep(reader, at_once=4)

    assert (swept.offered, swept.unannounced) == (3, 0)
    lists = [call["path"] for call in list(site.world.calls.log)[before:]]
    assert set(lists) == {"/v1/accountingDocuments"}


async def test_one_bad_document_does_not_stop_the_sweep(site: Site, reader: Reader) -> None:
    bad, unlucky, good = site.offer(3)
    site.world.documents[bad].body["netSum"] = "a lot"
    site.fault("status", f"{unlucky}/acknowledge", status=500)

    swept = await sweep(reader, at_once=1)

    assert (swept.offered, swept.unannounced, swept.failed) == (3, 1, 2)
    assert await site.names(good) == ["approved", "acknowledged"]
    assert (await sweep(reader, at_once=1)).failed == 1
    assert await site.names(unlucky) == ["approved", "acknowledged"]
