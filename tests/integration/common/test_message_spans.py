"""Spans of messages: one trace from sender to handler, by the messaging conventions, through the real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import nats
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mlc_common.broker import Outages, make_broker, reading
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, Event
from mlc_common.failures import PermanentError
from mlc_common.groupcommit import GroupCommit
from mlc_common.retries import Delivery, RetryOrBury
from mlc_common.settings import Settings
from mlc_common.streams import writer_durable
from mlc_common.telemetry import Metrics, Redactor, span
from mlc_common.topology import declare_connection

DURABLE = writer_durable("demo")
TEMPLATE = "documents.{connection}.{invoice}.approved.{attempt}"


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


@asynccontextmanager
async def handling(url: str, *, fails: bool) -> AsyncIterator[asyncio.Event]:
    """A reader of the writer's durable that handles, or buries, what comes."""
    settings = Settings(nats_url=url)
    outages, handled = Outages(), asyncio.Event()

    async def handle(_event: Event, _delivery: Delivery) -> None:
        if fails:
            raise PermanentError("not to be mapped")

    broker = make_broker("test", settings, outages=outages)
    client = await broker.connect()
    await broker.start()
    await declare_connection(client, "demo", ack_wait=30)
    settle = RetryOrBury(
        DURABLE,
        handle,
        log=EventLog(client, timeout=5),
        stream=client.jetstream(),
        timings=settings.timings,
        metrics=Metrics(),
        redact=Redactor(),
        keep_alive=10,
    )

    async def settle_and_tell(message: object) -> None:
        await settle(message)  # type: ignore[arg-type]
        handled.set()

    async with reading(broker, DURABLE, settle_and_tell, workers=1, outages=outages, inbox_prefix="_INBOX"):
        yield handled
    await broker.stop()


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    [found] = [each for each in spans.get_finished_spans() if each.name == name]
    return found


async def test_the_handlers_span_is_a_child_of_the_senders(topology: str, spans: InMemorySpanExporter) -> None:
    event = approved("d1")
    client = await nats.connect(topology)
    with span("whole story") as story:
        await EventLog(client, timeout=5).append(event)
    await client.close()
    async with handling(topology, fails=False) as handled:
        await asyncio.wait_for(handled.wait(), 10)

    sent, processed = named(spans, f"send {TEMPLATE}"), named(spans, f"process {TEMPLATE}")
    assert sent.kind is trace.SpanKind.PRODUCER
    assert dict(sent.attributes or {}) == conventional("send", event)
    assert sent.context is not None
    assert sent.context.trace_id == story.get_span_context().trace_id
    assert processed.kind is trace.SpanKind.CONSUMER
    assert processed.parent is not None
    assert processed.parent.span_id == sent.context.span_id
    more = {"messaging.consumer.group.name": DURABLE.name, "mlc.settled": "handled"}
    assert dict(processed.attributes or {}) == conventional("process", event) | more


async def test_facts_that_share_a_write_keep_their_own_traces(topology: str, spans: InMemorySpanExporter) -> None:
    client = await nats.connect(topology)
    async with GroupCommit(client, timeout=5) as commit:

        async def one(number: int) -> tuple[str, int]:
            with span("whole story") as story:
                await commit.append(approved(f"d{number}"))
            return approved(f"d{number}").id, story.get_span_context().trace_id

        stories = dict(await asyncio.gather(*(one(number) for number in range(20))))
    stored = [await client.jetstream().get_msg("DOCUMENTS", number) for number in range(1, 21)]
    await client.close()

    headers = [each.headers or {} for each in stored]
    assert {each["Nats-Msg-Id"]: int(each["traceparent"].split("-")[1], 16) for each in headers} == stories
    sent = [each for each in spans.get_finished_spans() if each.name == f"send {TEMPLATE}"]
    assert {(each.attributes or {})["messaging.message.id"] for each in sent} == set(stories)


def conventional(operation: str, event: Event) -> dict[str, str]:
    return {
        "messaging.system": "nats",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": event.subject,
        "messaging.destination.template": TEMPLATE,
        "messaging.message.id": event.id,
    }


async def test_a_dead_letter_belongs_to_the_same_trace(topology: str, spans: InMemorySpanExporter) -> None:
    client = await nats.connect(topology)
    with span("whole story") as story:
        await EventLog(client, timeout=5).append(approved("d1"))
    await client.close()

    async with handling(topology, fails=True) as handled:
        await asyncio.wait_for(handled.wait(), 10)

    buried = named(spans, "send deadletters.{durable}")
    assert buried.context is not None
    assert buried.context.trace_id == story.get_span_context().trace_id
    assert (named(spans, f"process {TEMPLATE}").attributes or {})["mlc.settled"] == "buried"
    assert "not to be mapped" not in "".join(each.to_json() for each in spans.get_finished_spans())


async def test_a_message_without_an_id_has_none_in_its_span(topology: str, spans: InMemorySpanExporter) -> None:
    event = approved("d1")
    client = await nats.connect(topology)
    await client.jetstream().publish(event.subject, event.to_json())
    await client.close()

    async with handling(topology, fails=False) as handled:
        await asyncio.wait_for(handled.wait(), 10)

    processed = named(spans, f"process {TEMPLATE}")
    assert "messaging.message.id" not in (processed.attributes or {})
    assert processed.parent is None
