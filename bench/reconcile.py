"""How long a reconciliation of a month takes, and how much memory: the command itself, with its default rates."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from bench import month
from bench.figure import Figure
from bench.place import SEGMENTS, Say, _thrown_away, until
from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.database import make_engine
from mlc_common.events import (
    AnswerDelivered,
    DocumentAcknowledged,
    DocumentApproved,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
    PostingIntended,
)
from mlc_common.settings import Settings
from mlc_common.stored_event import StoredEvent
from mlc_common.streams import DOCUMENTS
from mlc_common.topology import declare
from mlc_sandbox.exact_json import dumps
from mlc_sandbox.samples import bulk_invoices
from operator_console import connection_commands, credential_commands, site
from operator_console.data_folder import DataFolder, free_port
from operator_console.demo_scenario import CREDENTIALS
from operator_console.projector import NAME
from operator_console.reach import broker

INVOICES = 50_000
NAMED = "bench"
AT = datetime(2026, 10, 31, 11, 0, tzinfo=UTC)
FILL = text("""
    INSERT INTO document_status (connection, invoice_id, attempt, phase, company, supplier_code, supplier_name,
        invoice_number, currency, gross, invoice_date, epicor_company, vendor_num, epicor_invoice, group_id, voucher,
        batch, orders, answered, first_seen, last_change, last_sequence)
    SELECT 'bench', md5(n::text), 'b' || n, CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'posted' END, 'US01',
        (10000 + n % 400)::text, 'A supplier of office things', 'INV-' || n, 'USD', (100 + n % 100000) / 100.0,
        DATE '2026-10-01' + n % 31, 'NWM', 1 + n % 400, 'INV-' || n, 'B2610010', 'B2610010', 'b' || n, '{}', true,
        :at, :at, n
    FROM generate_series(0, :last) AS n
""")


async def measure(runs: int, say: Say) -> list[Figure]:
    """Seconds and megabytes of `ml-connector reconcile` over 50,000 invoices; it must find each seeded break."""
    took, peak = [], []
    with _thrown_away() as root:
        folder = DataFolder(root)
        folder.logs.mkdir(parents=True)
        options = site.Options(port=0, services=())
        port = free_port()
        async with site.running(folder, options, say=say) as here:
            with _far_sides(port), _broker(root) as nats_url:
                settings = here.settings.model_copy(
                    update={"nats_url": nats_url, "nats_user": None, "nats_password": None}
                )
                await _fill(settings, port, say)
                for number in range(1, runs + 1):
                    say(f"reconciling {INVOICES:,} invoices, run {number} of {runs}")
                    seconds, megabytes = await asyncio.to_thread(_run, settings, folder)
                    took.append(seconds)
                    peak.append(megabytes)
    what = f"a month of {INVOICES:,} invoices reconciled, Basware at 5 calls a second"
    return [Figure(what, "s", took), Figure("its peak memory", "MB", peak)]


@contextmanager
def _broker(root: Path) -> Iterator[str]:
    """A broker that is filled quickly: it is read here, and what it would sync to disk first is not measured."""
    port, settings = free_port(), root / "fast.conf"
    settings.write_text(f'listen: "127.0.0.1:{port}"\nmax_payload: 1MB\njetstream {{ store_dir: "{root / "fast"}" }}\n')
    process = subprocess.Popen([Path(sys.executable).parent / "nats-server", "-c", settings], stderr=subprocess.DEVNULL)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _far_sides(port: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "bench.month", str(INVOICES), str(port)], stdout=subprocess.PIPE)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def _fill(settings: Settings, port: int, say: Say) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:

        async def answers() -> str | None:
            try:
                return (await http.post(f"http://127.0.0.1:{port}/v1/tokens")).text
            except httpx.TransportError:
                return None

        await until(answers, what="the far sides answer")
    document = ConnectionDocument.model_validate(
        {
            "name": NAMED,
            "basware": {"base_url": f"http://127.0.0.1:{port}"},
            "epicor": {"base_url": f"http://127.0.0.1:{port}/erp"},
            "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS}],
        }
    )
    now = datetime.now(UTC)
    async with broker(settings) as client:
        await declare(client, settings)
    await connection_commands.apply(settings, document, by="bench", now=now)
    values = {field: [SecretStr(value)] for field, value in CREDENTIALS.items()}
    await credential_commands.store(settings, NAMED, values, by="bench", now=now)
    say(f"filling in {INVOICES:,} documents and their facts")
    last = await _facts(settings)
    engine = make_engine(settings.database_url, pool_size=1)
    async with engine.begin() as db:
        await db.execute(FILL, {"last": INVOICES - 1, "at": AT})
        await db.execute(
            text("INSERT INTO projection_positions (name, stream, position, updated_at) VALUES (:n, :s, :p, :at)"),
            {"n": NAME, "s": DOCUMENTS, "p": last, "at": AT},
        )
    async with engine.connect() as db:
        await db.execution_options(isolation_level="AUTOCOMMIT")
        await db.execute(text("VACUUM ANALYZE document_status"))
    await engine.dispose()


async def _facts(settings: Settings) -> int:
    """Store what happened to every document; returns the last sequence."""
    body = dumps(bulk_invoices(1, seed=9)[0])
    stored = 0
    async with broker(settings) as client:
        js = client.jetstream(timeout=60)
        for number in range(INVOICES):
            for event in _history(number, body):
                await client.publish(event.subject, event.to_json())
                stored += 1
            if number % 200 == 0:
                await client.flush(timeout=60)
        await client.flush(timeout=60)

        async def all_stored() -> str | None:
            return "yes" if (await js.stream_info(DOCUMENTS)).state.messages >= stored else None

        await until(all_stored, what="every fact is stored", within=600)
        return int((await js.stream_info(DOCUMENTS)).state.last_seq)


def _history(number: int, body: str) -> Iterator[StoredEvent]:
    common: dict[str, Any] = {
        "connection": NAMED, "at": AT, "invoice_id": month.invoice_id(number), "attempt": f"b{number}",
    }  # fmt: skip
    total = month.gross(number)
    epicor = {"company": "NWM", "vendor_num": 1 + number % month.VENDORS, "vendor_id": "1", "group_id": "B2610010"}
    yield DocumentApproved(
        **common, seen_by="push", status="WaitingForTransfer", company_code="US01", supplier_code="1", currency="USD",
        gross=total, document=body,
    )  # fmt: skip
    yield DocumentAcknowledged(**common)
    if month.is_refused(number):
        reason = finding("UNKNOWN_VENDOR", vendor="1", company="NWM")
        yield InvoiceRefused(**common, connection_version=1, findings=(reason,))
    else:
        name = f"INV-{number}"
        yield PostingIntended(
            **common, **epicor, number=1, connection_version=1, invoice_num=name, total=total, digest="d" * 64
        )
        yield InvoicePosted(
            **common, **epicor, connection_version=1, invoice_num=name, voucher="B2610010", total=total, currency="USD",
            lines=2,
        )  # fmt: skip
    success = not month.is_refused(number)
    yield OutcomeAnswered(**common, external_code=month.CODE, success=success, message="said", request_id="r")
    yield AnswerDelivered(**common, external_code=month.CODE, request_id="r")


def _run(settings: Settings, folder: DataFolder) -> tuple[float, float]:
    """The command as a process of its own; its time and peak memory."""
    environment = os.environ | {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLC_MASTER_KEYS_FILE": str(settings.master_keys_file),
    }
    program = Path(sys.executable).parent / "ml-connector"
    said = folder.logs / "reconcile.json"
    xlsx = folder.logs / f"{time.monotonic_ns()}.xlsx"
    command = [program, "reconcile", "--from", "2026-10-01", "--to", "2026-10-31", "--json", "--xlsx", xlsx]
    started = time.perf_counter()
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, env=environment, cwd=folder.logs)
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    (outcome,) = json.loads(said.read_text())
    expected = {"MISSING_IN_EPICOR": sum(month.is_missing(n) and not month.is_refused(n) for n in range(INVOICES))}
    if (outcome["invoices"], outcome["counts"], outcome["incomplete"]) != (INVOICES, expected, []):
        raise RuntimeError(f"It found {outcome['counts']} in {outcome['invoices']} invoices, {outcome['incomplete']}.")
    return seconds, used.ru_maxrss / 1024
