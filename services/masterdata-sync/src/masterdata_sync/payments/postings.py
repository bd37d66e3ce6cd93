"""The posted facts of a connection, read from the stream by sequence: which document an AP invoice is."""

from __future__ import annotations

import json

import structlog
from nats.aio.client import Client

from mlc_common.eventlog import BROKER_AWAY, EventLog
from mlc_common.events import InvoicePosted
from mlc_common.failures import PermanentError, TransientError
from mlc_common.streams import DOCUMENTS, token

log = structlog.stdlib.get_logger(__name__)

END = frozenset({"204", "404"})


async def posted_after(
    nats: Client, events: EventLog, connection: str, sequence: int, *, most: int, timeout: float
) -> tuple[list[InvoicePosted], int]:
    """At most so many posted facts that follow a sequence, and the sequence of the last one.

    Raises:
        TransientError: the broker is away.
    """
    subject = f"documents.{token(connection)}.*.{InvoicePosted.fact}.*"
    request = {"seq": sequence + 1, "next_by_subj": subject, "batch": most}
    inbox = nats.new_inbox()
    found: list[InvoicePosted] = []
    try:
        subscription = await nats.subscribe(inbox)
        try:
            await nats.publish(f"$JS.API.DIRECT.GET.{DOCUMENTS}", json.dumps(request).encode(), reply=inbox)
            while (message := await subscription.next_msg(timeout=timeout)).headers is not None:
                if (status := message.headers.get("Status")) in END:
                    return found, sequence
                if status is not None:
                    raise TransientError(f"The event stream answered {status} when posted invoices were read.")
                sequence = int(message.headers["Nats-Sequence"])
                try:
                    event = await events.resolve(message)
                except PermanentError as unknown:
                    log.warning("event_not_understood", sequence=sequence, why=str(unknown))
                    continue
                if isinstance(event, InvoicePosted):
                    found.append(event)
            raise TransientError("The event stream answered without headers.")
        finally:
            await subscription.unsubscribe()
    except BROKER_AWAY as error:
        raise TransientError("The event stream does not answer.") from error
