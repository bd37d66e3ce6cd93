"""Erases the personal data of a document for good, on request; the log keeps its bytes, and the chain stays valid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlc_common.document_keys import DocumentKeys
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, DocumentErased
from mlc_common.settings import Settings
from operator_console import document_commands
from operator_console.connection_commands import operator
from operator_console.document_commands import Shown
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker
from operator_console.view import DocumentStatus, Phase

ENDED = frozenset({Phase.ANSWER_REJECTED, Phase.UNDELIVERED})


@dataclass(frozen=True)
class Erasure:
    """What was done; `already` when nothing was left to erase."""

    connection: str
    invoice_id: str
    already: bool = False


async def erase(settings: Settings, document: str, *, connection: str | None, reason: str) -> Erasure:
    """Record the erasure, then destroy the document's key. Cut off in between, it is simply done again.

    Raises:
        CommandError: there is no such document, it is still being worked on, or its data was never sealed.
    """
    shown = await document_commands.shown(settings, document, connection=connection)
    status = shown.status
    if not status.answered and status.phase not in ENDED:
        raise CommandError(
            f"Document {status.invoice_id} is still being worked on ({status.phase}); erase it when it is done.",
            code=Exit.REFUSED,
        )
    timeout = settings.timings.publish
    async with broker(settings) as client:
        keys = DocumentKeys(client, timeout=timeout)
        key_id = await keys.key_id(status.connection, status.invoice_id)
        if key_id is None:
            return _nothing_left(shown)
        await EventLog(client, timeout=timeout).append(_fact(status, key_id, reason))
        await keys.destroy(status.connection, status.invoice_id)
    return Erasure(status.connection, status.invoice_id)


def _fact(status: DocumentStatus, key_id: str, reason: str) -> DocumentErased:
    return DocumentErased(
        connection=status.connection,
        invoice_id=status.invoice_id,
        attempt=key_id,
        at=datetime.now(UTC),  # the edge: a person acts now
        by=operator(),
        reason=reason,
    )


def _nothing_left(shown: Shown) -> Erasure:
    status, facts = shown.status, [each.event for each in shown.timeline]
    if any(isinstance(each, DocumentErased) for each in facts):
        return Erasure(status.connection, status.invoice_id, already=True)
    if any(isinstance(each, DocumentApproved) and each.personal is None for each in facts):
        raise CommandError(
            f"Document {status.invoice_id} was recorded by a version that did not seal personal data yet; what stands "
            "in the stream cannot be erased.",
            code=Exit.REFUSED,
        )
    raise CommandError(f"Document {status.invoice_id} holds no personal data that is sealed.", code=Exit.USAGE)
