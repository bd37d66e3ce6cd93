"""What the console says about attachments, and that no document changes its state by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mlc_common.events import (
    AttachingIntended,
    AttachmentFact,
    AttachmentLinked,
    AttachmentRefused,
    AttachmentsAbsent,
    AttachmentSkipped,
    AttachmentStored,
    DocumentApproved,
)
from operator_console.attachments import attachments
from operator_console.telling import tell
from operator_console.view import fold

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {"connection": "demo", "at": AT, "invoice_id": "i1", "attempt": "a1"}
ABOUT = DOCUMENT | {
    "external_code": "c1", "filename": "a.pdf", "category": "ORIGINALIMAGE", "confidential": False
}  # fmt: skip
STORED = AttachmentStored(**ABOUT, size=5, sha256="ab")
LINKED = AttachmentLinked(**ABOUT, how="upload", company="NWM", vendor_num=1, invoice_num="I-1", place="\\\\x\\a.pdf")
FACTS: list[AttachmentFact] = [
    STORED,
    AttachmentSkipped(**ABOUT | {"external_code": "c2"}, reason="too large", why="It has more than 9 bytes."),
    AttachingIntended(**ABOUT, number=1),
    LINKED,
    AttachmentRefused(**ABOUT | {"external_code": "c3"}, how="link", sentence="no"),
    AttachmentsAbsent(**DOCUMENT, why="none"),
]


def test_every_fact_is_told() -> None:
    assert [tell(each) for each in FACTS] == [
        ("attachment stored", "a.pdf (c1), ORIGINALIMAGE, 5 bytes"),
        ("attachment skipped", "a.pdf (c2), too large: It has more than 9 bytes."),
        ("attaching intended", "a.pdf (c1), row 1"),
        ("attachment linked", "a.pdf (c1) to invoice I-1, company NWM, by upload: \\\\x\\a.pdf"),
        ("attachment refused", "a.pdf (c3): no"),
        ("attachments absent", "none"),
    ]


def test_what_became_of_each_is_one_line() -> None:
    one, two, three = attachments(FACTS)

    assert (one.code, one.size, one.stored, one.epicor) == ("c1", 5, "stored", "upload: \\\\x\\a.pdf")
    assert (two.code, two.stored, two.epicor) == ("c2", "too large: It has more than 9 bytes.", None)
    assert (three.code, three.epicor) == ("c3", "no")


def test_one_that_was_stored_before_stays_stored_when_a_later_transfer_skips_it() -> None:
    later = AttachmentSkipped(**ABOUT | {"attempt": "a2"}, reason="gone", why="404")
    refused = AttachmentRefused(**ABOUT | {"attempt": "a2"}, how="upload", sentence="no")

    (one,) = attachments([STORED, LINKED, later, refused])

    assert (one.stored, one.epicor) == ("stored", "upload: \\\\x\\a.pdf")


def test_no_fact_about_an_attachment_changes_where_a_document_stands() -> None:
    approved = DocumentApproved(
        **DOCUMENT, seen_by="push", status="WaitingForTransfer", company_code="US01", supplier_code="1",
        currency="USD", document="{}",
    )  # fmt: skip
    state = fold(None, approved, sequence=1)
    after = state
    for number, fact in enumerate(FACTS, start=2):
        after = fold(after, fact.model_copy(update={"at": AT + timedelta(days=1)}), sequence=number)

    assert (after.phase, after.reason, after.answered) == (state.phase, state.reason, state.answered)
    assert after.last_sequence == 7


def test_one_document_may_have_many_and_each_has_a_subject_and_an_id_of_its_own() -> None:
    other = STORED.model_copy(update={"external_code": "c.2"})

    assert STORED.subject == "documents.demo.i1.attachment_stored.a1=2Fc1"
    assert other.subject == "documents.demo.i1.attachment_stored.a1=2Fc=2E2"
    assert STORED.id != other.id
