"""The service itself, on the bootstrap: from an approved fact in the stream to an outcome fact, over replicas."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import nats
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from epicor_writer.app import wire
from mlc_common.connection import ConnectionDocument
from mlc_common.connection_flows import Flow
from mlc_common.connections import apply, set_credential
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentHeld, DocumentReleased, ReplayRequested
from mlc_common.pausing import pause, resume
from mlc_common.service import serve
from mlc_common.settings import Settings, Timings
from mlc_common.streams import DEADLETTERS, DOCUMENTS
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import bulk_invoices
from mlc_sandbox.serve import Running

from .conftest import SECRETS, approved, connection_to

MASTER_KEY = f"k1:{base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()}"
FAST = Timings(
    retry_base=0.05,
    retry_ceiling=0.3,
    unclear_pauses=(0.1, 0.2, 0.3),
    ack_wait=3,
    refresh=0.2,
    breaker=0.3,
    epicor_read=3,
    epicor_write=3,
    graceful=5,
)
Waits = Callable[[], Awaitable[bool]]


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    """Settings for a rehearsal in seconds."""
    return Settings(
        nats_url=topology, database_url=SecretStr(database_url), master_keys=SecretStr(MASTER_KEY), timings=FAST
    )


async def connect(document: ConnectionDocument, *, engine: AsyncEngine, nats_url: str) -> None:
    """Apply the connection with its credentials, and declare its durables."""
    at = datetime.now(UTC)
    await apply(engine, document, by="test", now=at)
    keys = MasterKeys.parse(SecretStr(MASTER_KEY))
    for field, value in SECRETS.items():
        await set_credential(
            engine, keys, connection=document.name, field=field, values=[SecretStr(value)], by="test", now=at
        )
    client = await nats.connect(nats_url)
    await declare_connection(client, document.name, ack_wait=FAST.ack_wait)
    await client.close()


@asynccontextmanager
async def replicas(number: int, settings: Settings) -> AsyncIterator[list[asyncio.Task[None]]]:
    """So many writers in this process, stopped gracefully."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(serve("epicor-writer", settings, wire, stop=stop)) for _ in range(number)]
    try:
        yield tasks
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(condition: Waits, *, seconds: float = 60) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def outcomes(log: EventLog, bodies: list[dict[str, Any]]) -> Counter[str]:
    """The last fact of every document."""
    histories = [await log.history("demo", body["invoiceId"]) for body in bodies]
    facts = [{recorded.event.fact for recorded in history} for history in histories]  # type: ignore[union-attr]
    return Counter("posted" if "posted" in each else "refused" if "refused" in each else "open" for each in facts)


@pytest.mark.timeout(180)
async def test_two_replicas_post_a_hundred_invoices_once_within_the_cap_though_answers_are_lost(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    world = sandbox.epicor_world
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    bodies = bulk_invoices(100, seed=11)
    world.settings = world.settings.model_copy(update={"latency": 0.002})
    world.faults.add(
        Fault(kind="drop_after", path="UpdateMaster", every=6, times=-1),
        Fault(kind="drop_before", path="UpdateMaster", every=17, times=-1),
        Fault(kind="half_written", path="UpdateMaster", every=29, times=-1),
        Fault(kind="status", path="GetByID", status=503, every=41, times=-1),
        Fault(kind="status", path="UpdateMaster", status=429, retry_after=0.1, every=31, times=-1),
    )
    for body in bodies:
        await log.append(approved(body))

    async def all_settled() -> bool:
        return not (await outcomes(log, bodies))["open"]

    async with replicas(2, settings):
        await until(all_settled, seconds=120)

    assert await outcomes(log, bodies) == {"posted": 100}
    assert sorted(each.header["ExternalID"] for each in world.invoices.values()) == sorted(
        b["invoiceId"] for b in bodies
    )
    held = {each.header["ExternalID"]: each.header["DocInvoiceAmt"] for each in world.invoices.values()}
    assert held == {body["invoiceId"]: body["grossSum"] for body in bodies}
    assert world.calls.max_in_flight <= 2
    assert not [row for row in world.groups.values() if row["ActiveUserID"]]
    assert await dead_letters(settings) == 0


@pytest.mark.timeout(180)
async def test_two_replicas_enter_in_stages_and_post_every_group_once_though_answers_and_slots_are_lost(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    world = sandbox.epicor_world
    posting = {"strategy": "staged", "success": "posted"}
    await connect(connection_to(sandbox.epicor, posting=posting).document, engine=engine, nats_url=settings.nats_url)
    bodies = bulk_invoices(30, seed=17)
    world.settings = world.settings.model_copy(update={"posting_queue": 0.2, "posting_takes": 0.3})
    world.faults.add(
        Fault(kind="drop_after", path="UpdateMaster", every=23, times=-1),
        Fault(kind="drop_before", path="UpdateMaster", every=37, times=-1),
        Fault(kind="drop_after", path="GetNew", every=43, times=-1),
        Fault(kind="status", path="GetByID", status=503, every=61, times=-1),
        Fault(kind="drop_after", path="SubmitToAgent", every=3, times=-1),
        Fault(kind="drop_before", path="SubmitToAgent", every=7, times=-1),
        Fault(kind="status", path="PrePostGroupInvoices", status=429, retry_after=0.1, every=5, times=-1),
    )
    for body in bodies:
        await log.append(approved(body))

    async def all_settled() -> bool:
        return not (await outcomes(log, bodies))["open"]

    async with replicas(2, settings):
        for _ in range(3):
            await asyncio.sleep(0.5)
            async with engine.connect() as db:
                await db.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
        await until(all_settled, seconds=150)

    assert await outcomes(log, bodies) == {"posted": 30}
    held = {each.header["ExternalID"]: each.header["DocInvoiceAmt"] for each in world.invoices.values()}
    assert held == {body["invoiceId"]: body["grossSum"] for body in bodies}
    assert len(world.invoices) == 30
    assert all(each.posted for each in world.invoices.values())
    assert len({each.group for each in world.invoices.values()}) == 30
    assert world.calls.max_in_flight <= 2
    assert await dead_letters(settings) == 0


async def test_a_lost_database_session_costs_time_and_no_invoice(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    world = sandbox.epicor_world
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    bodies = bulk_invoices(12, seed=12)
    world.settings = world.settings.model_copy(update={"latency": 0.02})
    for body in bodies:
        await log.append(approved(body))

    async def all_posted() -> bool:
        return (await outcomes(log, bodies))["posted"] == len(bodies)

    async with replicas(1, settings):
        for _ in range(3):
            await asyncio.sleep(0.4)
            async with engine.connect() as db:
                kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                await db.execute(text(kill))
        await until(all_posted)

    assert len(world.invoices) == len(bodies)
    assert await dead_letters(settings) == 0


async def test_while_epicor_is_down_it_is_left_alone_and_afterwards_everything_is_posted(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    world = sandbox.epicor_world
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    bodies = bulk_invoices(10, seed=13)
    world.faults.add(Fault(kind="status", path="/odata/", status=503, times=-1))
    for body in bodies:
        await log.append(approved(body))

    async def all_posted() -> bool:
        return (await outcomes(log, bodies))["posted"] == len(bodies)

    async with replicas(1, settings):
        await asyncio.sleep(2)
        while_down = world.calls.total
        world.faults.clear()
        await until(all_posted)

    assert 5 <= while_down <= 25, "five failures open the breaker; then one call a pause"
    assert len(world.invoices) == len(bodies)


async def test_an_unreadable_document_is_a_dead_letter_and_delays_no_other(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    broken, good = bulk_invoices(2, seed=14)
    await log.append(approved(broken).model_copy(update={"document": '{"invoiceId": 1}'}))
    await log.append(approved(good))

    async def good_is_posted() -> bool:
        return (await outcomes(log, [good]))["posted"] == 1 and await dead_letters(settings) == 1

    async with replicas(1, settings):
        await until(good_is_posted)


async def dead_letters(settings: Settings) -> int:
    """How many messages nobody could handle."""
    client = await nats.connect(settings.nats_url)
    try:
        return (await client.jetstream().stream_info(DEADLETTERS)).state.messages
    finally:
        await client.close()


async def test_paused_posting_enters_nothing_until_it_is_resumed(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    bodies = bulk_invoices(2, seed=15)
    at = datetime.now(UTC)

    async def first_is_posted() -> bool:
        return (await outcomes(log, bodies[:1]))["posted"] == 1

    async def both_are_posted() -> bool:
        return (await outcomes(log, bodies))["posted"] == 2

    async with replicas(1, settings):
        await log.append(approved(bodies[0]))
        await until(first_is_posted)
        await pause(engine, "demo", (Flow.POSTING,), by="mia", reason="month end", at=at)
        await asyncio.sleep(FAST.refresh * 3)
        await log.append(approved(bodies[1]))
        await asyncio.sleep(1)
        while_paused = len(sandbox.epicor_world.invoices)
        await resume(engine, "demo", (Flow.POSTING,))
        await until(both_are_posted)

    assert while_paused == 1


async def test_a_release_and_a_replay_are_taken_up_at_once(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    patient = settings.model_copy(update={"timings": FAST.model_copy(update={"retry_ceiling": 600})})
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    body, buried = bulk_invoices(2, seed=16)
    event, broken = approved(body), approved(buried).model_copy(update={"document": "no JSON"})
    by = {"connection": "demo", "attempt": "a1", "by": "mia", "reason": "disputed", "at": datetime.now(UTC)}
    await log.append(event)
    await log.append(DocumentHeld(**by, invoice_id=event.invoice_id))
    await log.append(broken)

    async def one_is_buried() -> bool:
        return await dead_letters(settings) == 1

    async def two_are_buried() -> bool:
        return await dead_letters(settings) == 2

    async def it_is_posted() -> bool:
        return (await outcomes(log, [body]))["posted"] == 1

    async with replicas(1, patient):
        await until(one_is_buried)
        assert sandbox.epicor_world.invoices == {}
        await log.append(DocumentReleased(**by, invoice_id=event.invoice_id))
        await until(it_is_posted, seconds=10)
        await log.append(ReplayRequested(**by, invoice_id=broken.invoice_id, replay="r1"))
        await until(two_are_buried, seconds=10)


async def test_personal_data_is_sealed_in_the_stream_and_the_invoice_is_posted_all_the_same(
    sandbox: Running, log: EventLog, engine: AsyncEngine, settings: Settings
) -> None:
    await connect(connection_to(sandbox.epicor).document, engine=engine, nats_url=settings.nats_url)
    [body] = bulk_invoices(1, seed=5)
    body |= {"referencePerson": "Jane Buyer", "supplierBankIBAN": "IT60X0542811101000000123456"}
    event = approved(body)
    await log.append(event)
    client = await nats.connect(settings.nats_url)
    stored = await client.jetstream().get_last_msg(DOCUMENTS, event.subject)
    await client.close()
    assert b"Jane Buyer" not in (stored.data or b"")
    assert b"IT60X" not in (stored.data or b"")

    async with replicas(1, settings):

        async def all_posted() -> bool:
            return await outcomes(log, [body]) == Counter({"posted": 1})

        await until(all_posted)

    assert (await log.timeline("demo", body["invoiceId"]))[0].event == event
