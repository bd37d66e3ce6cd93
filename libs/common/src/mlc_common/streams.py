"""The topology as values: streams, subjects and durables. Pure; `topology.py` declares it, nobody else does."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from mlc_common.connection_flows import Flow

NOTIFICATIONS = "NOTIFICATIONS"
DOCUMENTS = "DOCUMENTS"
MASTERDATA = "MASTERDATA"
DEADLETTERS = "DEADLETTERS"
ANCHORS = "ANCHORS"
OPERATIONS = "OPERATIONS"
CLAIMS_BUCKET = "CLAIMS"
CLAIMS_STREAM = f"OBJ_{CLAIMS_BUCKET}"
"""What NATS calls the stream behind the object store."""
ATTACHMENTS_BUCKET = "ATTACHMENTS"
ATTACHMENTS_STREAM = f"OBJ_{ATTACHMENTS_BUCKET}"
DOCUMENT_KEYS = "DOCUMENT_KEYS"
"""Not one of `STREAMS`: what it holds can be destroyed, that is what it is for."""

LARGEST_MESSAGE = 512 * 1024
"""Bytes; a larger payload goes to the object store as a claim check."""

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_TOKEN = 120


@dataclass(frozen=True)
class Stream:
    """One stream of the event log; every one keeps its messages for ever and refuses deletion."""

    name: str
    subjects: tuple[str, ...]
    purpose: str


@dataclass(frozen=True)
class Durable:
    """One consumer that survives its readers; one per connection and job, so that no connection delays another.

    While people have paused its flow nobody reads it.
    """

    name: str
    stream: str
    subjects: tuple[str, ...]
    flow: Flow


STREAMS: tuple[Stream, ...] = (
    Stream(NOTIFICATIONS, ("notifications.>",), "pushes from Basware, as they came"),
    Stream(DOCUMENTS, ("documents.>",), "facts of accounting documents"),
    Stream(MASTERDATA, ("masterdata.>",), "facts of master records"),
    Stream(DEADLETTERS, ("deadletters.>",), "messages nobody could handle"),
    Stream(ANCHORS, ("anchors.>",), "signed anchors of the other streams' hash chains"),
    Stream(OPERATIONS, ("operations.>",), "what people did to whole connections"),
)
CHAINED: tuple[str, ...] = tuple(stream.name for stream in STREAMS if stream.name != ANCHORS)
"""The streams that have a hash chain."""


def token(text: str) -> str:
    """One subject token for any identifier: letters, digits, `-` and `_` stay, the rest becomes `=XX` of its UTF-8."""
    encoded = _NOT_PLAIN.sub(_escaped, text)
    if not encoded:
        return "="
    if len(encoded) > _LONGEST_TOKEN:
        return f"={hashlib.sha256(text.encode()).hexdigest()}"
    return encoded


def _escaped(character: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in character.group().encode())


def notification_subject(connection: str, task_id: str, digest: str) -> str:
    """The subject of one push: one per task and content, so that the stream refuses a second copy for ever."""
    return f"notifications.{token(connection)}.{token(task_id)}.{token(digest)}"


def document_subject(connection: str, invoice_id: str, fact: str, attempt: str) -> str:
    """The subject of one fact of one attempt of one accounting document."""
    return f"documents.{token(connection)}.{token(invoice_id)}.{fact}.{token(attempt)}"


def history_subject(connection: str, invoice_id: str) -> str:
    """The filter that holds everything known of one accounting document."""
    return f"documents.{token(connection)}.{token(invoice_id)}.>"


def masterdata_subject(connection: str, kind: str, company: str, code: str, fact: str) -> str:
    """The subject of one fact of one master record."""
    return f"masterdata.{token(connection)}.{kind}.{token(company)}.{token(code)}.{fact}"


def sync_subject(connection: str, request: str, fact: str) -> str:
    """The subject of one fact of a run that somebody asked for; a token shorter than those of records."""
    return f"masterdata.{token(connection)}.sync.{token(request)}.{fact}"


def operation_subject(connection: str, fact: str) -> str:
    """The subject of what people did to a connection as a whole."""
    return f"operations.{token(connection)}.{fact}"


def dead_letter_subject(durable: str) -> str:
    """Where the messages land that the durable's readers could not handle."""
    return f"deadletters.{token(durable)}"


def document_key_subject(connection: str, invoice_id: str) -> str:
    """Where the key stands that the personal data of one accounting document is sealed under."""
    return f"document_keys.{token(connection)}.{token(invoice_id)}"


def anchor_subject(stream: str, sequence: int) -> str:
    """Where the anchor of this stream at this sequence stands; one for ever."""
    return f"anchors.{stream}.{sequence}"


def anchors_subject(stream: str) -> str:
    """The filter that holds every anchor of this stream."""
    return f"anchors.{stream}.*"


def template_of(subject: str) -> str:
    """The subject without what it is about: few values, for spans."""
    match subject.split("."):
        case ["notifications", _, _, _]:
            return "notifications.{connection}.{task}.{digest}"
        case ["documents", _, _, fact, _]:
            return f"documents.{{connection}}.{{invoice}}.{fact}.{{attempt}}"
        case ["masterdata", _, "sync", _, fact]:
            return f"masterdata.{{connection}}.sync.{{request}}.{fact}"
        case ["masterdata", _, kind, _, _, fact]:
            return f"masterdata.{{connection}}.{kind}.{{company}}.{{code}}.{fact}"
        case ["operations", _, fact]:
            return f"operations.{{connection}}.{fact}"
        case ["deadletters", _]:
            return "deadletters.{durable}"
        case [first, *_]:
            return first
    return subject


def reader_durable(connection: str) -> Durable:
    """Pushes that the basware-reader follows up."""
    name = token(connection)
    return Durable(f"basware-reader_{name}", NOTIFICATIONS, (f"notifications.{name}.>",), Flow.INGEST)


def writer_durable(connection: str) -> Durable:
    """Approved accounting documents that the epicor-writer posts, and what people decided about them."""
    facts = ("approved", "released", "returned", "linked", "replayed")
    name = token(connection)
    return Durable(
        f"epicor-writer_{name}", DOCUMENTS, tuple(f"documents.{name}.*.{fact}.*" for fact in facts), Flow.POSTING
    )


def answers_durable(connection: str) -> Durable:
    """Outcomes that the basware-reader tells Basware, and transfers that are taken up anew."""
    name = token(connection)
    subjects = tuple(f"documents.{name}.*.{fact}.*" for fact in ("posted", "refused", "replayed"))
    return Durable(f"basware-answers_{name}", DOCUMENTS, subjects, Flow.ANSWERS)


def deliveries_durable(connection: str) -> Durable:
    """Answers whose arrival in Basware P2P the basware-reader follows."""
    name = token(connection)
    subjects = (f"documents.{name}.*.answered.*", f"documents.{name}.*.answered_again.*")
    return Durable(f"basware-deliveries_{name}", DOCUMENTS, subjects, Flow.ANSWERS)


def payments_durable(connection: str) -> Durable:
    """Payments that the basware-reader tells Basware, and what became of the telling."""
    name = token(connection)
    subjects = (f"documents.{name}.*.payment_seen.*", f"documents.{name}.*.payment_answered.*")
    return Durable(f"basware-payments_{name}", DOCUMENTS, subjects, Flow.PAYMENTS)


def sync_durable(connection: str) -> Durable:
    """Runs that somebody asks masterdata-sync for."""
    name = token(connection)
    return Durable(f"masterdata-sync_{name}", MASTERDATA, (f"masterdata.{name}.sync.*.requested",), Flow.MASTERDATA)


def following_durable(connection: str) -> Durable:
    """Batches of master records whose arrival in Basware P2P the masterdata-sync follows."""
    name = token(connection)
    return Durable(f"masterdata-following_{name}", MASTERDATA, (f"masterdata.{name}.*.*.*.batch",), Flow.MASTERDATA)


def attachments_durable(connection: str) -> Durable:
    """Answered transfers whose attachments the basware-reader fetches."""
    name = token(connection)
    return Durable(f"basware-attachments_{name}", DOCUMENTS, (f"documents.{name}.*.answered.*",), Flow.INGEST)


def attaching_durable(connection: str) -> Durable:
    """Stored attachments that the epicor-writer attaches to their AP invoices."""
    name = token(connection)
    return Durable(f"epicor-attachments_{name}", DOCUMENTS, (f"documents.{name}.*.attachment_stored.*",), Flow.POSTING)


def durables(connection: str) -> tuple[Durable, ...]:
    """Every durable a connection needs."""
    return (
        reader_durable(connection),
        writer_durable(connection),
        answers_durable(connection),
        deliveries_durable(connection),
        payments_durable(connection),
        sync_durable(connection),
        following_durable(connection),
        attachments_durable(connection),
        attaching_durable(connection),
    )
