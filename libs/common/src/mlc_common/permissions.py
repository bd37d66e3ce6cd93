"""What each service may do at NATS, derived from the topology: the one source of every account file. Pure.

A service publishes its own facts and reads its own durables; nobody deletes or purges anything. Whoever reads a stream
outside a durable (a document's history, the read model) can read that whole stream: NATS checks subjects, and the
filter of such a question stands in its body. Whoever may make a consumer in a stream can have the server deliver that
stream's messages to any subject that somebody listens to; so nobody may but those who cannot do without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mlc_common.streams import (
    ATTACHMENTS_BUCKET,
    CLAIMS_BUCKET,
    DOCUMENTS,
    MASTERDATA,
    NOTIFICATIONS,
    STREAMS,
    Durable,
    answers_durable,
    attaching_durable,
    attachments_durable,
    dead_letter_subject,
    deliveries_durable,
    reader_durable,
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
        watches: looks at the backlog of every durable and at every stream's state.
        declares: streams, durables and the object store, without ever deleting any.
    """

    facts: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    durables: tuple[Callable[[str], Durable], ...] = ()
    reads: tuple[str, ...] = ()
    replays: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    fetches: tuple[str, ...] = (CLAIMS_BUCKET,)
    watches: bool = False
    declares: bool = False


EVERY_DURABLE = (
    reader_durable,
    writer_durable,
    answers_durable,
    deliveries_durable,
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
        ),
        durables=(reader_durable, answers_durable, deliveries_durable, attachments_durable),
        reads=(DOCUMENTS,),
        stores=(CLAIMS_BUCKET, ATTACHMENTS_BUCKET),
    ),
    "epicor-writer": Duty(
        facts=(
            "intended",
            "unclear",
            "removed",
            "posted",
            "refused",
            "attaching_intended",
            "attachment_linked",
            "attachment_refused",
        ),
        durables=(writer_durable, attaching_durable),
        reads=(DOCUMENTS,),
        stores=(CLAIMS_BUCKET,),
        fetches=(CLAIMS_BUCKET, ATTACHMENTS_BUCKET),
    ),
    "masterdata-sync": Duty(
        subjects=("masterdata.*.*.*.*.sent",), reads=(MASTERDATA,), replays=(MASTERDATA,), stores=(CLAIMS_BUCKET,)
    ),
    "operator-console": Duty(reads=tuple(stream.name for stream in STREAMS), watches=True),
    OPERATOR: Duty(
        facts=("held", "released", "returned", "linked", "replayed"),
        subjects=("operations.*.paused", "operations.*.resumed"),
        reads=tuple(stream.name for stream in STREAMS),
        stores=(CLAIMS_BUCKET,),
        fetches=(CLAIMS_BUCKET, ATTACHMENTS_BUCKET),
        watches=True,
        declares=True,
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
    allowed = [*duty.subjects, *(f"documents.*.*.{fact}.*" for fact in duty.facts)]
    for name in names:
        for durable in durables_of(user, name):
            allowed += _working_on(durable)
        if duty.watches:
            allowed += [_info(make(name)) for make in EVERY_DURABLE]
        if duty.declares:
            allowed += _declaring_durables(name)
    for stream in duty.reads:
        allowed += [f"{API}.DIRECT.GET.{stream}", f"{API}.STREAM.MSG.GET.{stream}"]
    for stream in duty.replays:
        allowed += _replaying(stream)
    if duty.watches:
        allowed += [f"{API}.STREAM.INFO.{stream.name}" for stream in STREAMS]
    if duty.declares:
        allowed += _declaring_streams()
    for bucket in dict.fromkeys((*duty.stores, *duty.fetches)):
        allowed += _bucket(bucket, writes=bucket in duty.stores)
    return Permissions(tuple(dict.fromkeys(allowed)), (f"{inbox_prefix(user)}.>",))


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
    names = (*(stream.name for stream in STREAMS), f"OBJ_{CLAIMS_BUCKET}", f"OBJ_{ATTACHMENTS_BUCKET}")
    return (f"{API}.INFO", *(f"{API}.STREAM.{verb}.{name}" for name in names for verb in ("CREATE", "UPDATE", "INFO")))


def _bucket(name: str, *, writes: bool) -> tuple[str, ...]:
    """An object store, which holds what is too big for a message."""
    reading = tuple(f"{API}.{verb}.OBJ_{name}" for verb in ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET"))
    return (*reading, f"$O.{name}.C.*", f"$O.{name}.M.*") if writes else reading
