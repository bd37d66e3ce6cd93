"""The whole product as running processes on a real broker and database, with the emulators as far sides."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.database import make_engine
from mlc_common.eventlog import EventLog, Recorded
from mlc_common.settings import Settings
from mlc_common.streams import NOTIFICATIONS
from mlc_common.topology import declare, declare_connection
from mlc_common.vault import MasterKeys

CONNECTION = "demo"
SERVICES = ("webhook-gateway", "basware-reader", "epicor-writer")
WEBHOOK_SECRET = "sandbox-only-webhook-secret"
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "basware.webhook_secret": WEBHOOK_SECRET,
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
TIMINGS = {
    "sweep": "3",
    "retry_base": "0.1",
    "retry_ceiling": "1",
    "unclear_pauses": "[0.3, 0.5, 1]",
    "delivery_pauses": "[0.5, 1, 2]",
    "ack_wait": "3",
    "refresh": "0.5",
    "breaker": "0.5",
    "publish": "2",
    "epicor_write": "10",
    "graceful": "5",
}
SEGMENTS = [
    {"field": "accountCode"},
    {"field": "dimCode1", "default": "10"},
    {"field": "costCenterCode", "default": "000"},
]


def connection_document(basware: str, epicor: str, *, cap: int, **more: Any) -> ConnectionDocument:
    """The connection to the emulators; `more` are sections beside these."""
    return ConnectionDocument.model_validate(
        {
            "name": CONNECTION,
            "basware": {
                "base_url": basware,
                "calls_per_second": 2000,
                "calls_in_flight": 16,
                "scopes": ["accountingDocuments.read", "accountingDocuments.write", "requestStatus.read"],
            },
            "epicor": {"base_url": epicor, "calls_in_flight": cap},
            "companies": [
                {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS},
                {"basware": "FI01", "epicor": "NWF", "currency": "EUR", "segments": SEGMENTS},
            ],
        }
        | more
    )


@dataclass(slots=True)
class Process:
    """One of our programs, with its log in a file."""

    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it may still be starting when this returns."""
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                self.command, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.running is not None:
            os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()
            self.running = None

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        assert self.running is not None
        self.running.terminate()
        code = self.running.wait(timeout=20)
        self.running = None
        return code


@dataclass(slots=True)
class System:
    """The running product and its far sides."""

    folder: Path
    broker: Any
    log: EventLog
    http: httpx.AsyncClient
    basware: str
    epicor: str
    database_url: str
    services: dict[str, Process] = field(default_factory=dict)
    offered: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def hook(self) -> str:
        """Where Basware pushes to."""
        return f"http://127.0.0.1:{self.port('webhook-gateway.public')}/hooks/basware/{CONNECTION}"

    def port(self, service: str) -> int:
        return int((self.folder / f"{service}.port").read_text())

    async def ready(self, *services: str) -> None:
        """Wait until these services say that they are ready."""
        for service in services or tuple(self.services):

            async def is_ready(service: str = service) -> bool:
                try:
                    answer = await self.http.get(f"http://127.0.0.1:{self.port(service)}/readyz")
                except (OSError, ValueError, httpx.TransportError):
                    return False
                return answer.status_code == 200

            await eventually(is_ready, seconds=20, what=f"{service} is ready; see {self.folder}")

    def restart(self, service: str) -> None:
        """Start a killed service anew."""
        for name in (service, f"{service}.public"):
            (self.folder / f"{name}.port").unlink(missing_ok=True)
        self.services[service].start()

    async def offer(self, documents: Sequence[dict[str, Any]]) -> list[str]:
        """Put approved documents into Basware; returns their ids."""
        from mlc_sandbox.exact_json import dumps

        answer = await self.http.post(
            f"{self.basware}/_sandbox/documents",
            content=dumps({"accountingDocuments": documents}),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code < 300, answer.text
        self.offered |= {document["invoiceId"]: document for document in documents}
        return [document["invoiceId"] for document in documents]

    async def push(self, ids: Sequence[str], **options: Any) -> list[int]:
        """Let Basware push notifications for these documents; returns the gateway's answers."""
        order = {"invoiceIds": list(ids), "url": self.hook, "secret": WEBHOOK_SECRET, "concurrency": 16} | options
        answer = await self.http.post(f"{self.basware}/_sandbox/push", json=order, timeout=120)
        assert answer.status_code == 200, answer.text
        return [status for push in answer.json()["pushes"] for status in push["statuses"]]

    async def faults(self, side: str, *faults: dict[str, Any]) -> None:
        """Script faults of a far side ("basware" or "epicor")."""
        answer = await self.http.post(f"{self.control(side)}/_sandbox/faults", json=list(faults))
        assert answer.status_code < 300, answer.text

    def control(self, side: str) -> str:
        return self.basware if side == "basware" else self.epicor.removesuffix("/sandbox")

    async def ledger(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The AP invoices in Epicor that came from these documents."""
        answer = await self.http.get(f"{self.control('epicor')}/_sandbox/invoices", timeout=60)
        wanted = set(ids)
        return [invoice for invoice in answer.json()["invoices"] if invoice["ExternalID"] in wanted]

    async def documents(self) -> dict[str, dict[str, Any]]:
        """Every document in Basware as it was offered and as it stands now, by id."""
        answer = await self.http.get(f"{self.basware}/_sandbox/state", timeout=60)
        return {
            document["invoiceId"]: self.offered.get(document["invoiceId"], {}) | document
            for document in answer.json()["documents"]
        }

    async def answered(self, ids: Sequence[str], *, seconds: float = 30) -> dict[str, dict[str, Any]]:
        """Wait until Basware has an answer for each of these documents; returns Basware's books."""

        async def all_answered() -> bool:
            books = await self.documents()
            return all(books[invoice]["processingStatus"] in ("Transferred", "TransferFailed") for invoice in ids)

        await eventually(all_answered, seconds=seconds, what=f"every document is answered; see {self.folder}")
        return await self.documents()

    async def stored(self, stream: str, *, after: int = 0) -> list[Any]:
        """Every message of a stream behind a sequence, as it is stored."""
        js = self.log._stream
        last = (await js.stream_info(stream)).state.last_seq
        return [await js.get_msg(stream, sequence) for sequence in range(after + 1, last + 1)]

    async def last_sequence(self, stream: str) -> int:
        """Where a stream ends now."""
        return int((await self.log._stream.stream_info(stream)).state.last_seq)

    async def pushed(self, *, after: int) -> set[str]:
        """The documents that stored pushes behind a sequence point at."""
        return {
            (await self.log.resolve(message)).document_id for message in await self.stored(NOTIFICATIONS, after=after)
        }

    async def database(self) -> str:
        """Everything in the database, as text and as bytes."""
        connection = await asyncpg.connect(self.database_url.replace("+asyncpg", ""))
        try:
            tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
            rows = [row for table in tables for row in await connection.fetch(f"select * from {table[0]}")]  # noqa: S608
        finally:
            await connection.close()
        return "\n".join(str(value) for row in rows for value in row.values())

    async def timeline(self, invoice_id: str) -> list[Recorded]:
        """All facts of a document."""
        return await self.log.timeline(CONNECTION, invoice_id)


async def eventually(check: Callable[[], Awaitable[bool]], *, seconds: float, what: str) -> None:
    """Wait until the check holds."""
    for _ in range(int(seconds / 0.1)):
        if await check():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


def environment(folder: Path, nats_url: str, database_url: str, keys: str) -> dict[str, str]:
    """What every service is started with."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLC_") or name == "MLC_CI_RUN"},
        "MLC_NATS_URL": nats_url,
        "MLC_DATABASE_URL": database_url,
        "MLC_MASTER_KEYS": keys,
        **{f"MLC_TIMINGS__{name.upper()}": value for name, value in TIMINGS.items()},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, module_broker: Any, postgres: Any) -> AsyncIterator[System]:
    """The product, started once for all tests: killing and restarting its parts is what they do to it."""
    async with started(tmp_path_factory.mktemp("system"), module_broker, postgres) as made:
        yield made


@asynccontextmanager
async def started(
    folder: Path,
    broker: Any,
    postgres: Any,
    *,
    services: Sequence[str] = SERVICES,
    variables: Mapping[str, str] | None = None,
    **sections: Any,
) -> AsyncIterator[System]:
    """These services, with more variables and more sections of the connection than the usual ones."""
    keys = MasterKeys.generate_line("k1")
    database_url = postgres.url(await postgres.create("mlc_template"))
    base = environment(folder, broker.url, database_url, keys) | dict(variables or {})
    sandbox = Process([sys.executable, "-m", "mlc_sandbox.serve"], base, folder / "sandbox.log")
    sandbox.start()
    client = await nats.connect(broker.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    async with httpx.AsyncClient(timeout=30) as http:
        await declare(client, Settings())
        urls = await _first_line(folder / "sandbox.log")
        made = System(folder, broker, EventLog(client, timeout=5), http, urls["basware"], urls["epicor"], database_url)
        await _connect(made, client, database_url, MasterKeys.parse(SecretStr(keys)), sections)
        for service in services:
            own = base | {
                "MLC_PORT_FILE": str(folder / f"{service}.port"),
                "MLC_PUBLIC_PORT_FILE": str(folder / f"{service}.public.port"),
            }
            program = str(Path(sys.executable).parent / service)
            made.services[service] = Process([program], own, folder / f"{service}.log")
            made.services[service].start()
        try:
            await made.ready()
            yield made
        finally:
            for process in (*made.services.values(), sandbox):
                process.kill()
            await client.close()


@pytest_asyncio.fixture(loop_scope="module")
async def system(running: System) -> System:
    """The product, ready and without faults; what an earlier test killed is started again."""
    for service, process in running.services.items():
        if process.running is None:
            running.restart(service)
    for side in ("basware", "epicor"):
        await running.http.delete(f"{running.control(side)}/_sandbox/faults")
    await running.ready()
    return running


async def _connect(
    made: System, client: Client, database_url: str, keys: MasterKeys, sections: Mapping[str, Any]
) -> None:
    engine = make_engine(database_url)
    now = datetime.now(UTC)
    document = connection_document(made.basware, made.epicor, cap=8, **sections)
    await apply(engine, document, by="test", now=now)
    for name, value in CREDENTIALS.items():
        secrets = [SecretStr(value)]
        await set_credential(engine, keys, connection=CONNECTION, field=name, values=secrets, by="test", now=now)
    await declare_connection(client, CONNECTION, ack_wait=float(TIMINGS["ack_wait"]))
    await engine.dispose()


async def _first_line(log: Path) -> dict[str, str]:
    for _ in range(200):
        for line in log.read_text().splitlines():
            if line.startswith("{"):
                urls: dict[str, str] = json.loads(line)
                return urls
        await asyncio.sleep(0.1)
    pytest.fail(f"the sandbox did not start: {log.read_text()}")
