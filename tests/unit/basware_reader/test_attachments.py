"""Which attachments are fetched: by rule, by category, and by what was settled before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from basware_reader.attachments import are_due, left_alone, patience_ends, unsettled
from mlc_basware.attachments import Attachment, attachments_in
from mlc_common.attachment_rules import Attachments
from mlc_common.events import AttachmentsAbsent, AttachmentSkipped, AttachmentStored, DocumentApproved, OutcomeAnswered
from mlc_common.failures import PermanentError
from mlc_common.http import dump_json

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ABOUT: dict[str, Any] = {"connection": "demo", "at": AT, "invoice_id": "i1", "attempt": "a1"}
ANSWERED = OutcomeAnswered(**ABOUT, external_code="x", success=True, message="Posted")
IMAGE = Attachment("c1", "a.pdf", "ORIGINALIMAGE", confidential=False)
FILE: dict[str, Any] = {"external_code": "c1", "filename": "a.pdf", "category": "ORIGINALIMAGE", "confidential": False}


@pytest.mark.parametrize(
    ("rules", "confidential", "category", "expected"),
    [
        ({}, False, "ORIGINALIMAGE", None),
        ({}, True, "ORIGINALIMAGE", "confidential"),
        ({"confidential": "store only"}, True, "ATTACHMENT", None),
        ({"confidential": "as others"}, True, "EXPORTEDEMAIL", None),
        ({"categories": ["ATTACHMENT"]}, False, "ORIGINALIMAGE", "category"),
        ({}, False, "HOLOGRAM", "category"),
        ({}, True, "HOLOGRAM", "confidential"),
    ],
)
def test_a_rule_decides(rules: dict[str, Any], confidential: bool, category: str, expected: str | None) -> None:
    attachment = Attachment("c1", "a.pdf", category, confidential=confidential)

    assert left_alone(attachment, Attachments.model_validate({"fetch": True} | rules)) == expected


@pytest.mark.parametrize(
    ("confidential", "rule", "stores", "gives"),
    [
        (True, "skip", False, False),
        (True, "store only", True, False),
        (True, "as others", True, True),
        (False, "skip", True, True),
    ],
)
def test_confidential_ones_never_leave_their_rule(confidential: bool, rule: Any, stores: bool, gives: bool) -> None:
    rules = Attachments(fetch=True, confidential=rule)

    assert (rules.stores(confidential=confidential), rules.gives_away(confidential=confidential)) == (stores, gives)


def test_everything_is_off_unless_it_is_said() -> None:
    assert not Attachments().fetch
    assert not Attachments().stores(confidential=False)
    assert (Attachments().confidential, Attachments().to_epicor) == ("skip", "nothing")


@pytest.mark.parametrize(
    "wrong",
    [
        {"to_epicor": "link"},
        {"to_epicor": "link", "link_base": "http://archive.example"},
        {"link_base": "https://user:secret@archive.example"},
        {"categories": []},
        {"categories": ["HOLOGRAM"]},
        {"largest_bytes": 0},
        {"patience_hours": 0},
        {"colour": "red"},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Attachments.model_validate(wrong)


def test_what_was_settled_for_this_transfer_is_not_fetched_again() -> None:
    stored = AttachmentStored(**ABOUT, **FILE, size=1, sha256="0")
    skipped = AttachmentSkipped(**ABOUT, **FILE | {"external_code": "c2"}, reason="gone", why="")
    earlier = AttachmentStored(**ABOUT | {"attempt": "a0"}, **FILE | {"external_code": "c3"}, size=1, sha256="0")
    listed = [Attachment(code, "", "ATTACHMENT", confidential=False) for code in ("c1", "c2", "c3")]

    assert [each.code for each in unsettled(listed, [stored, skipped, earlier], ANSWERED)] == ["c3"]


def approved(status: str, attempt: str = "a1") -> DocumentApproved:
    return DocumentApproved(
        **ABOUT | {"attempt": attempt}, seen_by="push", status=status, company_code="US01", supplier_code="1",
        currency="USD", document="{}",
    )  # fmt: skip


def test_attachments_are_due_after_a_successful_answer_to_a_transfer() -> None:
    on, history = Attachments(fetch=True), [approved("WaitingForTransfer")]
    absent = AttachmentsAbsent(**ABOUT, why="")

    assert are_due(ANSWERED, history, on)
    assert are_due(ANSWERED, [*history, approved("WaitingForPrebook", "a0")], on)
    assert not are_due(ANSWERED, history, Attachments())
    assert not are_due(ANSWERED.model_copy(update={"success": False}), history, on)
    assert not are_due(ANSWERED, [approved("WaitingForPrebook")], on)
    assert not are_due(ANSWERED, [*history, absent], on)


def test_patience_counts_from_the_answer() -> None:
    assert patience_ends(AT, Attachments(patience_hours=1.5)) == AT + timedelta(minutes=90)


def test_attachments_are_read_without_regard_to_case_and_once_each() -> None:
    text = dump_json({"Attachments": [
        {"ExternalCode": "c1", "FileName": "a.pdf", "category": "ORIGINALIMAGE", "IsConfidential": False},
        {"externalCode": "c1", "filename": "b.pdf"}, {"externalCode": None}, {}, 7,
    ]})  # fmt: skip

    assert attachments_in(text) == (Attachment("c1", "b.pdf", "", confidential=True),)


@pytest.mark.parametrize("secret", [True, None, "false", 0, "absent"])
def test_only_a_plain_false_makes_one_public(secret: Any) -> None:
    members = {"externalCode": "c1"} | ({} if secret == "absent" else {"isConfidential": secret})

    assert attachments_in(dump_json({"attachments": [members]}))[0].confidential


@pytest.mark.parametrize("text", ["", "7", "[]", '{"attachments": "none"}', '{"attachments": {}x}'])
def test_what_cannot_be_read_is_a_failure_of_the_attachments_alone(text: str) -> None:
    with pytest.raises(PermanentError):
        attachments_in(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_whatever_stands_in_the_list_nothing_breaks(listed: Any) -> None:
    try:
        found = attachments_in(dump_json({"attachments": listed}))
    except PermanentError:
        return
    assert all(each.code for each in found)
