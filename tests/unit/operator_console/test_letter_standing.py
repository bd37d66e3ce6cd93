"""What became of a dead letter, and what a replay of it would do, by the facts that were recorded since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mlc_common.catalogue import finding
from mlc_common.eventlog import Recorded
from mlc_common.events import (
    AnswerDelivered,
    AttachingIntended,
    AttachmentStored,
    BatchSent,
    DocumentApproved,
    Event,
    MasterDataRedeliveryRequested,
    OutcomeAnswered,
    PaymentAnswerDelivered,
    PaymentSeen,
    RecordAccepted,
    RecordHeld,
    RecordRefused,
    RecordSent,
    RedeliveryRequested,
    SyncEnded,
    SyncRequested,
)
from mlc_common.payment_events import Picture
from mlc_common.record_events import SentRecord
from mlc_common.streams import durables
from operator_console.dead_letters import DeadLetter
from operator_console.deadletter_commands import Browsed
from operator_console.letter_standing import JOBS, Standing, buried, standing
from operator_console.replaying import Planned, Verdict, redelivery
from operator_console.selecting import of_letters

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ABOUT: dict[str, Any] = {"connection": "demo", "at": START, "invoice_id": "i1", "attempt": "a1"}
FILE: dict[str, Any] = {"filename": "a.pdf", "category": "ATTACHMENT", "confidential": False}
RECORD: dict[str, Any] = {"connection": "demo", "at": START, "kind": "vendor", "company": "US01"}
PICTURE = Picture(standing="paid", currency="USD", invoice_amount=Decimal(5), balance=Decimal(0), paid=Decimal(5))
ANSWERED = OutcomeAnswered(**ABOUT, external_code="x", success=True, message="Posted")
DELIVERED = AnswerDelivered(**ABOUT, external_code="x", request_id="q")
SYNC = SyncRequested(connection="demo", at=START, request="r1", by="mia")
BATCH = BatchSent(
    connection="demo",
    at=START,
    kind="vendor",
    request_id="q1",
    records=tuple(SentRecord(company="US01", code=code, external_code=code, digest="d") for code in ("V1", "V2")),
)


def seen(number: int) -> PaymentSeen:
    return PaymentSeen(**ABOUT, number=number, company="NWM", vendor_num=1, invoice_num="I", picture=PICTURE)


def stored(code: str = "c1") -> AttachmentStored:
    return AttachmentStored(**ABOUT, **FILE, external_code=code, size=1, sha256="ab")


def letter(durable: str, *, sequence: int = 10, number: int = 3) -> DeadLetter:
    """Buried an hour after its message was stored, which stands at `sequence`."""
    return DeadLetter(
        sequence=number,
        buried_at=START + timedelta(hours=1),
        durable=f"{durable}_demo",
        stream="DOCUMENTS",
        stream_sequence=sequence,
        subject="",
        tries=5,
        failure_class="KeyError",
        failure="'total'",
        connection="demo",
        document="i1",
        stored_at=START + timedelta(hours=1),
        version="0.9.0",
    )


def later(*events: Event, first: int = 20) -> list[Recorded]:
    """Facts that were recorded after the letter, at sequences from `first` on."""
    return [Recorded(each, first + number, START + timedelta(hours=2)) for number, each in enumerate(events)]


def again(durable: str, number: int = 3, sequence: int = 10) -> RedeliveryRequested:
    asked = {"by": "mia", "reason": "mended", "replay": "r", "durable": durable}
    return RedeliveryRequested(**ABOUT, **asked, sequence=sequence, letter=number)


def stands(durable: str, event: Event, history: Sequence[Recorded] = (), **more: Any) -> Standing:
    return standing(letter(durable), event, history, None, **more)


@pytest.mark.parametrize(
    ("durable", "event"),
    [
        ("basware-deliveries", ANSWERED),
        ("basware-payments", seen(1)),
        ("basware-attachments", ANSWERED),
        ("epicor-attachments", stored()),
        ("masterdata-sync", SYNC),
        ("masterdata-following", BATCH),
    ],
)
def test_a_buried_message_that_got_no_further_goes_to_its_durable_again(durable: str, event: Event) -> None:
    found = stands(durable, event)
    gone = stands(durable, event, gone=True)

    assert (found.verdict, found.further) == (Verdict.AGAIN, None)
    assert found.why.startswith(f"{durable} ")
    assert (gone.verdict, gone.why) == (Verdict.PERSON, "the stream DOCUMENTS holds the message no longer")


def test_the_durables_that_take_messages_again_are_those_whose_filters_say_so() -> None:
    takers = {each.name.removesuffix("_demo") for each in durables("demo") if each.work != each.subjects}

    assert takers == {name for name, job in JOBS.items() if job.again}
    assert {each.name.removesuffix("_demo") for each in durables("demo")} == {*JOBS}


@pytest.mark.parametrize(
    ("durable", "event", "fact"),
    [
        ("basware-deliveries", ANSWERED, DELIVERED),
        (
            "basware-payments",
            seen(1),
            PaymentAnswerDelivered(**ABOUT, number=1, external_code="p", request_id="q"),
        ),
        ("basware-payments", seen(1), seen(2)),
        ("basware-attachments", ANSWERED, stored()),
        ("epicor-attachments", stored(), AttachingIntended(**ABOUT, **FILE, external_code="c1", number=1)),
        ("masterdata-sync", SYNC, SyncEnded(connection="demo", at=START, request="r1")),
    ],
)
def test_what_got_further_since_is_left_alone(durable: str, event: Event, fact: Event) -> None:
    found = stands(durable, event, later(fact))

    assert (found.verdict, found.further and found.further.event) == (Verdict.NOTHING, fact)


@pytest.mark.parametrize(
    ("durable", "event", "fact"),
    [
        # the answer to an older picture arrived; the newer one, which was buried, was never told
        ("basware-payments", seen(2), PaymentAnswerDelivered(**ABOUT, number=1, external_code="p", request_id="q")),
        ("epicor-attachments", stored("c1"), AttachingIntended(**ABOUT, **FILE, external_code="c2", number=1)),
        ("basware-deliveries", ANSWERED, again("basware-attachments")),
        ("basware-deliveries", ANSWERED, again("basware-deliveries", sequence=11)),
    ],
)
def test_what_is_about_something_else_helps_nothing(durable: str, event: Event, fact: Event) -> None:
    assert stands(durable, event, later(fact)).verdict is Verdict.AGAIN


def test_an_older_picture_of_a_payment_is_not_newer_than_the_buried_one() -> None:
    assert stands("basware-payments", seen(2), later(seen(1), first=5)).verdict is Verdict.AGAIN


def test_what_was_handed_out_again_is_not_handed_out_twice_until_it_is_buried_anew() -> None:
    history = later(again("basware-deliveries", number=3))

    first = standing(letter("basware-deliveries", number=3), ANSWERED, history, None)
    anew = standing(letter("basware-deliveries", number=4), ANSWERED, history, None)

    assert (first.verdict, first.why) == (Verdict.NOTHING, "it was handed out again in the replay r")
    assert anew.verdict is Verdict.AGAIN


def test_a_batch_is_open_as_long_as_one_of_its_records_is() -> None:
    accepted = RecordAccepted(**RECORD, code="V1", digest="d", request_id="q1")
    own = RecordSent(**RECORD, code="V2", digest="d", request_id="q1")
    why = finding("RECORD_NOT_SAVED", kind="vendor", record="V2", why="no")
    refused = RecordRefused(**RECORD, code="V2", digest="d", request_id="q1", by="p2p", finding=why)
    held = RecordHeld(**RECORD, code="V2", digest="d", request_id="another", finding=why)
    anew = RecordSent(**RECORD, code="V2", digest="e", request_id="q2")

    half = stands("masterdata-following", BATCH, later(accepted, own, held))

    assert half.verdict is Verdict.AGAIN
    assert half.why.endswith("; 1 of 2 records are open")
    assert stands("masterdata-following", BATCH, later(accepted, refused)).verdict is Verdict.NOTHING
    assert stands("masterdata-following", BATCH, later(accepted, anew)).verdict is Verdict.NOTHING
    assert stands("masterdata-following", BATCH, later(anew, accepted, first=5)).verdict is Verdict.AGAIN


def test_a_newer_transfer_of_the_document_settles_what_was_about_the_older_one() -> None:
    approved = DocumentApproved(
        **ABOUT | {"attempt": "a2"},
        **{"seen_by": "push", "status": "WaitingForTransfer", "company_code": "US01", "supplier_code": "1"},
        currency="USD",
        document="{}",
    )

    assert stands("basware-deliveries", ANSWERED, later(approved)).verdict is Verdict.NOTHING


def test_what_no_version_knows_needs_a_person() -> None:
    assert standing(letter("from-the-future"), ANSWERED, (), None).verdict is Verdict.PERSON
    assert standing(letter("basware-payments"), None, (), None).verdict is Verdict.PERSON


def browsed(durable: str, event: Event, *, number: int, sequence: int = 10, verdict: Verdict) -> Browsed:
    mine = letter(durable, number=number, sequence=sequence)
    return Browsed(mine, event, Standing("", None, verdict, "why"), None)


def test_each_buried_message_is_planned_once_whatever_else_there_is_about_its_document() -> None:
    letters = [
        browsed("basware-payments", seen(1), number=4, verdict=Verdict.AGAIN),
        browsed("basware-payments", seen(1), number=2, verdict=Verdict.NOTHING),
        browsed("epicor-attachments", stored("c1"), number=5, sequence=11, verdict=Verdict.AGAIN),
        browsed("epicor-attachments", stored("c2"), number=6, sequence=12, verdict=Verdict.AGAIN),
        browsed("epicor-writer", ANSWERED, number=7, verdict=Verdict.POST),
    ]

    plan = of_letters(letters)

    assert [(each.verdict, each.buried and each.buried.letter) for each in plan] == [
        (Verdict.AGAIN, 4),
        (Verdict.AGAIN, 5),
        (Verdict.AGAIN, 6),
        (Verdict.POST, None),
    ]


@pytest.mark.parametrize(
    ("durable", "event", "kind"),
    [("basware-payments", seen(1), RedeliveryRequested), ("masterdata-sync", SYNC, MasterDataRedeliveryRequested)],
)
def test_the_request_names_the_message_and_is_the_same_for_whoever_asks(
    durable: str, event: Event, kind: type[Event]
) -> None:
    (plan,) = of_letters([browsed(durable, event, number=3, verdict=Verdict.AGAIN)])
    assert isinstance(plan, Planned)
    assert plan.buried is not None
    assert plan.buried == buried(letter(durable), event)

    one = redelivery(plan, plan.buried, "r1", by="mia", reason="mended", at=START)
    other = redelivery(plan, plan.buried, "r2", by="bo", reason="mended", at=START + timedelta(seconds=1))

    assert isinstance(one, kind)
    assert (one.durable, one.sequence, one.letter, one.replay) == (durable, 10, 3, "r1")
    assert (one.id, one.subject) == (other.id, other.subject)
