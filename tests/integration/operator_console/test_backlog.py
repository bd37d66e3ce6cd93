"""What waits is told from outside the readers: how much, since when, and how many dead letters."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import nats
from nats.aio.client import Client

from mlc_common.connection import ConnectionDocument
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, ReconciliationDone
from mlc_common.streams import DEADLETTERS, DOCUMENTS, durables, writer_durable
from mlc_common.telemetry import Metrics
from mlc_common.topology import declare_connection
from operator_console.backlog import Backlog, look, paused_flows, show, show_paused
from operator_console.last_reconciled import INCOMPLETE, last_reconciled, show_reconciled
from operator_console.reconciliation.breaks import BREAKS

DURABLE = writer_durable("demo")
DOCUMENT = {
    "name": "demo",
    "epicor": {"base_url": "http://127.0.0.1:1/sandbox"},
    "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}],
}


def approved(invoice_id: str) -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=datetime(2026, 11, 22, 12, tzinfo=UTC),
        invoice_id=invoice_id,
        attempt="a1",
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        currency="USD",
        document="{}",
    )


async def of_the_writer(client: Client, now: datetime) -> Backlog:
    looked = await look(client, {"demo": frozenset(), "undeclared": frozenset()}, timeout=5, now=now)
    assert {each.connection for each in looked.backlogs} == {"demo"}
    [found] = [each for each in looked.backlogs if each.durable == DURABLE.name]
    return found


async def test_the_age_is_that_of_the_oldest_message_nobody_has_settled(topology: str) -> None:
    client = await nats.connect(topology)
    await declare_connection(client, "demo", ack_wait=30)
    now = datetime.now(UTC)
    assert await of_the_writer(client, now) == Backlog("demo", DURABLE.name, 0, 0.0)
    log = EventLog(client, timeout=5)
    for number in range(3):
        await log.append(approved(f"d{number}"))
        await asyncio.sleep(0.3)
    puller = await client.jetstream().pull_subscribe_bind(durable=DURABLE.name, stream=DOCUMENTS)
    first, second = await puller.fetch(2)
    later = datetime.now(UTC) + timedelta(hours=1)

    whole = await of_the_writer(client, later)
    await second.ack_sync()
    held = await of_the_writer(client, later)
    await first.ack_sync()
    rest = await of_the_writer(client, later)
    await client.close()

    assert (whole.waiting, held.waiting, rest.waiting) == (3, 2, 1)
    assert whole.untouched == held.untouched == rest.untouched < whole.age - 0.5, "the third one is that of no reader"
    assert held.age == whole.age > 3600
    assert 3600 < rest.age < whole.age - 0.5


async def test_dead_letters_are_counted_by_the_durable_that_gave_up_and_zero_is_told(topology: str) -> None:
    client = await nats.connect(topology)
    await declare_connection(client, "demo", ack_wait=30)
    for _ in range(2):
        await client.jetstream().publish(f"deadletters.{DURABLE.name}", b"{}", stream=DEADLETTERS)
    metrics = Metrics()

    show(await look(client, {"demo": frozenset()}, timeout=5, now=datetime.now(UTC)), metrics)
    await client.close()

    counted = {
        sample.labels["durable"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "mlc_dead_letters"
    }
    assert counted == dict.fromkeys((each.name for each in durables("demo")), 0) | {DURABLE.name: 2}


async def test_what_a_reader_has_put_off_is_not_untouched_and_what_people_have_paused_is_not_either(
    topology: str,
) -> None:
    client = await nats.connect(topology)
    await declare_connection(client, "demo", ack_wait=30)
    await EventLog(client, timeout=5).append(approved("d1"))
    later = datetime.now(UTC) + timedelta(hours=1)

    async def of_the_writer(*paused: Flow) -> Backlog:
        looked = await look(client, {"demo": frozenset(paused)}, timeout=5, now=later)
        [found] = [each for each in looked.backlogs if each.durable == DURABLE.name]
        return found

    untouched, other, paused = (
        await of_the_writer(),
        await of_the_writer(Flow.INGEST),
        await of_the_writer(Flow.POSTING),
    )
    puller = await client.jetstream().pull_subscribe_bind(durable=DURABLE.name, stream=DOCUMENTS)
    [message] = await puller.fetch(1)
    await message.nak(delay=600)
    await client.flush()
    put_off = await of_the_writer()
    await client.close()

    assert untouched.untouched == other.untouched > 3600
    assert (paused.waiting, paused.untouched) == (1, 0.0)
    assert (put_off.waiting, put_off.untouched) == (1, 0.0)
    assert put_off.age == paused.age > 3600


def test_every_flow_tells_whether_it_is_paused_and_a_gone_connection_tells_nothing() -> None:
    metrics = Metrics()
    document = ConnectionDocument.model_validate(DOCUMENT)
    some = Connection(document, 1, {}, paused=frozenset({Flow.POSTING}))
    whole = Connection(document.model_copy(update={"paused": True}), 1, {})

    show_paused({"gone": frozenset()}, metrics)
    show_paused({"some": paused_flows(some), "whole": paused_flows(whole)}, metrics)

    told = values(metrics, "mlc_flow_paused")
    assert {labels["flow"] for labels, value in told if value and labels["connection"] == "some"} == {"posting"}
    assert {labels["flow"] for labels, value in told if value and labels["connection"] == "whole"} == set(Flow)
    assert len(told) == 2 * len(Flow)


async def test_the_last_reconciliation_of_each_connection_is_told_by_class(topology: str) -> None:
    client = await nats.connect(topology)
    log, metrics = EventLog(client, timeout=5), Metrics()
    for run in (
        reconciled("demo", 1, {"NOT_READ": 4}),
        reconciled(
            "demo",
            2,
            {"AMOUNT_CHANGED": 2, "DATE_CHANGED": 1, "STUCK": 1, "OF_A_NEWER_VERSION": 5},
            incomplete=("epicor",),
        ),
        reconciled("other", 1, {}),
        reconciled("removed", 1, {"NOT_READ": 9}),
    ):
        await log.append(run)

    show_reconciled(await last_reconciled(log), {"demo", "other", "never"}, metrics)
    await client.close()

    told = values(metrics, "mlc_reconciliation_breaks")
    groups = {kind.group for kind in BREAKS.values()}
    assert {labels["class"] for labels, _ in told if labels["connection"] == "other"} == groups | {INCOMPLETE}
    assert {labels["class"]: value for labels, value in told if value} == {
        BREAKS["AMOUNT_CHANGED"].group: 3,
        BREAKS["STUCK"].group: 1,
        "OF_A_NEWER_VERSION": 5,
        INCOMPLETE: 1,
    }
    when = {
        labels["connection"]: value for labels, value in values(metrics, "mlc_reconciliation_last_timestamp_seconds")
    }
    assert when == {
        "demo": datetime(2026, 11, 2, tzinfo=UTC).timestamp(),
        "other": datetime(2026, 11, 1, tzinfo=UTC).timestamp(),
    }


def reconciled(
    connection: str, day: int, breaks: dict[str, int], *, incomplete: tuple[str, ...] = ()
) -> ReconciliationDone:
    return ReconciliationDone(
        connection=connection,
        at=datetime(2026, 11, day, tzinfo=UTC),
        by="anna",
        first=date(2026, 10, 1),
        last=date(2026, 10, 31),
        invoices=100,
        moving=0,
        breaks=breaks,
        incomplete=incomplete,
    )


def values(metrics: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (dict(sample.labels), sample.value)
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    ]
