"""The basware-reader: reads approved documents, acknowledges them, and tells Basware what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from basware_reader.attachment_fetching import Fetching, on_transferred
from basware_reader.deadlines import look_every
from basware_reader.deliveries import on_answered, on_push
from basware_reader.handlers import Reader
from basware_reader.locks import Locks
from basware_reader.payment_deliveries import on_payment, payment_ended
from basware_reader.replays import on_outcome_or_replay
from basware_reader.sweep import Sweeping, sweeping
from mlc_basware.client import open_client
from mlc_common.attachment_store import AttachmentStore
from mlc_common.connections import Connection
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import (
    answers_durable,
    attachments_durable,
    deliveries_durable,
    payments_durable,
    reader_durable,
)


async def wire(runtime: Runtime) -> Wiring:
    """Everything this service does, for every connection."""
    timings = runtime.settings.timings
    locks = Locks(runtime.engine)
    store = AttachmentStore(runtime.nats, timeout=timings.publish)

    @asynccontextmanager
    async def reading(connection: Connection) -> AsyncIterator[None]:
        seen = runtime.metrics.gauges.basware_token(connection.name, runtime.now())
        async with open_client(connection, timings=timings, now=runtime.now, on_token=seen) as basware:
            reader = Reader(
                connection.name,
                basware,
                runtime.log,
                runtime.now,
                locks,
                connection.document,
                runtime.metrics,
                connection.paused,
            )
            sweeps = Sweeping(
                reader=reader,
                unannounced=runtime.metrics.unannounced,
                every=look_every(connection.document.basware.deadline, sweep=timings.sweep),
                at_once=connection.document.basware.calls_in_flight,
            )
            about_payment = partial(payment_ended, reader, timings)
            fetch = partial(on_transferred, Fetching(reader, store, timings))
            consumed = (
                (reader_durable, partial(on_push, reader, runtime.metrics.deliveries, also=about_payment), None),
                (answers_durable, partial(on_outcome_or_replay, reader, connection.document), None),
                (deliveries_durable, partial(on_answered, reader, timings, runtime.metrics.deliveries), None),
                (payments_durable, partial(on_payment, reader, timings), None),
                (attachments_durable, fetch, 1),
            )
            async with AsyncExitStack() as running:
                for durable_of, handler, workers in consumed:
                    durable = durable_of(connection.name)
                    if durable.flow not in connection.paused:
                        await running.enter_async_context(runtime.consuming(durable, handler, workers=workers))
                await running.enter_async_context(sweeping(sweeps))
                yield

    return Wiring(per_connection=reading)


def main() -> None:
    """Run the service until it is told to stop."""
    run("basware-reader", wire)
