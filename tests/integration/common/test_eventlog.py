"""The event log on a real server: once for ever, claim checks, histories, a broker that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js.errors import APIError
from pydantic import ValidationError

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, DocumentNoticed, InvoicePosted, PostingIntended
from mlc_common.failures import PermanentError, TransientError
from mlc_common.settings import Settings
from mlc_common.streams import ANCHORS, DOCUMENTS, LARGEST_MESSAGE, MASTERDATA
from mlc_common.topology import declare


class Broker(Protocol):
    def start(self) -> None: ...
    def kill(self) -> None: ...


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    connected = await nats.connect(topology, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    yield connected
    await connected.close()


def approved(invoice_id: str = "inv 1.*", attempt: str = "a1", document: str = "{}") -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=NOW,
        invoice_id=invoice_id,
        attempt=attempt,
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        invoice_date=date(2026, 11, 1),
        currency="USD",
        gross=Decimal("10.10"),
        document=document,
    )


def posted(attempt: str = "a1", voucher: str = "B2611220") -> InvoicePosted:
    return InvoicePosted(
        connection="demo",
        at=NOW,
        invoice_id="inv 1.*",
        attempt=attempt,
        connection_version=1,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num="1",
        group_id="B2611220",
        voucher=voucher,
        total=Decimal("10.10"),
        currency="USD",
        lines=1,
    )


async def test_fifty_racing_appends_of_a_once_fact_store_it_once(client: Client) -> None:
    log = EventLog(client, timeout=5)

    results = await asyncio.gather(*(log.append(posted()) for _ in range(50)))

    assert {result.sequence for result in results} == {1}
    assert sum(not result.already for result in results) == 1


async def test_a_once_fact_is_refused_after_the_duplicate_window_is_gone(client: Client, broker: Broker) -> None:
    log = EventLog(client, timeout=5)
    await log.append(posted())
    headers = {"Nats-Msg-Id": "another id, as after the window", "Nats-Expected-Last-Subject-Sequence": "0"}

    with pytest.raises(APIError) as refused:
        await client.jetstream().publish(posted().subject, b"{}", headers=headers)

    assert refused.value.err_code == 10071


async def test_another_fact_on_a_once_subject_is_a_permanent_failure(client: Client) -> None:
    log = EventLog(client, timeout=5)
    await client.jetstream().publish(posted().subject, b"{}", headers={"Nats-Msg-Id": "somebody else"})

    with pytest.raises(PermanentError, match="only once"):
        await log.append(posted())


async def test_a_large_document_comes_back_whole_and_the_message_stays_small(client: Client) -> None:
    log = EventLog(client, timeout=5)
    large = approved(document="x" * (LARGEST_MESSAGE + 1))

    await log.append(large)

    stored = await client.jetstream().get_last_msg(DOCUMENTS, large.subject)
    assert len(stored.data or b"") < 100
    assert [recorded.event for recorded in await log.history("demo", large.invoice_id)] == [large]
    assert [recorded.event for recorded in await log.timeline("demo", large.invoice_id)] == [large]


async def test_a_history_holds_the_last_of_every_fact_and_attempt_in_order(client: Client) -> None:
    log = EventLog(client, timeout=5)
    intent = PostingIntended(
        connection="demo",
        at=NOW,
        invoice_id="inv 1.*",
        attempt="a1",
        number=1,
        connection_version=1,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num="1",
        group_id="B2611220",
        total=Decimal("10.10"),
        digest="0",
    )
    again = intent.model_copy(update={"number": 2})
    events = [approved(), intent, again, posted(), approved(attempt="a2"), approved(invoice_id="another")]
    for event in events:
        await log.append(event)

    history = await log.history("demo", "inv 1.*")

    assert [recorded.event for recorded in history] == [approved(), again, posted(), approved(attempt="a2")]
    assert [recorded.event for recorded in await log.timeline("demo", "inv 1.*")] == [
        approved(),
        intent,
        again,
        posted(),
        approved(attempt="a2"),
    ]
    assert await log.history("demo", "unheard of") == ()


async def test_a_history_of_more_facts_than_the_server_names_at_once_is_read_all_the_same(client: Client) -> None:
    log = EventLog(client, timeout=5)
    noticed = [
        DocumentNoticed(connection="demo", at=NOW, invoice_id="i", attempt=f"a{number}", status="x", reason="y")
        for number in range(1025)
    ]
    for each in (approved("i"), *noticed, approved("another")):
        await log.append(each)
    newer = noticed[0].model_copy(update={"reason": "z"})
    await client.jetstream().publish(newer.subject, newer.to_json(), stream=DOCUMENTS)

    history = await log.history("demo", "i")

    assert [recorded.event for recorded in history] == [approved("i"), *noticed[1:], newer]


async def test_a_fact_of_an_unknown_type_is_waited_with_for_a_day_and_then_it_is_a_dead_letter(client: Client) -> None:
    stream, now = client.jetstream(), datetime.now(UTC)
    subject, payload = "documents.demo.i.reconsidered.a1", b'{"type":"invoice_reconsidered","connection":"demo"}'
    await stream.publish(subject, payload, stream=DOCUMENTS)
    delivered = await (await stream.subscribe(subject, stream=DOCUMENTS)).next_msg(timeout=5)

    for age, expected in ((timedelta(hours=23), TransientError), (timedelta(hours=25), PermanentError)):
        log = EventLog(client, timeout=5, now=lambda age=age: now + age)  # type: ignore[misc]
        with pytest.raises(expected, match="knows no fact of the type invoice_reconsidered"):
            await log.history("demo", "i")
        with pytest.raises(expected, match="knows no fact of the type invoice_reconsidered"):
            await log.resolve(delivered)
    assert await EventLog(client, timeout=5).history("demo", "another") == (), "and no other document waits"


async def test_a_broker_that_is_away_is_a_transient_failure_and_appending_again_is_safe(
    client: Client, broker: Broker
) -> None:
    log = EventLog(client, timeout=1)
    await log.append(approved())
    broker.kill()

    with pytest.raises(TransientError):
        await log.append(posted())

    broker.start()
    for _ in range(50):
        try:
            first = await log.append(posted())
            break
        except TransientError:
            await asyncio.sleep(0.1)
    assert (await log.append(posted())).sequence == first.sequence
    assert len(await log.timeline("demo", "inv 1.*")) == 2


async def test_the_streams_refuse_deletion_and_purging(client: Client) -> None:
    log = EventLog(client, timeout=5)
    stored = await log.append(posted())

    with pytest.raises(APIError):
        await client.jetstream().delete_msg(DOCUMENTS, stored.sequence)
    with pytest.raises(APIError):
        await client.jetstream().purge_stream(DOCUMENTS)


async def test_claims_refuse_deletion_too(client: Client) -> None:
    log = EventLog(client, timeout=5)
    await log.append(approved(document="x" * (LARGEST_MESSAGE + 1)))

    with pytest.raises(APIError):
        await client.jetstream().delete_msg("OBJ_CLAIMS", 1)


async def test_retention_is_a_limit_by_age_that_anchors_and_master_records_do_not_have(topology: str) -> None:
    client = await nats.connect(topology)
    js = client.jetstream()
    assert (await js.stream_info(DOCUMENTS)).config.max_age == 0

    await declare(client, Settings(stream_max_age_days=400))

    assert (await js.stream_info(DOCUMENTS)).config.max_age == 400 * 86_400
    for kept in (ANCHORS, MASTERDATA):
        assert (await js.stream_info(kept)).config.max_age == 0
    await client.close()
    with pytest.raises(ValidationError, match="400 days at least"):
        Settings(stream_max_age_days=30)
