"""How long a search takes among a million documents, in the read model alone."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import text

from bench.figure import Figure
from bench.place import GATEWAY, Say, running
from mlc_common.database import make_engine
from operator_console.searching import Sought, question
from operator_console.view import DocumentStatus, Phase

DOCUMENTS = 1_000_000
FILL = text("""
    INSERT INTO document_status (connection, invoice_id, attempt, phase, company, supplier_code, invoice_number,
        currency, gross, group_id, voucher, reason_code, batch, orders, answered, first_seen, last_change,
        last_sequence)
    SELECT 'bench', md5(n::text), 'a' || n, CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'posted' END, 'US01',
        (10000 + n % 4000)::text, 'INV-' || n, 'USD', (n % 2000000) / 100.0, 'B' || n % 3650, 'V-' || n,
        CASE WHEN n % 50 = 0 THEN (ARRAY['UNKNOWN_VENDOR', 'DUPLICATE', 'NO_TOTAL'])[1 + n % 3] END, 'b' || n,
        ARRAY[(400000 + n % 300000)::text], true, to_timestamp(1700000000 + n * 30),
        to_timestamp(1700000000 + n * 30), n
    FROM generate_series(1, :documents) AS n
""")
SEARCHES = {
    "the whole number": Sought(number="inv-777777"),
    "the beginning of a number": Sought(number="INV-7777*"),
    "a beginning that all have": Sought(number="inv*"),
    "supplier": Sought(supplier="10042"),
    "amount": Sought(amount=Decimal("1234.56")),
    "purchase order": Sought(order="412345"),
    "batch": Sought(batch="b424242"),
    "voucher": Sought(voucher="V-31337"),
    "AP invoice group": Sought(voucher="B77"),
    "state": Sought(phase=Phase.REFUSED),
    "reason": Sought(reason="DUPLICATE"),
    "supplier, state and time": Sought(supplier="10050", phase=Phase.REFUSED, since=datetime(2024, 1, 1, tzinfo=UTC)),
    "nothing that is there": Sought(number="no-such-number"),
}


async def measure(runs: int, say: Say) -> list[Figure]:
    """Every kind of search, cold and then warm; the figure is the slowest of each run."""
    async with running(say, services=(GATEWAY,)) as place:
        engine = make_engine(place.here.settings.database_url, pool_size=1)
        say(f"filling in {DOCUMENTS:,} documents")
        async with engine.begin() as db:
            await db.execute(text("SET statement_timeout = 0"))
            await db.execute(FILL, {"documents": DOCUMENTS})
        async with engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            await db.execute(text("SET statement_timeout = 0"))
            await db.execute(text("VACUUM ANALYZE document_status"))
            took: dict[str, list[float]] = {name: [] for name in SEARCHES}
            for number in range(1, runs + 1):
                say(f"searching, run {number} of {runs}")
                for name, sought in SEARCHES.items():
                    started = time.perf_counter()
                    rows = (await db.execute(question(sought, limit=50))).mappings().all()
                    found = [DocumentStatus.of(row) for row in rows]
                    took[name].append((time.perf_counter() - started) * 1000)
                    if bool(found) == name.startswith("nothing"):
                        raise RuntimeError(f"The search for {name} found {len(found)} documents.")
        await engine.dispose()
    return [Figure(f"a search among {DOCUMENTS:,} documents: {name}", "ms", each) for name, each in took.items()]
