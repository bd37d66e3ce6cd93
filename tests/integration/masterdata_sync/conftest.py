"""A connection between the two emulators, and the masterdata-sync that keeps it up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import nats
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.app import wire
from masterdata_sync.kind import Kind
from masterdata_sync.kinds import kinds_of
from masterdata_sync.opening import open_sides
from masterdata_sync.runs import Task, bring_up_to_date
from masterdata_sync.sides import Sides
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connections, apply, set_credential
from mlc_common.eventlog import EventLog
from mlc_common.events import Event, SyncFinished
from mlc_common.service import serve
from mlc_common.settings import Settings, Timings
from mlc_common.streams import MASTERDATA
from mlc_common.telemetry import Metrics, Redactor
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.serve import Running, running

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NAME = "northwind"
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
SCOPES = ["vendors", "accounts", "paymentTerms", "matchingOrders", "matchingOrderLines", "accountingDocuments"]
SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
TIMINGS = {"masterdata": 0.1, "retry_base": 0.05, "retry_ceiling": 0.2, "refresh": 0.2, "delivery_pauses": (0.1,)}
QUICK = {"every": 0.3}


@dataclass
class Place:
    """Both far sides, and a connection between them that can be applied anew."""

    far_sides: Running
    settings: Settings
    engine: AsyncEngine

    async def connect(self, **sections: Any) -> ConnectionDocument:
        """Apply the connection, with these sections instead of the usual ones."""
        document = ConnectionDocument.model_validate(document_of(self.far_sides) | sections)
        await apply(self.engine, document, by="test", now=NOW)
        return document

    async def set_credentials(self, keys: MasterKeys) -> None:
        """Set every credential of the connection."""
        for field, value in CREDENTIALS.items():
            about: dict[str, Any] = {"connection": NAME, "field": field, "by": "test", "now": NOW}
            await set_credential(self.engine, keys, values=[SecretStr(value)], **about)

    @property
    def posted(self) -> list[dict[str, Any]]:
        """The calls to Basware that wrote master data, oldest first."""
        paths = ("/v1/vendors", "/v1/accounts", "/v1/paymentTerms")
        log = self.far_sides.basware_world.calls.log
        return [call for call in log if call["method"] == "POST" and call["path"] in paths]

    def reads(self, text: str = "VendorSvc") -> int:
        """How many calls to Epicor had this in their path."""
        return sum(text in call["path"] for call in self.far_sides.epicor_world.calls.log)

    async def facts(self, *kinds: type[Event]) -> list[Any]:
        """The facts about master data, oldest first; only of these kinds, if any are named."""
        client = await nats.connect(self.settings.nats_url)
        try:
            read = EventLog(client, timeout=5).facts(MASTERDATA, "masterdata.>")
            return [each.event async for each in read if not kinds or isinstance(each.event, kinds)]
        finally:
            await client.close()


def document_of(far_sides: Running) -> dict[str, Any]:
    """The connection as JSON."""
    scopes = [f"{name}.{right}" for name in SCOPES for right in ("read", "write")]
    return {
        "name": NAME,
        "basware": {
            "base_url": far_sides.basware,
            "calls_per_second": 1000,
            "scopes": [*scopes, "requestStatus.read"],
        },
        "epicor": {"base_url": far_sides.epicor},
        "companies": [
            {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS},
            {"basware": "FI01", "epicor": "NWF", "currency": "EUR", "segments": SEGMENTS},
        ],
        "masterdata": {"default": {"full": QUICK}},
    }


@pytest_asyncio.fixture
async def place(topology: str, database_url: str, engine: AsyncEngine) -> AsyncIterator[Place]:
    """Both emulators, and the connection with its credentials."""
    keys = MasterKeys.generate_line("k1")
    settings = Settings(
        nats_url=topology,
        database_url=SecretStr(database_url),
        master_keys=SecretStr(keys),
        timings=Timings.model_validate(TIMINGS),
    )
    async with running() as far_sides:
        made = Place(far_sides, settings, engine)
        await made.connect()
        await made.set_credentials(MasterKeys.parse(SecretStr(keys)))
        client = await nats.connect(topology)
        await declare_connection(client, NAME, ack_wait=30)
        await client.close()
        yield made


@asynccontextmanager
async def service(place: Place) -> AsyncIterator[None]:
    """The service in this process, until the block ends."""
    stop = asyncio.Event()
    task = asyncio.create_task(serve("masterdata-sync", place.settings, wire, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for it."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


async def until_so(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait for it."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


@pytest.fixture
def serving() -> Callable[[Place], Any]:
    """The service, for tests that start it themselves."""
    return service


@dataclass
class Bench:
    """The engine without its timer: runs are done when the test says so."""

    place: Place
    sides: Sides
    kinds: dict[str, Kind]

    @property
    def world(self) -> EpicorWorld:
        """Epicor."""
        return self.place.far_sides.epicor_world

    def there(self, path: str = "/v1/vendors") -> dict[str, dict[str, Any]]:
        """What Basware holds."""
        return self.place.far_sides.basware_world.records[path]

    def task(self, kind: str = "vendor", company: str = "US01", **more: Any) -> Task:
        """A run of a kind of a company."""
        pair = self.sides.document.pair(company)
        assert pair is not None
        return Task(self.kinds[kind], pair, more.pop("mode", "full"), **more)

    async def run(self, kind: str = "vendor", company: str = "US01", **more: Any) -> SyncFinished:
        """Do it."""
        return await bring_up_to_date(self.task(kind, company, **more), self.sides)


@asynccontextmanager
async def opened(place: Place, **sections: Any) -> AsyncIterator[Bench]:
    """The engine of a connection with these sections."""
    await place.connect(**sections)
    keys = MasterKeys.parse(place.settings.master_keys or SecretStr(""))
    connections = Connections(place.engine, lambda: keys, refresh_seconds=60)
    await connections.refresh()
    connection = connections.current()[NAME]
    client = await nats.connect(place.settings.nats_url)
    runtime = SimpleNamespace(
        settings=place.settings,
        nats=client,
        log=EventLog(client, timeout=5),
        redactor=Redactor(),
        metrics=Metrics(),
        now=lambda: datetime.now(UTC),
    )
    try:
        async with open_sides(cast(Any, runtime), connection) as sides:
            yield Bench(place, sides, {kind.name: kind for kind in kinds_of(connection.document)})
    finally:
        await client.close()


@pytest.fixture
def opening() -> Callable[..., Any]:
    """The engine, for tests that say how it is to read."""
    return opened
