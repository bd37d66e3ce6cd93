"""Takes up anew what stopped on its way to Basware, because somebody asked for it."""

from __future__ import annotations

from dataclasses import replace

from basware_reader.answering import on_outcome
from basware_reader.handlers import Reader, read_document
from mlc_common.connection import ConnectionDocument
from mlc_common.events import DocumentApproved, InvoicePosted, InvoiceRefused, Outcome, ReplayRequested
from mlc_common.retries import Delivery


async def on_outcome_or_replay(
    reader: Reader, document: ConnectionDocument, event: Outcome | ReplayRequested, delivery: Delivery
) -> None:
    """Answer an outcome; of a replay the recorded one, and without a record, or when asked, read the document.

    Raises:
        TransientError, PermanentError: as `on_outcome` and `read_document`.
    """
    if not isinstance(event, ReplayRequested):
        await on_outcome(reader, document, event, delivery)
        return
    history = [recorded.event for recorded in await reader.log.history(event.connection, event.invoice_id)]
    for each in history:
        if isinstance(each, InvoicePosted | InvoiceRefused) and each.attempt == event.attempt:
            # The answer may have been given before: the document is looked at first, as at a second try.
            await on_outcome(reader, document, each, replace(delivery, tries=max(delivery.tries, 2)))
    if event.read_again or not any(isinstance(each, DocumentApproved) for each in history):
        await read_document(reader, event.invoice_id, seen_by="sweep", cause=event.id)
