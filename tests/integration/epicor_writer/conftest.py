"""A writer at work: the Epicor emulator over HTTP, the slots in PostgreSQL, the facts in a real nats-server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from epicor_writer.handlers import identities, post_invoice
from epicor_writer.ledger import EpicorLedger
from epicor_writer.ports import Ledger, Slot
from epicor_writer.records import Records
from mlc_basware.members import PERSONAL
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused
from mlc_common.failures import TransientError
from mlc_common.http import dump_json
from mlc_common.settings import Timings
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots
from mlc_sandbox.epicor import EpicorWorld, Invoice, Settings
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import bulk_invoices
from mlc_sandbox.serve import Running, running

TIMINGS = Timings(
    unclear_pauses=(0.05, 0.08, 0.1), reference_cache=60, epicor_write=1.5, epicor_read=1.5, breaker=0.3, publish=3
)
SECRETS = {
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
    "epicor.client_id": "bw-sync",
    "epicor.client_secret": "sandbox-only-secret",
}
UPDATE_MASTER = "APInvoiceSvc/UpdateMaster"
SUMS = ("netSum", "grossSum", "taxSum1", "netSumCompany", "grossSumCompany", "taxSum1Company")
ROW_SUMS = ("netTotal", "grossTotal", "taxSum")
Change = Callable[..., None]


def connection_to(
    epicor: str, *, posting: Mapping[str, Any] = MappingProxyType({}), **epicor_options: Any
) -> Connection:
    """The connection to an emulator, with its credentials."""
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
    document = ConnectionDocument.model_validate(
        {
            "name": "demo",
            "epicor": {"base_url": epicor, **epicor_options},
            "companies": [{"basware": b, "epicor": e, "currency": c, "segments": segments} for b, e, c in pairs],
            "posting": dict(posting),
        }
    )
    return Connection(document, 3, {name: (SecretStr(value),) for name, value in SECRETS.items()})


def approved(body: dict[str, Any], *, attempt: str = "a1") -> DocumentApproved:
    """The fact that a document was approved."""
    text = dump_json(body).decode()
    return DocumentApproved(
        connection="demo",
        at=datetime.now(UTC),
        invoice_id=body["invoiceId"],
        attempt=attempt,
        seen_by="push",
        status=body["processingStatus"],
        company_code=body["companyCode"],
        supplier_code=body["supplierCode"],
        invoice_number=body["invoiceNumber"],
        currency=body["currencyCode"],
        document=text,
        personal=PERSONAL,
    )


@dataclass
class Writer:
    """One replica, driven by hand: what the stream would do between two tries is done here."""

    connection: Connection
    ledger: Ledger
    slots: Slots
    log: EventLog
    world: EpicorWorld
    timings: Timings = TIMINGS
    left_locked: list[str] = field(default_factory=list)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def once(self, event: DocumentApproved) -> InvoicePosted | InvoiceRefused | None:
        """One delivery."""
        async with self.slots.hold(*identities(event)) as slot:
            return await self.with_slot(event, slot)

    async def with_slot(self, event: DocumentApproved, slot: Slot) -> InvoicePosted | InvoiceRefused | None:
        """One delivery in a place that is held already."""
        return await post_invoice(
            event,
            connection=self.connection,
            ledger=self.ledger,
            log=self.log,
            slot=slot,
            timings=self.timings,
            now=self.now,
        )

    async def until_settled(self, event: DocumentApproved, *, most: int = 12) -> InvoicePosted | InvoiceRefused | None:
        """Deliver again and again, as the stream does; the pauses asked for are kept, up to a fifth of a second."""
        for _ in range(most - 1):
            try:
                return await self.once(event)
            except TransientError as failure:
                await asyncio.sleep(min(failure.retry_after or 0.05, 0.2))
        return await self.once(event)

    async def facts(self, event: DocumentApproved) -> list[str]:
        """The names of everything recorded about the document, in order."""
        return [recorded.event.fact for recorded in await self.log.timeline("demo", event.invoice_id)]  # type: ignore[union-attr]

    def fault(self, kind: str, path: str = UPDATE_MASTER, **options: Any) -> None:
        """Script a fault."""
        self.world.faults.add(Fault(kind=kind, path=path, **options))

    def calls(self, path: str) -> int:
        """How often Epicor was called with this path."""
        return sum(path in call["path"] for call in self.world.calls.log)

    def invoices(self) -> list[Invoice]:
        """The AP invoices that Epicor holds."""
        return list(self.world.invoices.values())

    def locked_groups(self) -> list[str]:
        """The groups of ours that somebody has open."""
        return [row["GroupID"] for row in self.world.groups.values() if row["ActiveUserID"] == "bwlink"]


def turned(body: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The document with negative sums."""
    rows = [
        row | {name: -Decimal(row[name]) for name in ROW_SUMS if row.get(name) is not None}
        for row in body["codingRows"]
    ]
    sums = {name: -Decimal(body[name]) for name in SUMS if body.get(name) is not None}
    return body | sums | {"codingRows": rows} | members


def the_only(writer: Writer) -> Invoice:
    (held,) = writer.invoices()
    return held


def invoice(number: int = 0, *, seed: int = 1) -> dict[str, Any]:
    """One valid invoice."""
    return bulk_invoices(number + 1, seed=seed)[number]


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Running]:
    """Both emulators on loopback."""
    async with running(epicor_world=EpicorWorld(settings=Settings())) as urls:
        yield urls


@pytest_asyncio.fixture
async def log(topology: str) -> AsyncIterator[EventLog]:
    """The event log."""
    client = await nats.connect(topology)
    yield EventLog(client, timeout=TIMINGS.publish)
    await client.close()


@pytest.fixture
def strategy() -> str:
    """How invoices are saved; a module that marks itself with STRATEGIES runs with each."""
    return "single"


STRATEGIES = pytest.mark.parametrize("strategy", ["single", "staged", "staged onto default distributions"])


def posting_rules(strategy: str, sandbox: Running) -> dict[str, Any]:
    """The connection's rules; the tenant makes a distribution with every line where the strategy's name says so."""
    if strategy == "staged onto default distributions":
        world = sandbox.epicor_world
        world.settings = world.settings.model_copy(update={"auto_expense": True, "full_rows": True})
        return {"strategy": "staged", "rows_per_save": 500}
    return {"strategy": strategy, "rows_per_save": 100}


@asynccontextmanager
async def writing(
    sandbox: Running,
    log: EventLog,
    engine: AsyncEngine,
    *,
    posting: Mapping[str, Any] = MappingProxyType({}),
    **epicor_options: Any,
) -> AsyncIterator[Writer]:
    """A writer on the emulator."""
    connection = connection_to(sandbox.epicor, posting=posting, **epicor_options)
    epicor = connection.document.epicor
    async with httpx.AsyncClient(timeout=httpx.Timeout(1.5, connect=1.5)) as http:
        signed = sign_in(epicor, connection.secret, http=http, life_used=0.8)
        client = EpicorClient(http, epicor, sign_in=signed, write_patience=1.5)
        left: list[str] = []
        ledger = EpicorLedger(
            client,
            Records(client, believed=60, clock=time.monotonic),
            user="bwlink" if epicor.sign_in == "basic" else None,
            on_left_locked=lambda: left.append("a group"),
        )
        slots = Slots(engine, "demo", cap=2)
        yield Writer(connection, ledger, slots, log, sandbox.epicor_world, left_locked=left)


@pytest_asyncio.fixture
async def writer(sandbox: Running, log: EventLog, engine: AsyncEngine, strategy: str) -> AsyncIterator[Writer]:
    """A writer that signs in with user and password."""
    async with writing(sandbox, log, engine, posting=posting_rules(strategy, sandbox)) as made:
        yield made


@pytest.fixture
def rules(writer: Writer) -> Change:
    """Changes the rules of posting, and members of every company pair."""

    def change(*, pairs: Mapping[str, Any] = MappingProxyType({}), **posting: Any) -> None:
        document = writer.connection.document.model_dump(mode="json", by_alias=True)
        document["companies"] = [pair | pairs for pair in document["companies"]]
        changed = ConnectionDocument.model_validate(document | {"posting": document["posting"] | posting})
        writer.connection = Connection(changed, writer.connection.version, writer.connection.credentials)

    return change
