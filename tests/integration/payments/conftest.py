"""Both emulators, a real broker and a real database, and between them the two services' use cases under one clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import httpx
import nats
import pytest
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from basware_reader.handlers import Reader
from basware_reader.locks import Locks
from basware_reader.payment_deliveries import on_payment
from masterdata_sync.payments.watch_list import WatchList
from masterdata_sync.payments.watching import Watch, watch_payments
from mlc_basware.client import open_client
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection
from mlc_common.eventlog import EventLog
from mlc_common.events import (
    DocumentAcknowledged,
    DocumentApproved,
    Event,
    InvoicePosted,
    OutcomeAnswered,
    PaymentAnswered,
    PaymentSeen,
)
from mlc_common.failures import TransientError
from mlc_common.http import dump_json
from mlc_common.retries import Delivery
from mlc_common.settings import Timings
from mlc_common.telemetry import Metrics
from mlc_common.topology import declare_connection
from mlc_epicor.client import EpicorClient
from mlc_epicor.payment_reader import PaymentReader
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots
from mlc_sandbox.epicor.histories import Account
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import approved_invoices
from mlc_sandbox.serve import Running, running

NAME = "northwind"
DAY = timedelta(days=1)
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
TIMINGS = Timings(basware_read=5, basware_connect=2, delivery_pauses=(15, 60), delivery_patience=86_400)


@dataclass
class Clock:
    """A clock that a test sets; both emulators and both services look at the same one."""

    time: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it is said to be."""
        return self.time

    def forward(self, by: timedelta) -> None:
        """Let time pass."""
        self.time += by


@dataclass
class Site:
    """One test's world: both far sides, what the log holds, and the use cases of the two services."""

    far: Running
    clock: Clock
    log: EventLog
    nats: Client
    watch: Watch
    reader: Reader
    handled: set[str] = field(default_factory=set)

    async def invoice(self, name: str, amount: str = "1240.00", currency: str = "USD", **more: Any) -> Account:
        """A document that was posted and answered, and its invoice in the books."""
        account = await self.document(name, amount, currency, **more)
        account.play(f"invoice {amount} {currency}", at=self.clock())
        account.play("post", at=self.clock())
        return account

    async def document(
        self, name: str, amount: str, currency: str, *, attempt: str = "b1", status: str = "Transferred"
    ) -> Account:
        """A document in Basware that this product says it has posted."""
        account, facts = posted_facts(
            self.far, name, Decimal(amount), currency, at=self.clock(), attempt=attempt, status=status
        )
        for fact in facts:
            await self.log.append(fact)
        return account

    async def run(self) -> None:
        """One run of the watch."""
        await watch_payments(self.watch)

    async def tell(self) -> None:
        """Hand the reader every payment fact it has not handled, as its durable would, until nothing is left."""
        for name in list(self.far.basware_world.documents):
            while fresh := [each for each in await self.facts(name) if self._is_fresh(each)]:
                for event in fresh:
                    await self.deliver(event, tries=2 if isinstance(event, PaymentAnswered) else 1)
                    self.handled.add(event.id)

    def _is_fresh(self, event: Event) -> bool:
        return isinstance(event, PaymentSeen | PaymentAnswered) and event.id not in self.handled

    async def deliver(self, event: Any, *, tries: int = 1) -> None:
        """Hand the reader one fact."""
        await on_payment(self.reader, TIMINGS, event, Delivery(tries=tries, sequence=1))

    async def later(self, event: Any, *, tries: int = 1) -> TransientError:
        """Hand it over; the reader wants it again later."""
        with pytest.raises(TransientError) as found:
            await self.deliver(event, tries=tries)
        return found.value

    async def look(self) -> None:
        """A run, and all that follows from it."""
        await self.run()
        await self.tell()

    async def facts(self, name: str) -> list[Event]:
        """Everything the log holds about a document, oldest first."""
        return [each.event for each in await self.log.timeline(NAME, name)]

    async def words(self, name: str) -> list[str]:
        """The facts about its payment, as words."""
        return [str(each.fact) for each in await self.facts(name) if "payment" in getattr(each, "fact", "")]

    async def seen(self, name: str) -> list[PaymentSeen]:
        """The pictures that were recorded."""
        return [each for each in await self.facts(name) if isinstance(each, PaymentSeen)]

    def told(self, name: str) -> list[dict[str, Any]]:
        """What Basware was told of its payment, oldest first."""
        answers = self.far.basware_world.documents[name].answers
        return [each for each in answers if each["kind"] == "paymentResponses"]

    def state(self, name: str) -> dict[str, Any]:
        """The payment as Basware has it."""
        return self.far.basware_world.documents[name].payment

    def epicor_calls(self, path: str) -> int:
        """How often Epicor was asked there."""
        return sum(path in call["path"] for call in self.far.epicor_world.calls.log)

    def fault(self, kind: str, path: str, *, of: str = "basware", **more: Any) -> None:
        """Script a fault of an emulator."""
        world = self.far.basware_world if of == "basware" else self.far.epicor_world
        world.faults.add(Fault(kind=kind, path=path, **more))

    def settings(self, **changes: Any) -> None:
        """Change how Basware's emulator behaves."""
        world = self.far.basware_world
        world.settings = world.settings.model_copy(update=changes)

    def epicor_settings(self, **changes: Any) -> None:
        """Change how Epicor's emulator behaves."""
        world = self.far.epicor_world
        world.settings = world.settings.model_copy(update=changes)


def posted_facts(
    far: Running,
    name: str,
    amount: Decimal,
    currency: str,
    *,
    at: datetime,
    attempt: str = "b1",
    status: str = "Transferred",
) -> tuple[Account, list[Event]]:
    """A document in Basware, the account of its invoice in Epicor, and the facts that say that it was posted."""
    number = f"SI-{name}"[:50]
    body = approved_invoices()[0] | {
        **{"invoiceId": name, "invoiceNumber": number, "currencyCode": currency, "grossSum": amount},
        **{"paymentTermCode": "N30", "paymentMethod": "As agreed"},
    }
    (document,) = far.basware_world.add([body], at=at)
    document.move(status, at=at)
    account = Account(far.epicor_world, "NWM", 101, number, name)
    return account, _facts(name, number, amount, currency, dump_json(body).decode(), attempt, at)


def _facts(
    name: str, number: str, amount: Decimal, currency: str, body: str, attempt: str, at: datetime
) -> list[Event]:
    common = {"connection": NAME, "at": at, "invoice_id": name, "attempt": attempt}
    return [
        DocumentApproved(
            **common,
            **{"seen_by": "push", "status": "WaitingForTransfer", "company_code": "US01", "supplier_code": "10432"},
            currency=currency,
            gross=amount,
            document=body,
        ),
        DocumentAcknowledged(**common),
        InvoicePosted(
            **common,
            **{"connection_version": 1, "company": "NWM", "vendor_num": 101, "vendor_id": "10432", "voucher": "V"},
            **{"invoice_num": number, "group_id": "B2611220", "lines": 1},
            total=amount,
            currency=currency,
        ),
        OutcomeAnswered(**common, external_code=f"t-{name}", success=True, message="Posted"),
    ]


@pytest.fixture
def clock() -> Clock:
    """The clock of the test."""
    return Clock()


@pytest.fixture
async def broker_client(topology: str) -> AsyncIterator[Client]:
    """A connection to a broker on which everything is declared."""
    client = await nats.connect(topology)
    await declare_connection(client, NAME, ack_wait=30)
    yield client
    await client.close()


def connection_to(far: Running, **payments: Any) -> Connection:
    """Northwind's connection to both emulators, payments followed."""
    document = ConnectionDocument.model_validate(
        {
            "name": NAME,
            "basware": {"base_url": far.basware, "calls_per_second": 5000},
            "epicor": {"base_url": far.epicor},
            "companies": [
                {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
            ],
            "payments": {"mode": "follow", **payments},
        }
    )
    return Connection(document, 1, MappingProxyType({name: (SecretStr(value),) for name, value in CREDENTIALS.items()}))


MakeSite = Callable[..., Any]


@pytest.fixture
async def make_site(clock: Clock, broker_client: Client, engine: AsyncEngine) -> MakeSite:
    """Makes a site; what it is given are the rules of `payments`."""

    @asynccontextmanager
    async def made(**payments: Any) -> AsyncIterator[Site]:
        async with running(now=clock) as far, httpx.AsyncClient(timeout=10) as http:
            connection = connection_to(far, **payments)
            document, log, metrics = connection.document, EventLog(broker_client, timeout=5), Metrics()
            signed = sign_in(document.epicor, connection.secret, http=http, life_used=0.8)
            client = EpicorClient(http, document.epicor, sign_in=signed, write_patience=10)
            reader = PaymentReader(client, Slots(engine, NAME, cap=2), document.payments)
            listed = WatchList(engine, NAME)
            rules = document.payments
            watch = Watch(NAME, ("NWM",), rules, reader, listed, broker_client, log, metrics, clock, patience=5)
            async with open_client(connection, timings=TIMINGS, now=clock) as basware:
                told = Reader(NAME, basware, log, clock, Locks(engine), document, metrics)
                yield Site(far, clock, log, broker_client, watch, told)

    return made


@pytest.fixture
async def site(make_site: MakeSite) -> AsyncIterator[Site]:
    """The test's world, with the rules as they are by default."""
    async with make_site() as made:
        yield made


def forgetful(site: Site) -> None:
    """As if masterdata-sync had been killed and started again."""
    site.watch = replace(site.watch, seen={})
