"""The status of a document as a fold of its facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.catalogue import finding
from mlc_common.events import (
    AnswerDelivered,
    AnswerRejected,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    AttachingIntended,
    AttachmentLinked,
    AttachmentRefused,
    AttachmentsAbsent,
    AttachmentSkipped,
    AttachmentStored,
    DeadlineNear,
    DocumentAcknowledged,
    DocumentApproved,
    DocumentErased,
    DocumentFact,
    DocumentHeld,
    DocumentNoticed,
    DocumentOverridden,
    DocumentReleased,
    DocumentReturned,
    DocumentWithdrawn,
    GroupPostingRequested,
    GroupPostingSubmitted,
    InterimAnswered,
    InvoiceLinked,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    OutcomeAnswered,
    PaymentAnswerDelivered,
    PaymentAnswered,
    PaymentAnswerIntended,
    PaymentAnswerUndelivered,
    PaymentSeen,
    PostingIntended,
    PostingUnclear,
    RedeliveryRequested,
    ReplayRequested,
)
from mlc_common.payment_events import Picture
from mlc_common.people_events import Change
from operator_console.telling import tell
from operator_console.view import DocumentStatus, Phase, fold

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PAID = Picture(
    standing="paid", currency="USD", invoice_amount=Decimal("216.50"), balance=Decimal(0), paid=Decimal("216.50")
)


def attachment_facts(common: dict[str, Any]) -> dict[str, Any]:
    """One fact of every type about attachments."""
    one = common | {"external_code": "c1", "filename": "a.pdf", "category": "ATTACHMENT", "confidential": False}
    place = {"company": "NWM", "vendor_num": 101, "invoice_num": "INV-1", "place": "https://archive.example/c1"}
    return {
        "attachment stored": AttachmentStored(**one, size=5, sha256="ab"),
        "attachment skipped": AttachmentSkipped(**one, reason="gone", why="404"),
        "attachments absent": AttachmentsAbsent(**common, why="none within a day"),
        "attaching intended": AttachingIntended(**one, number=1),
        "attachment linked": AttachmentLinked(**one, how="link", **place),
        "attachment refused": AttachmentRefused(**one, how="link", sentence="no"),
    }


def facts(attempt: str = "a1") -> dict[str, Any]:
    """One fact of every type, of one attempt."""
    common = {"connection": "demo", "at": START, "invoice_id": "i1", "attempt": attempt}
    epicor = {"company": "NWM", "vendor_num": 101, "vendor_id": "10432", "group_id": "B2611201"}
    by = {"by": "mia", "reason": "the price is disputed"}
    return {
        **attachment_facts(common),
        "noticed": DocumentNoticed(**common, status="Transferred", reason="somebody else answered"),
        "for a person": DocumentNoticed(**common, status="Removed", reason="stands in Epicor", for_a_person=True),
        "approved": DocumentApproved(
            **common,
            seen_by="push",
            status="WaitingForTransfer",
            company_code="US01",
            supplier_code="10432",
            supplier_name="Great Lakes Fasteners LLC",
            invoice_number="INV-1",
            currency="USD",
            gross=Decimal("216.50"),
            document="{}",
        ),
        "acknowledged": DocumentAcknowledged(**common),
        "intended": PostingIntended(
            **common, **epicor, number=1, connection_version=1, invoice_num="INV-1", total=Decimal("216.50"), digest="d"
        ),
        "unclear": PostingUnclear(**common, number=1, look_ups=1, sentence="The answer did not arrive."),
        "removed": InvoiceRemoved(
            **common, number=1, company="NWM", vendor_num=101, invoice_num="INV-1", difference="line 2 is missing"
        ),
        "posting requested": GroupPostingRequested(
            **common, number=1, company="NWM", group_id="BK3F9X20", invoice_num="INV-1", how="task agent"
        ),
        "posting submitted": GroupPostingSubmitted(**common, number=1),
        "posted": InvoicePosted(
            **common,
            **epicor,
            connection_version=1,
            invoice_num="INV-1",
            voucher="V-77",
            total=Decimal("216.50"),
            currency="USD",
            lines=2,
        ),
        "refused": InvoiceRefused(
            **common, connection_version=1, findings=(finding("UNKNOWN_VENDOR", vendor="1", company="NWM"),)
        ),
        "answered": OutcomeAnswered(**common, external_code="x", success=True, message="Posted"),
        "answer_rejected": AnswerRejected(
            **common, external_code="x", success=True, status="Transferred", sentence="Somebody answered first."
        ),
        "withdrawn": DocumentWithdrawn(**common, status="Removed"),
        "deadline_near": DeadlineNear(**common, due=START),
        "interim": InterimAnswered(**common, external_code="y", message="Still working"),
        "delivered": AnswerDelivered(**common, external_code="x", request_id="r"),
        "answered again": AnswerRepeated(**common, number=1, external_code="y", request_id="r", why="It is locked."),
        "undelivered": AnswerUndelivered(**common, external_code="x", request_id="r", sentence="It is locked."),
        "unconfirmed": AnswerUnconfirmed(**common, external_code="x", sentence="Nobody says."),
        "payment_seen": PaymentSeen(
            **common, number=1, company="NWM", vendor_num=101, invoice_num="INV-1", picture=PAID
        ),
        "payment_intended": PaymentAnswerIntended(**common, number=1, external_code="p"),
        "payment_answered": PaymentAnswered(**common, number=1, external_code="p", message="Paid", content="c"),
        "payment_delivered": PaymentAnswerDelivered(**common, number=1, external_code="p", request_id="r"),
        "payment_undelivered": PaymentAnswerUndelivered(
            **common, number=1, external_code="p", reason="refused", sentence="Basware takes no payment."
        ),
        "held": DocumentHeld(**common, **by),
        "released": DocumentReleased(**common, **by),
        "returned": DocumentReturned(**common, **by),
        "overridden": DocumentOverridden(**common, **by, changes=(Change(place="text1", old="a", new="b"),)),
        "linked": InvoiceLinked(
            **common,
            **by,
            company="NWM",
            vendor_num=101,
            vendor_id="10432",
            invoice_num="INV-1",
            invoice_date=None,
            total=Decimal("216.50"),
            currency="USD",
        ),
        "replayed": ReplayRequested(**common, **by, replay="r1"),
        "redelivered": RedeliveryRequested(
            **common, **by, replay="r1", durable="basware-payments", sequence=7, letter=1
        ),
        "erased": DocumentErased(**common, **by),
    }


def folded(*events: DocumentFact) -> DocumentStatus:
    state: DocumentStatus | None = None
    for sequence, event in enumerate(events, start=1):
        state = fold(state, event, sequence=sequence)
    assert state is not None
    return state


@pytest.mark.parametrize(
    ("names", "phase", "answered"),
    [
        (["noticed"], Phase.NOTICED, False),
        (["approved"], Phase.APPROVED, False),
        (["approved", "acknowledged"], Phase.APPROVED, False),
        (["approved", "intended"], Phase.POSTING, False),
        (["approved", "intended", "unclear"], Phase.UNCLEAR, False),
        (["approved", "intended", "unclear", "removed"], Phase.POSTING, False),
        (["approved", "intended", "posted"], Phase.POSTED, False),
        (["approved", "intended", "posted", "answered"], Phase.POSTED, True),
        (["approved", "refused", "answered"], Phase.REFUSED, True),
        (["approved", "posted", "answer_rejected"], Phase.ANSWER_REJECTED, False),
        (["approved", "posted", "answered", "noticed"], Phase.POSTED, True),
        (["noticed", "approved"], Phase.APPROVED, False),
        (["for a person"], Phase.FOR_A_PERSON, False),
        (["for a person", "noticed"], Phase.NOTICED, False),
        (["approved", "posted", "answered", "for a person"], Phase.FOR_A_PERSON, True),
        (["approved", "posted", "answered", "for a person", "noticed"], Phase.FOR_A_PERSON, True),
        (["approved", "for a person", "posted"], Phase.POSTED, False),
        (["approved", "deadline_near", "interim", "withdrawn"], Phase.APPROVED, False),
        (["approved", "interim", "posted", "answered", "delivered"], Phase.POSTED, True),
        (["approved", "posted", "answered", "unconfirmed"], Phase.POSTED, True),
        (["approved", "posted", "answered", "undelivered"], Phase.UNDELIVERED, True),
        (["approved", "held"], Phase.HELD, False),
        (["approved", "held", "released"], Phase.APPROVED, False),
        (["approved", "held", "returned", "refused"], Phase.REFUSED, False),
        (["approved", "linked", "posted"], Phase.POSTED, False),
        (["approved", "posted", "replayed", "held"], Phase.POSTED, False),
        (["approved", "posted", "answered", "redelivered"], Phase.POSTED, True),
        (["approved", "posted", "answered", "erased"], Phase.POSTED, True),
    ],
)
def test_the_phase_follows_the_facts(names: list[str], phase: Phase, answered: bool) -> None:
    known = facts()

    status = folded(*(known[name] for name in names))

    assert (status.phase, status.answered) == (phase, answered)


def test_a_posted_invoice_shows_where_it_stands_and_no_reason() -> None:
    known = facts()

    status = folded(known["approved"], known["intended"], known["unclear"], known["posted"])

    assert (status.voucher, status.group_id, status.vendor_num, status.reason) == ("V-77", "B2611201", 101, None)
    assert status.gross == Decimal("216.50")


def test_a_refusal_shows_code_and_sentence() -> None:
    known = facts()

    status = folded(known["approved"], known["refused"])

    assert status.reason_code == "UNKNOWN_VENDOR"
    assert status.reason == "Supplier 1 does not exist in Epicor company NWM."


def test_a_new_attempt_begins_afresh_but_remembers_when_the_document_was_first_seen() -> None:
    first, second = facts("a1"), facts("a2")
    later = second["approved"].model_copy(update={"at": START + timedelta(days=1)})

    status = folded(first["approved"], first["refused"], first["answered"], later)

    assert (status.attempt, status.phase, status.answered, status.reason) == ("a2", Phase.APPROVED, False, None)
    assert (status.first_seen, status.last_change) == (START, START + timedelta(days=1))


def test_a_late_fact_of_an_older_attempt_changes_nothing_but_the_position() -> None:
    first, second = facts("a1"), facts("a2")

    status = folded(first["approved"], second["approved"], first["posted"])

    assert (status.attempt, status.phase, status.voucher, status.last_sequence) == ("a2", Phase.APPROVED, None, 3)


@given(st.lists(st.sampled_from([*facts("a1").values(), *facts("a2").values()]), min_size=1, max_size=20))
def test_folding_a_stretch_again_changes_nothing(events: list[DocumentFact]) -> None:
    once = folded(*events)

    again = reduce(
        lambda state, numbered: fold(state, numbered[1], sequence=numbered[0]), enumerate(events, start=1), once
    )

    assert again == once


def test_a_posted_invoice_shows_how_it_is_paid_and_what_basware_did_not_take() -> None:
    known = facts()

    paid = folded(known["approved"], known["posted"], known["answered"], known["payment_seen"])
    lost = folded(known["approved"], known["posted"], known["payment_seen"], known["payment_undelivered"])

    assert (paid.phase, paid.reason) == (Phase.POSTED, "Paid in Epicor: 216.50 USD")
    assert (lost.phase, lost.reason) == (Phase.POSTED, "Basware takes no payment.")


def test_a_payment_does_not_hide_what_somebody_has_to_see() -> None:
    known = facts()

    status = folded(known["approved"], known["posted"], known["undelivered"], known["payment_seen"])

    assert (status.phase, status.reason) == (Phase.UNDELIVERED, "It is locked.")


def test_every_fact_is_folded_and_told() -> None:
    known = facts().values()

    assert {type(event) for event in known} == set(get_args(DocumentFact))
    assert len({tell(event)[0] for event in known}) == len(get_args(DocumentFact))
    assert all(tell(event)[1] for event in known)


def test_an_invoice_that_could_not_be_posted_shows_that_it_stands_there_and_why() -> None:
    not_posted = {"in_payables": False, "not_posted": (finding("GROUP_NOT_POSTED", message="Period 11 is closed."),)}
    posted = facts()["posted"].model_copy(update=not_posted)

    status = folded(facts()["approved"], facts()["posting requested"], posted)

    assert (status.phase, status.reason_code, status.group_id) == (Phase.REFUSED, "GROUP_NOT_POSTED", "B2611201")
    assert status.reason == "Not posted: Epicor does not post it: Period 11 is closed."
    assert "; not posted: [GROUP_NOT_POSTED]" in tell(posted)[1]
    assert "; its group is posted" in tell(facts()["posted"].model_copy(update={"in_payables": True}))[1]


def test_why_an_invoice_stands_on_hold_and_what_to_know_of_it_is_told() -> None:
    posted = facts()["posted"].model_copy(
        update={
            "held_for": (finding("VENDOR_ON_HOLD", vendor="10432", company="NWM"),),
            "remarks": (finding("ORIGINAL_NOT_FOUND", number="INV-0"),),
        }
    )

    text = tell(posted)[1]

    assert "; on hold: [VENDOR_ON_HOLD] Supplier 10432 is on payment hold" in text
    assert "; [ORIGINAL_NOT_FOUND] The credit note names invoice INV-0" in text
