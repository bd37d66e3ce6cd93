"""Messages that nobody could handle, as `mlc_common.retries` buried them: what they were, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mlc_common.attachment_events import FactOfAttachment
from mlc_common.events import Event, InvoicePosted, InvoiceRefused, NotificationReceived, Redelivery
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import DEADLETTERS
from operator_console.stream_reader import Read, StreamReader
from operator_console.view import DocumentStatus, stuck

BATCH = 200


@dataclass(frozen=True)
class DeadLetter:
    """One buried message: its own place, the durable that gave up, the message's former place, and the failure.

    `connection` and `document` are None when this version does not understand the message; `stored_at` is the stream's
    own time; `version` that of the program that gave up.
    """

    sequence: int
    buried_at: datetime
    durable: str
    stream: str
    stream_sequence: int
    subject: str
    tries: int
    failure_class: str
    failure: str
    connection: str | None
    document: str | None
    stored_at: datetime | None = None
    version: str | None = None

    @property
    def service_durable(self) -> str:
        """The durable without its connection: `epicor-writer`, `basware-answers`, ..."""
        return self.durable.partition("_")[0]


def dead_letter(read: Read) -> DeadLetter:
    """A buried message from its headers.

    Where the buried message says itself that another one is handed out again, the letter is about that one.
    """
    headers: Mapping[str, str] = read.headers
    again = read.event.sequence if isinstance(read.event, Redelivery) else None
    return DeadLetter(
        sequence=read.sequence,
        buried_at=datetime.fromisoformat(headers.get("Buried-At") or headers["Nats-Time-Stamp"]),
        durable=headers.get("Durable", ""),
        stream=headers.get("Stream", ""),
        stream_sequence=again or int(headers.get("Sequence", 0)),
        subject=headers.get("Subject", ""),
        tries=int(headers.get("Tries", 0)),
        failure_class=headers.get("Failure-Class", ""),
        failure=headers.get("Failure", ""),
        connection=read.event.connection if read.event else None,
        document=_document(read.event),
        stored_at=datetime.fromisoformat(headers["Nats-Time-Stamp"]),
        version=headers.get("Code-Version"),
    )


def _document(event: Event | None) -> str | None:
    match event:
        case NotificationReceived():
            return event.document_id
        case FactOfDocument():
            return event.invoice_id
        case _:
            return None


def marked(state: DocumentStatus, read: Read) -> DocumentStatus:
    """The document's state with what the dead letter says about it; see `view.stuck`."""
    match read.event:
        case FactOfAttachment():
            return state
        case FactOfDocument() as event:
            letter = dead_letter(read)
            reason = f"{letter.failure} ({letter.durable} gave up: dead letter {letter.sequence})"
            outcome = isinstance(event, InvoicePosted | InvoiceRefused)
            return stuck(state, attempt=event.attempt, outcome=outcome, reason=reason, at=letter.buried_at)
        case _:
            return state


async def buried(reader: StreamReader) -> list[Read]:
    """Everything in the stream of dead letters.

    Raises:
        TransientError: the broker is away.
    """
    found: list[Read] = []
    while batch := await reader.after(DEADLETTERS, found[-1].sequence if found else 0, most=BATCH):
        found += batch
    return found
