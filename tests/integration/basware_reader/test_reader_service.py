"""The whole service: as a task in this process, and as a process that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from basware_reader.app import wire
from basware_reader.approvals import to_approved
from basware_reader.locks import Locks, sweep_lock
from mlc_basware.documents import AccountingDocument
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.events import DocumentAcknowledged, InvoicePosted, NotificationReceived
from mlc_common.http import dump_json
from mlc_common.service import serve
from mlc_common.settings import Settings, Timings
from mlc_common.vault import MasterKeys
from mlc_sandbox.basware.settings import Delivery as Delivered

if TYPE_CHECKING:
    from .conftest import Eventually, Site

QUICK = Timings(
    sweep=0.3, retry_base=0.1, retry_ceiling=0.3, refresh=0.2, ack_wait=2, graceful=5, basware_read=5, basware_connect=2
)
Process = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """The emulator's clock is the real one here, as the service's is."""
    return lambda: datetime.now(UTC)


@pytest.fixture
async def settings(
    topology: str, database_url: str, engine: AsyncEngine, document: ConnectionDocument, tmp_path: Path
) -> Settings:
    line = MasterKeys.generate_line("k1")
    keys = MasterKeys.parse(SecretStr(line))
    await apply(engine, document, by="test", now=datetime.now(UTC))
    for field, value in (("client_id", "sandbox-client"), ("client_secret", "sandbox-only-secret")):
        await set_credential(
            engine,
            keys,
            connection=document.name,
            field=f"basware.{field}",
            values=[SecretStr(value)],
            by="test",
            now=datetime.now(UTC),
        )
    return Settings(
        nats_url=topology,
        database_url=SecretStr(database_url),
        master_keys=SecretStr(line),
        port_file=tmp_path / "port",
        timings=QUICK,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    service = asyncio.create_task(serve("basware-reader", settings, wire, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await service


def push(invoice_id: str) -> NotificationReceived:
    return NotificationReceived(
        connection="northwind",
        at=datetime.now(UTC),
        task_id=f"task-{invoice_id}",
        task_type="AccoutingDocuments",
        document_id=invoice_id,
        variant="body",
        digest="0" * 16,
        body="{}",
    )


def posted(invoice_id: str, attempt: str) -> InvoicePosted:
    return InvoicePosted(
        connection="northwind",
        at=datetime.now(UTC),
        invoice_id=invoice_id,
        attempt=attempt,
        connection_version=1,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num="INV-88214",
        group_id="B1122A",
        voucher="118822",
        total=Decimal("2684.60"),
        currency="USD",
        lines=2,
    )


async def test_pushed_and_forgotten_documents_are_read_and_their_outcomes_answered(
    site: Site, settings: Settings, eventually: Eventually
) -> None:
    site.fault("drop_after", "transferResponses", every=3, times=-1)
    pushed, forgotten = site.offer(6), site.offer(3)
    async with running(settings):
        for invoice_id in pushed:
            await site.log.append(push(invoice_id))

        async def acknowledged() -> bool:
            return all(document.status == "TransferInProgress" for document in site.world.documents.values())

        await eventually(acknowledged)
        for invoice_id in (*pushed, *forgotten):
            await site.log.append(posted(invoice_id, str(site.world.documents[invoice_id].batch)))

        async def answered() -> bool:
            return all(["answered" in await site.names(each) for each in (*pushed, *forgotten)])

        await eventually(answered)
        assert settings.port_file is not None
        address = f"http://127.0.0.1:{settings.port_file.read_text()}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            ready, metrics = await client.get("/readyz"), await client.get("/metrics")

    assert ready.status_code == 200, ready.text
    assert 'mlc_documents_unannounced_total{connection="northwind"}' in metrics.text
    for document in site.world.documents.values():
        assert (document.status, document.acknowledgements, len(document.answers)) == ("Transferred", 1, 1)
        names = set(await site.names(document.invoice_id)) - {"unconfirmed"}  # of an answer whose own answer was lost
        assert names == {"approved", "acknowledged", "posted", "answered"}


async def test_two_replicas_read_every_document_once(site: Site, settings: Settings, eventually: Eventually) -> None:
    ids = site.offer(12)
    async with running(settings), running(settings):
        for invoice_id in ids:
            await site.log.append(push(invoice_id))

        async def recorded() -> bool:
            return all([await site.names(each) == ["approved", "acknowledged"] for each in ids])

        await eventually(recorded)

    assert {document.acknowledgements for document in site.world.documents.values()} == {1}


async def test_a_sweep_another_replica_is_at_is_left_to_it(
    site: Site, settings: Settings, engine: AsyncEngine, eventually: Eventually
) -> None:
    (invoice_id,) = site.offer()
    async with Locks(engine).held(sweep_lock("northwind")) as ours:
        assert ours
        async with running(settings):
            await asyncio.sleep(1.5)
            assert await site.names(invoice_id) == []
    async with running(settings):

        async def recorded() -> bool:
            return await site.names(invoice_id) == ["approved", "acknowledged"]

        await eventually(recorded)


async def test_a_sweep_that_never_was_is_missed_and_counters_begin_at_nought(
    site: Site, settings: Settings, eventually: Eventually
) -> None:
    site.fault("status", "accountingDocuments", status=503, times=-1)
    before = datetime.now(UTC).timestamp()

    async def told() -> dict[str, float]:
        if not settings.port_file or not settings.port_file.exists() or not (port := settings.port_file.read_text()):
            return {}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            lines = (await client.get("/metrics")).text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    async with running(settings):

        async def running_for_it() -> bool:
            return (await told()).get('mlc_connection_running{connection="northwind"}') == 1

        await eventually(running_for_it)
        await asyncio.sleep(1)
        figures = await told()

    assert before < figures['mlc_sweep_last_timestamp_seconds{connection="northwind"}'] < before + 5
    expires = figures['mlc_token_expires_timestamp_seconds{connection="northwind",far_side="basware"}']
    assert expires > before
    for name in ("mlc_documents_unannounced_total", "mlc_drift_total"):
        assert figures[f'{name}{{connection="northwind"}}'] == 0


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> AbstractAsyncContextManager[Process]:
    """Starts the service as the console script does; what still runs at the end is killed."""
    environment = {
        "PATH": os.environ["PATH"],
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLC_MASTER_KEYS": settings.master_keys.get_secret_value() if settings.master_keys else "",
        "MLC_TIMINGS__DELIVERY_PAUSES": "[0.5]",
        "MLC_TIMINGS__ATTACHMENT_PAUSES": "[0.3]",
        "MLC_LOG_LEVEL": "debug",
    } | {f"MLC_TIMINGS__{name.upper()}": str(getattr(QUICK, name)) for name in QUICK.model_fields_set}

    @asynccontextmanager
    async def started() -> AsyncIterator[Process]:
        running: list[subprocess.Popen[bytes]] = []

        def start() -> subprocess.Popen[bytes]:
            with (tmp_path / f"log-{len(running)}").open("wb") as output:
                program = Path(sys.executable).parent / "basware-reader"
                running.append(subprocess.Popen([program], env=environment, stdout=output, stderr=output))
            return running[-1]

        try:
            yield start
        finally:
            for process in running:
                process.kill()
                process.wait()

    return started()


async def test_a_reader_killed_before_the_acknowledge_finishes_after_its_restart(
    site: Site, processes: AbstractAsyncContextManager[Process], eventually: Eventually, tmp_path: Path
) -> None:
    (invoice_id,) = site.offer()
    site.fault("delay", "acknowledge", seconds=60)
    await site.log.append(push(invoice_id))
    async with processes as start:
        first = start()

        async def approved() -> bool:
            return await site.names(invoice_id) == ["approved"]

        await eventually(approved)
        first.kill()
        first.wait()
        second = start()

        async def recorded() -> bool:
            return await site.names(invoice_id) == ["approved", "acknowledged"]

        await eventually(recorded)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(second.wait, 15) == 0

    assert "sandbox-only-secret" not in "".join(path.read_text() for path in tmp_path.glob("log-*"))
    assert site.world.documents[invoice_id].status == "TransferInProgress"


async def test_a_reader_killed_while_it_follows_an_answer_goes_on_after_its_restart(
    site: Site, processes: AbstractAsyncContextManager[Process], eventually: Eventually
) -> None:
    behaviour = Delivered(unknown_for=600)
    site.world.settings = site.world.settings.model_copy(update={"delivery": behaviour})
    (invoice_id,) = site.offer()

    def there(fact: str) -> Callable[[], Awaitable[bool]]:
        async def holds() -> bool:
            return fact in await site.names(invoice_id)

        return holds

    async with processes as start:
        first = start()
        await eventually(there("acknowledged"))
        await site.log.append(posted(invoice_id, str(site.world.documents[invoice_id].batch)))
        await eventually(there("answered"))

        async def looked() -> bool:
            return any("requestStatus" in call["path"] for call in site.world.calls.log)

        await eventually(looked)
        first.kill()
        first.wait()
        site.world.settings = site.world.settings.model_copy(update={"delivery": Delivered()})
        start()
        await eventually(there("delivered"))

    assert len(site.world.documents[invoice_id].answers) == 1


async def test_the_deadline_of_a_transfer_outlives_the_reader_and_is_answered_once(
    site: Site, processes: AbstractAsyncContextManager[Process], eventually: Eventually
) -> None:
    (invoice_id,) = site.offer()
    document = site.world.documents[invoice_id]
    text = dump_json(document.body).decode()
    parsed, yesterday = AccountingDocument.parse(text), datetime.now(UTC) - timedelta(hours=23)
    common = {"attempt": str(document.batch), "connection": "northwind", "at": yesterday}
    await site.log.append(to_approved(text, parsed, seen_by="push", **common))
    await site.log.append(DocumentAcknowledged(invoice_id=invoice_id, **common))
    document.move("TransferInProgress", at=yesterday)

    async def told() -> bool:
        return "interim" in await site.names(invoice_id)

    async with processes as start:
        first = start()
        await eventually(told)
        first.kill()
        first.wait()
        start()
        reads = site.world.calls.total

        async def swept_again() -> bool:
            return site.world.calls.total > reads + 12

        await eventually(swept_again)

    assert (await site.names(invoice_id)).count("interim") == 1
    (answer,) = document.answers
    assert not answer["success"]
    assert document.status == "TransferFailed"
