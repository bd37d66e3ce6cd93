"""Both services as they run: a payment in Epicor is Basware's a moment later, and a killed one loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import nats
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from basware_reader.app import wire as wire_reader
from masterdata_sync.app import wire as wire_masterdata
from mlc_common.connections import apply, set_credential
from mlc_common.eventlog import EventLog
from mlc_common.service import Wire, serve
from mlc_common.settings import Settings, Timings
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.epicor.histories import Account
from mlc_sandbox.serve import Running, running

from .conftest import CREDENTIALS, NAME, connection_to, posted_facts

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
WIRES: dict[str, Wire] = {"masterdata-sync": wire_masterdata, "basware-reader": wire_reader}


@pytest.fixture
async def far() -> AsyncIterator[Running]:
    async with running() as both:
        yield both


@pytest.fixture
async def settings(far: Running, topology: str, database_url: str, engine: AsyncEngine) -> Settings:
    keys = MasterKeys.generate_line("k1")
    document = connection_to(far, minutes=0.005).document
    await apply(engine, document, by="test", now=NOW)
    for field, value in CREDENTIALS.items():
        place = {"connection": NAME, "field": field, "by": "test", "now": NOW}
        await set_credential(engine, MasterKeys.parse(SecretStr(keys)), values=[SecretStr(value)], **place)
    client = await nats.connect(topology)
    await declare_connection(client, NAME, ack_wait=30)
    await client.close()
    timings = Timings(retry_base=0.05, retry_ceiling=0.2, refresh=0.2, delivery_pauses=(0.1,), sweep=600)
    return Settings(
        nats_url=topology, database_url=SecretStr(database_url), master_keys=SecretStr(keys), timings=timings
    )


@asynccontextmanager
async def service(settings: Settings, name: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(serve(name, settings, WIRES[name], stop=stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.fixture
async def account(far: Running, settings: Settings) -> Account:
    """An invoice that was posted, and its document."""
    client = await nats.connect(settings.nats_url)
    log = EventLog(client, timeout=5)
    account, facts = posted_facts(far, "one", Decimal("1240.00"), "USD", at=datetime.now(UTC))
    for fact in facts:
        await log.append(fact)
    await client.close()
    for step in ("invoice 1240.00 USD", "post"):
        account.play(step, at=datetime.now(UTC))
    return account


async def test_a_payment_and_its_void_arrive(far: Running, settings: Settings, account: Account) -> None:
    payment = far.basware_world.documents["one"]
    async with service(settings, "masterdata-sync"), service(settings, "basware-reader"):
        account.play("pay rest on 2026-11-03 as A", at=datetime.now(UTC))
        await until(lambda: payment.payment.get("paidTotal") == Decimal("1240.00"))
        account.play("void A on 2026-11-15", at=datetime.now(UTC))
        await until(lambda: payment.payment.get("paidTotal") == 0)

    assert len(payment.answers) == 2


async def test_a_payment_that_was_seen_before_the_reader_came_is_told_when_it_comes(
    far: Running, settings: Settings, account: Account
) -> None:
    client = await nats.connect(settings.nats_url)
    log = EventLog(client, timeout=5)
    async with service(settings, "masterdata-sync"):
        account.play("pay rest on 2026-11-03 as A", at=datetime.now(UTC))
        async with asyncio.timeout(30):
            while len(await log.history(NAME, "one")) < 5:
                await asyncio.sleep(0.05)
    assert far.basware_world.documents["one"].answers == []

    async with service(settings, "basware-reader"):
        await until(lambda: len(far.basware_world.documents["one"].answers) == 1)
    await client.close()


async def test_nothing_is_watched_unless_the_connection_says_so(
    far: Running, settings: Settings, account: Account, engine: AsyncEngine
) -> None:
    document = connection_to(far, minutes=0.005).document
    off = document.payments.model_copy(update={"mode": "off"})
    await apply(engine, document.model_copy(update={"payments": off}), by="test", now=NOW)
    account.play("pay rest on 2026-11-03 as A", at=datetime.now(UTC))

    async with service(settings, "masterdata-sync"):
        await until(lambda: any("VendorSvc" in call["path"] for call in far.epicor_world.calls.log))
        await asyncio.sleep(0.5)

    assert not any("APTran" in call["path"] for call in far.epicor_world.calls.log)
