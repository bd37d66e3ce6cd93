"""An approved invoice travels from a signed push into Epicor and back, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from mlc_common.events import InvoicePosted, InvoiceRefused, PostingIntended, PostingUnclear
from mlc_common.streams import NOTIFICATIONS, STREAMS
from mlc_sandbox.samples import bulk_invoices

CREDENTIALS = {
    "basware.client_secret": "sandbox-only-secret",
    "basware.webhook_secret": "sandbox-only-webhook-secret",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPDATE_MASTER = {"path": "UpdateMaster", "method": "POST"}


EPICOR_COMPANY = {"US01": "NWM", "FI01": "NWF"}


def assert_books_agree(ids: list[str], ledger: list[dict[str, Any]], basware: dict[str, dict[str, Any]]) -> None:
    """Every document is once in Epicor with the content Basware holds, and answered once in Basware."""
    assert Counter(invoice["ExternalID"] for invoice in ledger) == Counter(ids)
    for invoice in ledger:
        assert invoice["DocInvoiceVariance"] == 0
        assert _held(invoice) == _meant(basware[invoice["ExternalID"]])
    for invoice in ids:
        assert basware[invoice]["processingStatus"] == "Transferred"
        assert len(basware[invoice]["transferResponses"]) == 1


def _meant(document: dict[str, Any]) -> dict[str, Any]:
    """What Epicor must hold of a Basware document, worked out here and not by the product."""
    return {
        "company": EPICOR_COMPANY[document["companyCode"]],
        "vendor": document["supplierCode"],
        "number": document["invoiceNumber"],
        "currency": document["currencyCode"],
        "total": _exact(document["grossSum"]),
        "bookings": Counter(
            (f"{row['accountCode']}|{row['dimCode1']}|{row['costCenterCode']}", _exact(row["netTotal"]))
            for row in document["codingRows"]
        ),
    }


def _held(invoice: dict[str, Any]) -> dict[str, Any]:
    """The same of an AP invoice: each expense row's amount with the account that its account row names."""
    accounts = {(row["InvoiceLine"], row["InvExpSeq"]): row["GLAccount"] for row in invoice["APInvExpTGLC"]}
    assert len(accounts) == len(invoice["APInvExpTGLC"]) == len(invoice["APInvExp"]) == len(invoice["APInvDtl"])
    return {
        "company": invoice["Company"],
        "vendor": invoice["VendorNumVendorID"],
        "number": invoice["InvoiceNum"],
        "currency": invoice["APInvHed"][0]["CurrencyCode"],
        "total": _exact(invoice["DocInvoiceAmt"]),
        "bookings": Counter(
            (accounts[row["InvoiceLine"], row["InvExpSeq"]], _exact(row["DocExpAmt"])) for row in invoice["APInvExp"]
        ),
    }


def _exact(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))


async def test_an_approved_invoice_becomes_an_ap_invoice_and_is_answered(system: Any) -> None:
    ids = await system.offer(bulk_invoices(3, seed=1))

    assert await system.push(ids) == [200] * 3

    basware = await system.answered(ids)
    assert_books_agree(ids, await system.ledger(ids), basware)
    facts = [recorded.event.type for recorded in await system.timeline(ids[0])]
    # The reader's acknowledgement and the writer's work go side by side; what counts is the order of each.
    assert [fact for fact in facts if fact not in ("document_acknowledged", "answer_delivered")] == [
        "document_approved",
        "posting_intended",
        "invoice_posted",
        "outcome_answered",
    ]
    assert facts.index("document_approved") < facts.index("document_acknowledged") < facts.index("outcome_answered")


async def test_one_trace_follows_the_invoice_from_the_push_to_the_answer(system: Any) -> None:
    ids = await system.offer(bulk_invoices(1, seed=2))
    await system.push(ids)
    await system.answered(ids)

    stream = system.log._stream
    traces = set()
    for recorded in await system.timeline(ids[0]):
        message = await stream.get_msg("DOCUMENTS", recorded.sequence)
        traces.add((message.headers or {})["traceparent"].split("-")[1])
    notification = await stream.get_last_msg(NOTIFICATIONS, "notifications.demo.>")
    traces.add((notification.headers or {})["traceparent"].split("-")[1])

    assert len(traces) == 1


async def test_the_same_push_fifty_times_in_parallel_posts_once(system: Any) -> None:
    ids = await system.offer(bulk_invoices(1, seed=3))
    before = (await system.log._stream.stream_info(NOTIFICATIONS)).state.messages

    assert await system.push(ids, repeat=50, concurrency=50) == [200] * 50

    assert_books_agree(ids, await _ledger(system, ids), await system.documents())
    assert (await system.log._stream.stream_info(NOTIFICATIONS)).state.messages == before + 1


async def _ledger(system: Any, ids: list[str]) -> list[dict[str, Any]]:
    await system.answered(ids)
    ledger: list[dict[str, Any]] = await system.ledger(ids)
    return ledger


async def test_a_push_that_got_lost_is_found_by_the_sweep(system: Any) -> None:
    ids = await system.offer(bulk_invoices(2, seed=4))

    basware = await system.answered(ids)

    assert_books_agree(ids, await system.ledger(ids), basware)


async def test_a_refused_invoice_is_answered_with_a_reason(system: Any) -> None:
    documents = bulk_invoices(1, seed=5)
    documents[0]["supplierCode"] = "99999"
    ids = await system.offer(documents)
    await system.push(ids)

    basware = await system.answered(ids)

    response = basware[ids[0]]["transferResponses"][0]
    assert response["success"] is False
    assert "99999" in response["responseMessage"]
    assert await system.ledger(ids) == []
    assert [type(r.event) for r in await system.timeline(ids[0])].count(InvoiceRefused) == 1


async def test_the_gateway_killed_under_load_loses_nothing_it_answered_200(system: Any) -> None:
    before = await system.last_sequence(NOTIFICATIONS)
    ids = await system.offer(bulk_invoices(300, seed=6))
    pushing = asyncio.create_task(system.push(ids, concurrency=32))
    while await system.last_sequence(NOTIFICATIONS) < before + 40:
        await asyncio.sleep(0.01)
    system.services["webhook-gateway"].kill()
    statuses = await pushing

    promised = {invoice for invoice, status in zip(ids, statuses, strict=True) if status == 200}
    assert 0 < len(promised) < len(ids), "the kill came too early or too late to show anything"
    assert promised <= await system.pushed(after=before)


async def test_the_writer_killed_between_the_commit_and_the_outcome_posts_once(system: Any) -> None:
    ids = await system.offer(bulk_invoices(1, seed=7))
    await system.faults("epicor", {**UPDATE_MASTER, "kind": "delay_after", "seconds": 4, "match": ids[0]})
    await system.push(ids)
    for _ in range(100):
        if await system.ledger(ids):
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("the commit never came")
    system.services["epicor-writer"].kill()
    assert not [r for r in await system.timeline(ids[0]) if isinstance(r.event, InvoicePosted)]

    system.restart("epicor-writer")

    basware = await system.answered(ids)
    assert_books_agree(ids, await system.ledger(ids), basware)
    [posted] = [r.event for r in await system.timeline(ids[0]) if isinstance(r.event, InvoicePosted)]
    assert posted.found


async def test_the_broker_killed_under_load_loses_nothing_and_everything_goes_on(system: Any) -> None:
    before = await system.last_sequence(NOTIFICATIONS)
    ids = await system.offer(bulk_invoices(150, seed=8))
    pushing = asyncio.create_task(system.push(ids, concurrency=16))
    while await system.last_sequence(NOTIFICATIONS) < before + 30:
        await asyncio.sleep(0.01)
    system.broker.kill()
    await asyncio.sleep(1)
    system.broker.start()
    statuses = await pushing
    promised = {invoice for invoice, status in zip(ids, statuses, strict=True) if status == 200}
    assert set(statuses) == {200, 503}, "the kill came too early or too late to show anything"

    basware = await system.answered(ids, seconds=90)

    assert promised <= await system.pushed(after=before)
    assert_books_agree(ids, await system.ledger(ids), basware)
    for service in system.services.values():
        assert service.running is not None
        assert service.running.poll() is None, "it reconnects by itself"


@pytest.mark.timeout(240)
async def test_a_thousand_invoices_with_lost_answers_leave_none_twice_none_missing_none_unanswered(system: Any) -> None:
    await system.faults("epicor", {**UPDATE_MASTER, "kind": "drop_after", "every": 20, "times": -1})
    ids = await system.offer(bulk_invoices(1000, seed=9))

    statuses = await system.push(ids, concurrency=32)

    assert statuses == [200] * 1000
    basware = await system.answered(ids, seconds=180)
    assert_books_agree(ids, await system.ledger(ids), basware)
    found = 0
    for invoice in ids[:200]:
        events = [recorded.event for recorded in await system.timeline(invoice)]
        found += any(isinstance(event, InvoicePosted) and event.found for event in events)
        assert sum(isinstance(event, PostingUnclear) for event in events) <= 3
    assert found >= 5, "the lost answers were never noticed"


async def test_services_stop_cleanly_when_asked(system: Any) -> None:
    ids = await system.offer(bulk_invoices(20, seed=10))
    await system.faults("epicor", {**UPDATE_MASTER, "kind": "delay_after", "seconds": 1, "match": ids[0]})
    await system.push(ids)
    for _ in range(200):
        if any(isinstance(r.event, PostingIntended) for r in await system.timeline(ids[0])):
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("the work never began")

    # In another thread: while a service finishes what it has in hand, Epicor and the broker must answer it.
    codes = {name: await asyncio.to_thread(process.stop) for name, process in system.services.items()}

    assert codes == dict.fromkeys(system.services, 0)
    assert [r for r in await system.timeline(ids[0]) if isinstance(r.event, InvoicePosted)], "it was in hand"
    for service in system.services:
        system.restart(service)
    basware = await system.answered(ids, seconds=60)
    assert_books_agree(ids, await system.ledger(ids), basware)
    for invoice in ids:
        facts = Counter(recorded.event.type for recorded in await system.timeline(invoice))
        assert (facts["posting_intended"], facts["posting_unclear"]) == (1, 0), "nothing was cut off"


async def test_no_secret_is_in_any_log_stream_or_table(system: Any) -> None:
    ids = await system.offer(bulk_invoices(3, seed=11))
    echo = {"ErrorMessage": f"Invalid API Key {CREDENTIALS['epicor.api_key']}.", "ErrorType": "X"}
    await system.faults("epicor", {"kind": "status", "path": "UpdateMaster", "status": 401, "body": echo})
    await system.faults("basware", {"kind": "status", "path": "acknowledge", "status": 401})
    await system.push(ids)
    await system.push(ids[:1], forge=True)
    await system.answered(ids)

    logs = [path.read_text() for path in system.folder.glob("*.log") if path.name != "sandbox.log"]
    streams = [
        str(message.data) + str(message.headers) for name in STREAMS for message in await system.stored(name.name)
    ]
    assert len(logs) >= 3
    assert len(streams) > 10
    everything = "\n".join([*logs, *streams, await system.database()])
    for value in CREDENTIALS.values():
        assert value not in everything
        assert base64.b64encode(value.encode()).decode() not in everything
