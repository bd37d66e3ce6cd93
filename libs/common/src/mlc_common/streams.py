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

REDELIVERED = "redelivered"
"""The fact that a buried message is handed out again; durables that take it name it in their filters."""

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

    @property
    def work(self) -> tuple[str, ...]:
        """Its subjects without the one that says which message, once given up, is handed out again."""
        return tuple(each for each in self.subjects if f".{REDELIVERED}." not in each)


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


FOR_EVER = frozenset({ANCHORS, MASTERDATA})
"""The streams that never age. Anchors prove what the archives hold; of a master record only its facts say which bank
accounts a person has let pass, and a vendor that does not change for years is an ordinary one."""


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


def redelivery_subject(connection: str, invoice_id: str, durable: str, sequence: int) -> str:
    """Where it stands that a message about a document is handed once more to the durable that gave it up."""
    return f"documents.{token(connection)}.{token(invoice_id)}.{REDELIVERED}.{token(durable)}.{sequence}"


def masterdata_redelivery_subject(connection: str, durable: str, sequence: int) -> str:
    """The same of a message about master data."""
    return f"masterdata.{token(connection)}.{REDELIVERED}.{token(durable)}.{sequence}"


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


def _redelivering(service: str, stream: str, connection: str, flow: Flow, *facts: str) -> Durable:
    """A durable of these facts to which messages that it gave up can be handed out again, and no other durable's."""
    name, again = token(connection), f"{REDELIVERED}.{service}.*"
    own = (*facts, f"*.{again}" if stream == DOCUMENTS else again)
    return Durable(f"{service}_{name}", stream, tuple(f"{stream.lower()}.{name}.{each}" for each in own), flow)


def template_of(subject: str) -> str:
    """The subject without what it is about: few values, for spans."""
    match subject.split("."):
        case ["notifications", _, _, _]:
            return "notifications.{connection}.{task}.{digest}"
        case ["documents", _, _, "redelivered", _, _]:
            return "documents.{connection}.{invoice}.redelivered.{service}.{sequence}"
        case ["masterdata", _, "redelivered", _, _]:
            return "masterdata.{connection}.redelivered.{service}.{sequence}"
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
    return _redelivering(
        "basware-deliveries", DOCUMENTS, connection, Flow.ANSWERS, "*.answered.*", "*.answered_again.*"
    )


def payments_durable(connection: str) -> Durable:
    """Payments that the basware-reader tells Basware, and what became of the telling."""
    return _redelivering(
        "basware-payments", DOCUMENTS, connection, Flow.PAYMENTS, "*.payment_seen.*", "*.payment_answered.*"
    )


def sync_durable(connection: str) -> Durable:
    """Runs that somebody asks masterdata-sync for."""
    return _redelivering("masterdata-sync", MASTERDATA, connection, Flow.MASTERDATA, "sync.*.requested")


def following_durable(connection: str) -> Durable:
    """Batches of master records whose arrival in Basware P2P the masterdata-sync follows."""
    return _redelivering("masterdata-following", MASTERDATA, connection, Flow.MASTERDATA, "*.*.*.batch")


def attachments_durable(connection: str) -> Durable:
    """Answered transfers whose attachments the basware-reader fetches."""
    return _redelivering("basware-attachments", DOCUMENTS, connection, Flow.INGEST, "*.answered.*")


def attaching_durable(connection: str) -> Durable:
    """Stored attachments that the epicor-writer attaches to their AP invoices."""
    return _redelivering("epicor-attachments", DOCUMENTS, connection, Flow.POSTING, "*.attachment_stored.*")


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
