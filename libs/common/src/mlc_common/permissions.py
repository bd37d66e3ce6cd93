"""What each service may do at NATS, derived from the topology: the one source of every account file. Pure.

A service publishes its own facts and reads its own durables; nobody purges anything, and nothing can be deleted but
the keys of documents, by people. Whoever reads a stream outside a durable (a document's history, the read model) can
read that whole stream: NATS checks subjects, and the filter of such a question stands in its body. Whoever may make a
consumer in a stream can have the server deliver that stream's messages to any subject that somebody listens to; so
nobody may but those who cannot do without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlc_common.streams import (
    ATTACHMENTS_BUCKET,
    ATTACHMENTS_STREAM,
    CHAINED,
    CLAIMS_BUCKET,
    CLAIMS_STREAM,
    DOCUMENT_KEYS,
    DOCUMENTS,
    MASTERDATA,
    NOTIFICATIONS,
    REDELIVERED,
    STREAMS,
    Durable,
    anchors_subject,
    answers_durable,
    attaching_durable,
    attachments_durable,
    dead_letter_subject,
    deliveries_durable,
    following_durable,
    payments_durable,
    reader_durable,
    sync_durable,
    writer_durable,
)

API = "$JS.API"
OPERATOR = "ml-connector"
"""The user of people and of the Job that declares streams; the others are named after their services."""


@dataclass(frozen=True)
class Duty:
    """What one service does in the streams.

    Args:
        facts: of accounting documents, that it records.
        subjects: any others that it publishes to.
        durables: it works on, for a connection.
        reads: streams that it reads from outside a durable, message by message.
        replays: streams that it reads through consumers of its own, which nobody else can see.
        stores, fetches: buckets of large content that it writes, or only reads.
        opens: reads the keys that personal data of documents is sealed under.
        seals: makes such keys.
        erases: destroys such keys.
        watches: looks at the backlog of every durable and at every stream's state.
        declares: streams, durables and the object store, without ever deleting any.
        backs_up: takes snapshots of them, lets durables stand still meanwhile, restores what is not there.
    """

    facts: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    durables: tuple[Callable[[str], Durable], ...] = ()
    reads: tuple[str, ...] = ()
    replays: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    fetches: tuple[str, ...] = (CLAIMS_BUCKET,)
    opens: bool = False
    seals: bool = False
    erases: bool = False
    watches: bool = False
    declares: bool = False
    backs_up: bool = False


KEPT = (*(stream.name for stream in STREAMS), DOCUMENT_KEYS, CLAIMS_STREAM, ATTACHMENTS_STREAM)
"""Every stream there is, those behind object stores too."""

ANCHORED = tuple(map(anchors_subject, CHAINED))

EVERY_DURABLE = (
    reader_durable,
    writer_durable,
    answers_durable,
    deliveries_durable,
    payments_durable,
    sync_durable,
    following_durable,
    attachments_durable,
    attaching_durable,
)

DUTIES: Mapping[str, Duty] = {
    "webhook-gateway": Duty(subjects=("notifications.*.*.*",), reads=(NOTIFICATIONS,), stores=(CLAIMS_BUCKET,)),
    "basware-reader": Duty(
        facts=(
            "approved",
            "acknowledged",
            "noticed",
            "withdrawn",
            "answered",
            "answer_rejected",
            "answered_again",
            "delivered",
            "undelivered",
            "unconfirmed",
            "deadline_near",
            "interim",
            "attachment_stored",
            "attachment_skipped",
            "attachments_absent",
            "payment_intended",
            "payment_answered",
            "payment_delivered",
            "payment_undelivered",
        ),
        durables=(reader_durable, answers_durable, deliveries_durable, payments_durable, attachments_durable),
        reads=(DOCUMENTS,),
        stores=(CLAIMS_BUCKET, ATTACHMENTS_BUCKET),
        opens=True,
        seals=True,
    ),
    "epicor-writer": Duty(
        facts=(
            "intended",
            "unclear",
            "removed",
            "posted",
            "refused",
            "posting_requested",
            "posting_submitted",
            "attaching_intended",
            "attachment_linked",
            "attachment_refused",
        ),
        durables=(writer_durable, attaching_durable),
        reads=(DOCUMENTS, MASTERDATA),
        stores=(CLAIMS_BUCKET,),
        fetches=(CLAIMS_BUCKET, ATTACHMENTS_BUCKET),
        opens=True,
    ),
    "masterdata-sync": Duty(
        facts=("payment_seen",),
        subjects=(
            *(f"masterdata.*.*.*.*.{fact}" for fact in ("changed", "sent", "accepted", "refused", "held", "batch")),
            *(f"masterdata.*.*.*.*.{fact}" for fact in ("bank_held", "bank_withdrawn")),
            *(f"masterdata.*.sync.*.{fact}" for fact in ("planned", "finished", "ended")),
        ),
        durables=(sync_durable, following_durable),
        reads=(MASTERDATA, DOCUMENTS),
        replays=(MASTERDATA,),
        stores=(CLAIMS_BUCKET,),
    ),
    "operator-console": Duty(
        subjects=ANCHORED, reads=tuple(stream.name for stream in STREAMS), opens=True, watches=True
    ),
    OPERATOR: Duty(
        facts=("held", "released", "returned", "overridden", "linked", "replayed", REDELIVERED, "erased"),
        subjects=(
            *(
                f"operations.*.{fact}"
                for fact in ("paused", "resumed", "replay_started", "replay_stopped", "reconciled")
            ),
            "masterdata.*.sync.*.requested",
            "masterdata.*.*.*.*.bank_decided",
            f"masterdata.*.{REDELIVERED}.*.*",
            *ANCHORED,
        ),
        reads=tuple(stream.name for stream in STREAMS),
        stores=(CLAIMS_BUCKET,),
        fetches=(CLAIMS_BUCKET, ATTACHMENTS_BUCKET),
        opens=True,
        erases=True,
        watches=True,
        declares=True,
        backs_up=True,
    ),
}


@dataclass(frozen=True)
class Permissions:
    """The subjects that one user of NATS may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox_prefix(user: str) -> str:
    """Where this user's answers come back; nobody else may listen there."""
    return f"_INBOX_{user}"


def durables_of(user: str, connection: str) -> tuple[Durable, ...]:
    """The durables of a connection that this service works on."""
    return tuple(durable(connection) for durable in DUTIES[user].durables)


def permissions_of(user: str, connections: Iterable[str]) -> Permissions:
    """What a user may do, for these connections. A durable's name is one token, so each connection is named."""
    duty, names = DUTIES[user], sorted(set(connections))
    allowed = [*duty.subjects, *map(_of_document, duty.facts)]
    for name in names:
        allowed += _of_connection(duty, name)
    for stream in duty.reads:
        allowed += [f"{API}.DIRECT.GET.{stream}", f"{API}.STREAM.MSG.GET.{stream}"]
    allowed += _document_keys(duty)
    for stream in duty.replays:
        allowed += _replaying(stream)
    if duty.watches:
        allowed += [f"{API}.STREAM.INFO.{stream.name}" for stream in STREAMS]
    if duty.declares:
        allowed += _declaring_streams()
    if duty.backs_up:
        allowed += _backing_up()
    for bucket in dict.fromkeys((*duty.stores, *duty.fetches)):
        allowed += _bucket(bucket, writes=bucket in duty.stores)
    return Permissions(tuple(dict.fromkeys(allowed)), (f"{inbox_prefix(user)}.>",))


def _of_document(fact: str) -> str:
    """The subjects of a fact; that of a message handed out again names a durable and a sequence, not an attempt."""
    return f"documents.*.*.{fact}.*.*" if fact == REDELIVERED else f"documents.*.*.{fact}.*"


def _of_connection(duty: Duty, connection: str) -> Iterator[str]:
    for make in duty.durables:
        yield from _working_on(make(connection))
    if duty.watches:
        yield from (_info(make(connection)) for make in EVERY_DURABLE)
    if duty.declares:
        yield from _declaring_durables(connection)


def _info(durable: Durable) -> str:
    return f"{API}.CONSUMER.INFO.{durable.stream}.{durable.name}"


def _working_on(durable: Durable) -> tuple[str, ...]:
    return (
        _info(durable),
        f"{API}.CONSUMER.MSG.NEXT.{durable.stream}.{durable.name}",
        f"$JS.ACK.{durable.stream}.{durable.name}.>",
        dead_letter_subject(durable.name),
    )


def _replaying(stream: str) -> tuple[str, ...]:
    return (
        f"{API}.CONSUMER.CREATE.{stream}.>",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.*",
    )


def _declaring_durables(connection: str) -> tuple[str, ...]:
    found = [make(connection) for make in EVERY_DURABLE]
    return tuple(f"{API}.CONSUMER.DURABLE.CREATE.{each.stream}.{each.name}" for each in found)


def _declaring_streams() -> tuple[str, ...]:
    return (f"{API}.INFO", *(f"{API}.STREAM.{verb}.{name}" for name in KEPT for verb in ("CREATE", "UPDATE", "INFO")))


def _backing_up() -> tuple[str, ...]:
    """Snapshots and restores. The server restores only a stream that is not there; making room is not allowed."""
    each = (
        "$JS.API.STREAM.SNAPSHOT.{}",
        "$JS.SNAPSHOT.ACK.{}.*",
        "$JS.API.STREAM.RESTORE.{}",
        "$JS.SNAPSHOT.RESTORE.{}.*",
        "$JS.API.CONSUMER.NAMES.{}",
        "$JS.API.CONSUMER.PAUSE.{}.*",
    )
    return (f"{API}.STREAM.NAMES", *(subject.format(name) for name in KEPT for subject in each))


def _document_keys(duty: Duty) -> tuple[str, ...]:
    """Asked of the leader, so never by direct get: a follower that lags would make a fresh key look destroyed."""
    reading = (f"{API}.STREAM.MSG.GET.{DOCUMENT_KEYS}",) if duty.opens else ()
    sealing = ("document_keys.*.*",) if duty.seals else ()
    erasing = (f"{API}.STREAM.MSG.DELETE.{DOCUMENT_KEYS}",) if duty.erases else ()
    return (*reading, *sealing, *erasing)


def _bucket(name: str, *, writes: bool) -> tuple[str, ...]:
    """An object store, which holds what is too big for a message."""
    reading = tuple(f"{API}.{verb}.OBJ_{name}" for verb in ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET"))
    return (*reading, f"$O.{name}.C.*", f"$O.{name}.M.*") if writes else reading
