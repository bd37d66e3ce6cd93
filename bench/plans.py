"""How long a changed mapping takes to be rehearsed against ten thousand recorded invoices."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from bench.figure import Figure
from bench.place import CONNECTION, GATEWAY, Place, Say, document, running, until
from mlc_common.database import make_engine
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved
from mlc_common.http import dump_json
from mlc_common.projections import position
from mlc_common.streams import DOCUMENTS
from mlc_sandbox.samples import bulk_invoices
from operator_console.plan_commands import of_recorded
from operator_console.projector import NAME
from operator_console.searching import Sought
from operator_console.selecting import Selection

INVOICES = 10_000
AT_ONCE = 200


async def measure(runs: int, say: Say) -> list[Figure]:
    """Record the invoices, then rehearse a mapping that changes all of them."""
    async with running(say, services=(GATEWAY, "operator-console")) as place:
        say(f"recording {INVOICES:,} invoices")
        await _record(place)
        mapping = document(place.ports)
        posting = mapping.posting.model_copy(update={"description": "{invoiceNumber} {supplierName}"})
        mapping = mapping.model_copy(update={"posting": posting})
        took = []
        for number in range(1, runs + 1):
            say(f"rehearsing, run {number} of {runs}")
            started = time.perf_counter()
            counts: Counter[str] = Counter()
            async for each in of_recorded(place.here.settings, Selection(Sought()), mapping=mapping):
                counts[each.change] += 1
            took.append(time.perf_counter() - started)
            if counts != {"changed": INVOICES}:
                raise RuntimeError(f"The rehearsal came to {dict(counts)}.")
    return [Figure(f"rehearsing a mapping against {INVOICES:,} recorded invoices", "s", took)]


async def _record(place: Place) -> None:
    log = EventLog(place.nats, timeout=10)
    bodies = iter(bulk_invoices(INVOICES, seed=5))
    while some := list(islice(bodies, AT_ONCE)):
        await asyncio.gather(*(log.append(_approved(body)) for body in some))
    last = (await place.nats.jetstream().stream_info(DOCUMENTS)).state.last_seq
    engine = make_engine(place.here.settings.database_url, pool_size=1)

    async def folded() -> str | None:
        async with engine.connect() as db:
            return "yes" if await position(db, NAME) >= last else None

    await until(folded, what="the read model holds them", within=120)
    await engine.dispose()


def _approved(body: dict[str, Any]) -> DocumentApproved:
    return DocumentApproved(
        connection=CONNECTION,
        at=datetime.now(UTC),
        invoice_id=body["invoiceId"],
        attempt="a1",
        seen_by="push",
        status=body["processingStatus"],
        company_code=body["companyCode"],
        supplier_code=body["supplierCode"],
        invoice_number=body["invoiceNumber"],
        currency=body["currencyCode"],
        document=dump_json(body).decode(),
    )
