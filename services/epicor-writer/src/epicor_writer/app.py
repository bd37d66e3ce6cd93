"""epicor-writer: approved accounting documents become AP invoices. The wiring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from epicor_writer.attaching import AttachmentDesk
from epicor_writer.attachment_inbox import AttachmentInbox
from epicor_writer.far_side import far_side
from epicor_writer.groups import sharing
from epicor_writer.inbox import Inbox
from mlc_common.attachment_store import AttachmentStore
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import attaching_durable, writer_durable
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


async def wire(runtime: Runtime) -> Wiring:
    """One worker per connection: its client, its slots, its readers."""
    store = AttachmentStore(runtime.nats, timeout=runtime.settings.timings.publish)

    @asynccontextmanager
    async def worker(connection: Connection) -> AsyncIterator[None]:
        if Flow.POSTING in connection.paused:
            yield
            return
        for name in sharing(connection.document, (each.document for each in runtime.connections.current().values())):
            log.error("group_prefix_shared", connection=connection.name, other=name)
        cap = connection.document.epicor.calls_in_flight
        engine = make_engine(runtime.settings.database_url, pool_size=cap, application_name="epicor-writer slots")
        try:
            gauges = runtime.metrics.gauges
            left_locked = runtime.metrics.group_unlock_failures.labels(connection=connection.name)
            opened = far_side(
                connection,
                runtime.settings.timings,
                learn=runtime.redactor.learn,
                on_left_locked=left_locked.inc,
                on_token=gauges.epicor_token(connection.name, runtime.now),
            )
            async with opened as epicor:
                slots = Slots(engine, connection.name, cap=cap, held=gauges.epicor_slots(connection.name, cap))
                inbox = Inbox(runtime, connection, ledger=epicor.ledger, slots=slots)
                desk = AttachmentDesk(
                    rules=connection.document.attachments,
                    epicor=epicor.attachments,
                    ledger=epicor.ledger,
                    store=store,
                    log=runtime.log,
                    timings=runtime.settings.timings,
                    now=runtime.now,
                )
                async with (
                    runtime.consuming(writer_durable(connection.name), inbox, workers=cap),
                    runtime.consuming(attaching_durable(connection.name), AttachmentInbox(desk, slots), workers=1),
                ):
                    yield
        finally:
            await engine.dispose()

    return Wiring(per_connection=worker)


def main() -> None:
    """The console script."""
    run("epicor-writer", wire)
