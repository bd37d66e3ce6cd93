"""Names of attachments in Epicor: readable, never a path, and recognised whatever Epicor does to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epicor_writer.attachment_rows import (
    address,
    description,
    file_name,
    last_intent,
    mark,
    ours_in,
    settled,
    wait_left,
)
from mlc_common.events import AttachingIntended, AttachmentLinked, AttachmentRefused, AttachmentStored

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ABOUT: dict[str, Any] = {
    "connection": "demo", "at": AT, "invoice_id": "i1", "attempt": "a1", "external_code": "c1", "filename": "a.pdf",
    "category": "ORIGINALIMAGE", "confidential": False,
}  # fmt: skip


def stored(**changes: Any) -> AttachmentStored:
    return AttachmentStored(**ABOUT | {"size": 1, "sha256": "0" * 64} | changes)


def intended(number: int, *, at: datetime = AT, **changes: Any) -> AttachingIntended:
    return AttachingIntended(**ABOUT | changes | {"at": at, "number": number})


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("a.pdf", "a MARK.pdf"),
        ("../../etc/passwd", "passwd MARK"),
        ("C:\\Users\\x\\Rechnung 7.PDF", "Rechnung 7 MARK.PDF"),
        ("..", "originalimage MARK"),
        ("", "originalimage MARK"),
        (".htaccess", "htaccess MARK"),
        ("CON.pdf", "CON MARK.pdf"),
        ("März\t2026 <1>.pdf", "März_2026 _1_ MARK.pdf"),
        ("a.b.c/", "originalimage MARK"),
        ("invoice.pdf:stream", "invoice.pdf_stream MARK"),
        ("x" * 300 + ".tiff", "x" * 60 + " MARK.tiff"),
    ],
)
def test_what_is_left_of_a_file_name_is_a_name(filename: str, expected: str) -> None:
    event = stored(filename=filename)

    assert file_name(event, number=1) == expected.replace("MARK", mark(event))


@given(st.text(max_size=300), st.integers(1, 9))
def test_no_file_name_is_a_path_or_too_long_and_all_are_ours(filename: str, number: int) -> None:
    event = stored(filename=filename)
    name = file_name(event, number=number)

    assert not {"/", "\\", "\0", ":", "\n", '"', "*", "?"} & set(name)
    assert name.isprintable()
    assert name.strip(". ") == name
    assert len(name) <= 100
    assert ours_in([{"FileName": f"\\\\server\\{name}", "DrawDesc": ""}], event)


def test_another_try_has_another_name_and_the_same_mark() -> None:
    event = stored()

    assert file_name(event, number=2) == f"a {mark(event)}-2.pdf"
    assert mark(event) == mark(stored(attempt="a2", filename="b.pdf"))
    assert len({mark(event), mark(stored(external_code="c2")), mark(stored(invoice_id="i2"))}) == 3


def test_ours_is_found_in_a_cut_description_in_capitals_or_in_the_file_name_alone() -> None:
    event = stored(filename="a very long name of an invoice.pdf")
    rows = [{"DrawDesc": description(event)[:30].upper(), "FileName": None}, {"FileName": file_name(event, number=3)}]

    assert all(ours_in([{}, {"DrawDesc": None}, row], event) is row for row in rows)
    assert ours_in([{"DrawDesc": description(stored(external_code="c2")), "FileName": "a.pdf"}], event) is None


def test_an_address_is_made_of_whole_parts() -> None:
    event = stored(external_code="../a b?x=1#y", invoice_id="i/1")

    assert address(event, "https://archive.example/x") == "https://archive.example/x/demo/i%2F1/..%2Fa%20b%3Fx%3D1%23y"


def test_settled_and_intents_are_of_this_transfer_and_this_attachment() -> None:
    event = stored()
    refused = AttachmentRefused(**ABOUT, how="link", sentence="no")
    linked = AttachmentLinked(
        **ABOUT, how="link", company="NWM", vendor_num=1, invoice_num="I", place="https://archive.example/x"
    )

    assert settled([refused], event)
    assert settled([linked], event)
    assert not settled([linked.model_copy(update={"attempt": "a0"}), intended(1)], event)
    assert not settled([linked.model_copy(update={"external_code": "c2"})], event)
    last = last_intent([intended(2), intended(1), intended(9, external_code="c2")], event)
    assert last is not None
    assert last.number == 2
    assert last_intent([], event) is None


@pytest.mark.parametrize(
    ("passed", "left"), [(0, 30), (29, 1), (30, 120), (149, 1), (150, 300), (449, 1), (450, 0), (9999, 0)]
)
def test_a_row_that_was_sent_is_looked_for_three_times_before_it_is_sent_again(passed: float, left: float) -> None:
    assert wait_left(intended(1), (30, 120, 300), now=AT + timedelta(seconds=passed)) == left


def test_a_row_that_was_never_sent_is_sent_at_once() -> None:
    assert wait_left(None, (30, 120, 300), now=AT) == 0
