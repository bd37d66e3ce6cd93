"""Invoices that the product itself has posted and answered, in both emulators' books; then everything stands still."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.eventlog import EventLog
from mlc_common.settings import Settings
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys
from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.basware.world import Document
from mlc_sandbox.epicor import EpicorWorld, Invoice
from mlc_sandbox.samples import bad_invoices, bulk_invoices
from mlc_sandbox.serve import running
from operator_console.reconciliation.command import Asked, reconcile
from operator_console.reconciliation.run import Outcome

KEYS = MasterKeys.generate_line("k1")
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
TIMINGS = {"SWEEP": "0.5", "RETRY_BASE": "0.1", "DELIVERY_PAUSES": "[0.2, 0.4]", "REFRESH": "0.5", "GRACEFUL": "5"}
GOOD, BAD = 24, 2
ASKED = Asked(first=date(2020, 1, 1), last=date(2035, 1, 1), quiet=timedelta(0), pauses=())


@dataclass
class Books:
    """Both far sides after the product has done its work, and how to compare them."""

    settings: Settings
    basware: BaswareWorld
    epicor: EpicorWorld
    log: EventLog
    environment: dict[str, str]
    folder: Path

    @property
    def ids(self) -> list[str]:
        """The posted documents, by number."""
        posted = [each for each in self.basware.documents.values() if each.status == "Transferred"]
        return [each.invoice_id for each in sorted(posted, key=lambda each: str(each.body["invoiceNumber"]))]

    def document(self, invoice_id: str) -> Document:
        """In Basware."""
        return self.basware.documents[invoice_id]

    def invoice(self, invoice_id: str) -> Invoice:
        """In Epicor."""
        (found,) = (each for each in self.epicor.invoices.values() if each.header["ExternalID"] == invoice_id)
        return found

    def rekey(self, invoice_id: str, **changes: Any) -> None:
        """Change an AP invoice's key in Epicor's database."""
        invoice = self.invoice(invoice_id)
        del self.epicor.invoices[invoice.key]
        invoice.header |= changes
        self.epicor.invoices[invoice.key] = invoice

    async def compared(self, **changes: Any) -> Outcome:
        """What a reconciliation finds."""
        asked = Asked(**{**vars(ASKED), **changes})
        (outcome,) = await reconcile(self.settings, asked, now=datetime.now(UTC))
        return outcome


@contextmanager
def at_work(program: str, environment: dict[str, str], log: Path) -> Any:
    """One of our programs, ended on leaving."""
    path = Path(sys.executable).parent / program
    with log.open("ab") as output:
        process = subprocess.Popen([path], env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def until(holds: Callable[[], bool], *, what: str) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not within 30 s: {what}")


def connection_document(basware: str, epicor: str) -> ConnectionDocument:
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
    return ConnectionDocument.model_validate(
        {
            "name": "demo",
            "basware": {"base_url": basware, "calls_per_second": 2000, "calls_in_flight": 8},
            "epicor": {"base_url": epicor, "calls_in_flight": 2},
            "payments": {"mode": "follow", "minutes": 0.01},
            "companies": [{"basware": b, "epicor": e, "currency": c, "segments": segments} for b, e, c in pairs],
        }
    )


@pytest_asyncio.fixture
async def books(topology: str, database_url: str, engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Books]:
    """A handful of invoices, posted, answered, their groups posted by AP; nothing runs any more."""
    basware, epicor = BaswareWorld(), EpicorWorld()
    client = await nats.connect(topology)
    now = datetime.now(UTC)
    async with running(basware_world=basware, epicor_world=epicor) as urls:
        await apply(engine, connection_document(urls.basware, urls.epicor), by="test", now=now)
        for field, value in CREDENTIALS.items():
            keys = MasterKeys.parse(SecretStr(KEYS))
            await set_credential(
                engine, keys, connection="demo", field=field, values=[SecretStr(value)], by="test", now=now
            )
        await declare_connection(client, "demo", ack_wait=10)
        defects = bad_invoices()
        bad = [defects["unknown_vendor"], defects["null_coding_rows"]]
        offered = basware.add([*bulk_invoices(GOOD, seed=5), *bad], at=now)
        environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith("MLC_") or name == "MLC_CI_RUN"
            },
            "MLC_NATS_URL": topology,
            "MLC_DATABASE_URL": database_url,
            "MLC_MASTER_KEYS": KEYS,
            **{f"MLC_TIMINGS__{name}": value for name, value in TIMINGS.items()},
        }
        ended = {"Transferred", "TransferFailed"}
        with (
            at_work("basware-reader", environment, tmp_path / "reader.log"),
            at_work("epicor-writer", environment, tmp_path / "writer.log"),
        ):
            await until(lambda: {each.status for each in offered} <= ended, what=f"all are answered; see {tmp_path}")
            await asyncio.sleep(1)  # the answers' deliveries are followed
        for company, group in list(epicor.groups):
            epicor.post_group(company, group)
        settings = Settings(
            nats_url=topology, database_url=SecretStr(database_url), master_keys=SecretStr(KEYS), _env_file=None
        )
        yield Books(settings, basware, epicor, EventLog(client, timeout=5), environment, tmp_path)
    await client.close()
