"""What waits is told from outside the readers: how much, since when, and how many dead letters."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import nats
from nats.aio.client import Client

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved
from mlc_common.streams import DEADLETTERS, DOCUMENTS, durables, writer_durable
from mlc_common.telemetry import Metrics
from mlc_common.topology import declare_connection
from operator_console.backlog import Backlog, look, show

DURABLE = writer_durable("demo")


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
