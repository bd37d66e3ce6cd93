"""How many events a second a rebuild of the read model folds, from the first message on into an empty database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, select

from bench.figure import Figure
from bench.floor_read import read_all
from bench.place import CONNECTION, GATEWAY, Place, Say, running
from mlc_common.database import make_engine
from mlc_common.eventlog import EventLog
from mlc_common.events import (
    AnswerDelivered,
    DocumentAcknowledged,
    DocumentApproved,
    Event,
    InvoicePosted,
    OutcomeAnswered,
    PostingIntended,
)
from mlc_common.http import dump_json
from mlc_common.streams import DOCUMENTS
from mlc_common.tables import document_status
from mlc_sandbox.samples import bulk_invoices
from operator_console.rebuilding import rebuild
from operator_console.stream_reader import StreamReader

INVOICES = 8_000
AT_ONCE = 200


async def measure(runs: int, say: Say) -> list[Figure]:
    """Record the lives of invoices, then fold them anew; the floor reads the same messages and folds nothing."""
    async with running(say, services=(GATEWAY,)) as place:
        say(f"recording {INVOICES:,} invoices of six facts")
        await record(place, INVOICES)
        log = EventLog(place.nats, timeout=30)
        reader = StreamReader(place.nats, log, timeout=30)
        engine = make_engine(place.here.settings.database_url, pool_size=2)
        rates, floors = list[float](), list[float]()
        for number in range(1, runs + 1):
            say(f"rebuilding, run {number} of {runs}")
            async with engine.begin() as db:
                await db.execute(delete(document_status))
            started = time.perf_counter()
            read = await read_all(place.nats, DOCUMENTS)
            floors.append(read / (time.perf_counter() - started))
            started = time.perf_counter()
            done = await rebuild(engine, reader, now=lambda: datetime.now(UTC))
            rates.append(done.messages / (time.perf_counter() - started))
            async with engine.connect() as db:
                rows = await db.scalar(select(func.count()).select_from(document_status).filter_by(phase="posted"))
            if (done.messages, rows) != (read, INVOICES):
                raise RuntimeError(f"The rebuild folded {done.messages} of {read} messages into {rows} rows.")
        await engine.dispose()
    return [Figure("events folded by a rebuild of document-status", "1/s", rates, floors)]


async def record(place: Place, invoices: int, *, seed: int = 5) -> None:
    """Record the facts of so many invoices that went well; of others for each seed."""
    log = EventLog(place.nats, timeout=30)
    bodies = iter(bulk_invoices(invoices, seed=seed))
    while some := list(islice(bodies, AT_ONCE)):
        for facts in zip(*(_life(body) for body in some), strict=True):
            await asyncio.gather(*(log.append(fact) for fact in facts))


def _life(body: dict[str, Any]) -> Sequence[Event]:
    """The facts of an invoice that went well."""
    common: dict[str, Any] = {
        "connection": CONNECTION,
        "at": datetime.now(UTC),
        "invoice_id": body["invoiceId"],
        "attempt": "a1",
    }
    placed = {
        "connection_version": 1,
        "company": "NWM",
        "vendor_num": 101,
        "vendor_id": body["supplierCode"],
        "invoice_num": body["invoiceNumber"],
        "group_id": "B1",
        "total": Decimal("10.10"),
    }
    told = {"external_code": "x", "success": True, "message": "posted"}
    return (
        DocumentApproved(
            **common,
            seen_by="push",
            status=body["processingStatus"],
            company_code=body["companyCode"],
            supplier_code=body["supplierCode"],
            invoice_number=body["invoiceNumber"],
            currency=body["currencyCode"],
            document=dump_json(body).decode(),
        ),
        DocumentAcknowledged(**common),
        PostingIntended(**common, **placed, number=1, digest="d"),
        InvoicePosted(**common, **placed, voucher="V1", currency="USD", lines=2),
        OutcomeAnswered(**common, **told),
        AnswerDelivered(**common, external_code="x", request_id="r1"),
    )
