"""Both emulators, a real broker and database, the services between them, and people who replay what was buried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import nats
import pytest
import pytest_asyncio
from faststream.nats.message import NatsMessage
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from basware_reader.app import wire as wire_reader
from epicor_writer.app import wire as wire_writer
from masterdata_sync.app import wire as wire_masterdata
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentAcknowledged, DocumentApproved, Event, InvoicePosted, OutcomeAnswered
from mlc_common.failures import PermanentError
from mlc_common.http import dump_json
from mlc_common.retries import Delivery, RetryOrBury
from mlc_common.service import Wire, serve
from mlc_common.settings import Settings, Timings
from mlc_common.streams import MASTERDATA, Durable
from mlc_common.telemetry import Metrics, Redactor
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.epicor.histories import Account
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import approved_invoices
from mlc_sandbox.serve import Running, running
from operator_console import deadletter_commands, replay_commands
from operator_console.deadletter_commands import Browsed, Filter
from operator_console.replay_commands import Order
from operator_console.replaying import Planned, Replay
from operator_console.searching import Sought
from operator_console.selecting import Selection, plan

NAME = "northwind"
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
SCOPES = [f"{name}.{right}" for name in ("accountingDocuments", "vendors") for right in ("read", "write")]
SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
QUICK: dict[str, Any] = {
    "retry_base": 0.05, "retry_ceiling": 0.2, "refresh": 0.2, "delivery_pauses": (0.1,), "attachment_pauses": (0.1,),
    "sweep": 600, "masterdata": 0.1, "unclear_pauses": (0.1, 0.2), "graceful": 5,
}  # fmt: skip
WIRES: dict[str, Wire] = {
    "basware-reader": wire_reader,
    "epicor-writer": wire_writer,
    "masterdata-sync": wire_masterdata,
}


@dataclass
class Site:
    """One test's world, and what people do to it."""

    far: Running
    settings: Settings
    engine: AsyncEngine
    client: Client

    @property
    def log(self) -> EventLog:
        """The streams."""
        return EventLog(self.client, timeout=5)

    async def connect(self, **sections: Any) -> None:
        """Apply the connection with these sections beside the usual ones."""
        document = {
            "name": NAME,
            "basware": {
                "base_url": self.far.basware,
                "calls_per_second": 1000,
                "scopes": [*SCOPES, "requestStatus.read"],
            },
            "epicor": {"base_url": self.far.epicor},
            "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS}],
            "masterdata": {"default": {"full": {"cron": "0 0 29 2 *"}}},
        }
        now = datetime.now(UTC)
        await apply(self.engine, ConnectionDocument.model_validate(document | sections), by="test", now=now)

    @asynccontextmanager
    async def service(self, name: str, **timings: Any) -> AsyncIterator[None]:
        """One of the services in this process, until the block ends."""
        stop = asyncio.Event()
        settings = self.settings.model_copy(update={"timings": Timings.model_validate(QUICK | timings)})
        task = asyncio.create_task(serve(name, settings, WIRES[name], stop=stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def posted(self, name: str, *, status: str, at: datetime, answered: bool = True) -> Account:
        """A document that was posted, its invoice in Epicor, and the facts that say so."""
        number = f"SI-{name}"
        body = approved_invoices()[0] | {"invoiceId": name, "invoiceNumber": number, "grossSum": Decimal("1240.00")}
        (document,) = self.far.basware_world.add([body], at=at)
        document.move(status, at=at)
        account = Account(self.far.epicor_world, "NWM", 101, number, name)
        account.play("invoice 1240.00 USD", at=at)
        about: dict[str, Any] = {"connection": NAME, "at": at, "invoice_id": name, "attempt": "b1"}
        about_approval = {"seen_by": "push", "status": "WaitingForTransfer", "company_code": "US01"}
        total = {"currency": "USD", "gross": Decimal("1240.00"), "document": dump_json(body).decode()}
        where = {"company": "NWM", "vendor_num": 101, "vendor_id": "10432", "invoice_num": number}
        entered = {"group_id": "B2611220", "voucher": "V", "lines": 1, "currency": "USD", "total": Decimal("1240.00")}
        facts: list[Event] = [
            DocumentApproved(**about, **about_approval, **total, supplier_code="10432"),
            DocumentAcknowledged(**about),
            InvoicePosted(**about, **where, **entered, connection_version=1),
        ]
        if answered:
            facts.append(OutcomeAnswered(**about, external_code=f"t-{name}", success=True, message="Posted"))
        for fact in facts:
            await self.log.append(fact)
        return account

    def fault(self, kind: str, path: str, **more: Any) -> None:
        """Script a fault of Basware."""
        self.far.basware_world.faults.add(Fault(kind=kind, path=path, **more))

    async def words(self, name: str) -> list[str]:
        """The facts of a document as words, oldest first."""
        return [str(getattr(each.event, "fact", "")) for each in await self.log.timeline(NAME, name)]

    async def facts(self, name: str, *kinds: type[Event]) -> list[Any]:
        """The facts of a document of these kinds, oldest first."""
        return [each.event for each in await self.log.timeline(NAME, name) if isinstance(each.event, kinds)]

    async def master(self, *kinds: type[Event]) -> list[Any]:
        """The facts about master data of these kinds, oldest first."""
        read = self.log.facts(MASTERDATA, "masterdata.>")
        return [each.event async for each in read if isinstance(each.event, kinds)]

    async def gives_up(self, durable: Durable, times: int = 1) -> None:
        """Let a version with a bug read so many messages of the durable, which buries them."""

        async def hopeless(_event: Event, _delivery: Delivery) -> None:
            raise PermanentError("This version has a bug.")

        stream = self.client.jetstream()
        bury = RetryOrBury(
            durable,
            hopeless,
            log=self.log,
            stream=stream,
            timings=Timings(),
            metrics=Metrics(),
            redact=Redactor(),
            keep_alive=10,
        )
        reading = await stream.pull_subscribe_bind(durable.name, durable.stream)
        for _ in range(times):
            [message] = await reading.fetch(1, timeout=5)
            await bury(cast(NatsMessage, SimpleNamespace(raw_message=message)))
        await reading.unsubscribe()

    async def letters(self, **asked: Any) -> list[Browsed]:
        """Dead letters, oldest first."""
        return await deadletter_commands.listing(self.settings, Filter(**asked))

    async def plan(self, *letters: int) -> list[Planned]:
        """What a replay of these would do, or of all that are unresolved."""
        return [each async for each in plan(self.settings, _selected(letters))]

    async def replay(self, name: str, *letters: int, rate: float = 1000) -> Replay:
        """Do it."""
        order = Order(name, "the cause is mended", rate)
        return await replay_commands.commit(self.settings, _selected(letters), order, progress=lambda _n, _of: None)


def _selected(letters: tuple[int, ...]) -> Selection:
    return Selection(Sought(), letters=letters, buried=None if letters else Filter(unresolved=True))


@pytest_asyncio.fixture
async def site(topology: str, database_url: str, engine: AsyncEngine) -> AsyncIterator[Site]:
    """A connection between both emulators, declared, with its credentials."""
    line = MasterKeys.generate_line("k1")
    keys = MasterKeys.parse(SecretStr(line))
    settings = Settings(
        nats_url=topology,
        database_url=SecretStr(database_url),
        master_keys=SecretStr(line),
        timings=Timings.model_validate(QUICK),
    )
    client = await nats.connect(topology)
    await declare_connection(client, NAME, ack_wait=30)
    async with running() as far:
        made = Site(far, settings, engine, client)
        await made.connect()
        for field, value in CREDENTIALS.items():
            place: dict[str, Any] = {"connection": NAME, "field": field, "by": "test", "now": datetime.now(UTC)}
            await set_credential(engine, keys, values=[SecretStr(value)], **place)
        yield made
    await client.close()


Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Waits until something holds."""

    async def wait(holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(40):
            while not await holds():
                await asyncio.sleep(0.05)

    return wait
