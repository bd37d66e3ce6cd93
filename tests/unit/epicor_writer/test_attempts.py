"""What the other transfers of a document mean to one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.attempts import Key, contradicted, elsewhere, groups_of, open_before, superseded
from epicor_writer.progress import pause_left, progress
from mlc_common.catalogue import finding
from mlc_common.events import (
    DocumentApproved,
    Event,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    PostingIntended,
    PostingUnclear,
)
from mlc_common.failures import PermanentError

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINE = Key("NWM", "10432", "INV-1")


def common(attempt: str) -> dict[str, Any]:
    return {"connection": "demo", "at": AT, "invoice_id": "i1", "attempt": attempt}


def approved(attempt: str) -> DocumentApproved:
    values = {"company_code": "US01", "supplier_code": "10432", "currency": "USD", "document": "{}"}
    return DocumentApproved(**common(attempt), seen_by="push", status="WaitingForTransfer", **values)


def place(**values: Any) -> dict[str, Any]:
    held = {"company": "NWM", "vendor_num": 101, "vendor_id": "10432", "invoice_num": "INV-1", "group_id": "B2610280"}
    return {**held, "connection_version": 1, "total": Decimal(1), **values}


def intended(attempt: str, number: int = 1, **values: Any) -> PostingIntended:
    return PostingIntended(**common(attempt), number=number, digest="0", **place(**values))


def posted(attempt: str, **values: Any) -> InvoicePosted:
    return InvoicePosted(**common(attempt), voucher="B2610280", currency="USD", lines=1, **place(**values))


def refused(attempt: str) -> InvoiceRefused:
    return InvoiceRefused(**common(attempt), connection_version=1, findings=(finding("SUPERSEDED"),))


def unclear(attempt: str, *, total: int = 1, number: int = 1) -> PostingUnclear:
    return PostingUnclear(**common(attempt), number=number, look_ups=1, total=total, sentence="No answer came.")


def test_only_a_later_approval_supersedes_a_transfer() -> None:
    assert superseded([approved("a1"), approved("a2")], "a1")
    assert not superseded([approved("a1"), approved("a2")], "a2")
    assert not superseded([approved("a1"), intended("a1")], "a1")
    assert not superseded([], "a1")


def test_transfers_with_an_intent_and_no_outcome_are_open() -> None:
    history: list[Event] = [
        *(approved(name) for name in ("fresh", "sent", "posted", "refused", "removed", "mine")),
        *(intended(name) for name in ("sent", "posted", "refused", "removed", "mine")),
        InvoiceRemoved(**common("removed"), number=1, company="NWM", vendor_num=101, invoice_num="1", difference="x"),
        posted("posted"),
        refused("refused"),
    ]

    found = list(open_before(history, "mine"))

    assert [each.approved.attempt for each in found] == ["sent", "removed"]
    assert [each.state.phase for each in found] == ["sent", "removed"]


def test_an_intent_that_nobody_approved_is_loud_while_it_is_open() -> None:
    with pytest.raises(PermanentError, match="never approved"):
        list(open_before([intended("a1"), approved("a2")], "a2"))

    assert not list(open_before([intended("a1"), posted("a1"), approved("a2")], "a2"))


@pytest.mark.parametrize(
    ("values", "other"),
    [
        ({}, False),
        ({"invoice_num": " inv-1 "}, False),
        ({"invoice_num": "INV-2"}, True),
        ({"vendor_id": "10433", "vendor_num": 102}, True),
        ({"company": "NWF"}, True),
    ],
)
def test_another_transfers_invoice_is_elsewhere_when_its_key_is_another(values: dict[str, Any], other: bool) -> None:
    assert bool(elsewhere([posted("a1", **values)], "a2", MINE)) is other
    assert bool(elsewhere([intended("a1", **values), refused("a1")], "a2", MINE)) is other
    assert not elsewhere([posted("a2", **values)], "a2", MINE), "its own is nowhere else"


def test_a_place_is_named_once_and_known_as_posted_when_one_transfer_was() -> None:
    history: list[Event] = [
        intended("a1", invoice_num="INV-2"),
        posted("a1", invoice_num="INV-2"),
        intended("a2", invoice_num="inv-2"),
    ]

    (found,) = elsewhere(history, "a3", MINE)

    assert found.posted
    assert not elsewhere(history[:1], "a3", MINE)[0].posted


def test_two_kinds_of_outcome_contradict_each_other_within_a_transfer() -> None:
    assert contradicted([refused("a1")], posted("a1"))
    assert contradicted([posted("a1")], refused("a1"))
    assert not contradicted([posted("a1"), refused("a2")], posted("a1"))


def test_every_group_of_a_transfer_is_named_once() -> None:
    history = [intended("a1"), intended("a1", 2, group_id="B2610281"), intended("a1", 3), intended("a2", group_id="X")]

    assert groups_of(history, "a1") == (("NWM", "B2610280"), ("NWM", "B2610281"))


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ([], 0),
        ([intended("a1")], 0),
        ([intended("a1"), unclear("a1")], 5),
        ([intended("a1"), unclear("a1", total=2)], 20),
        ([intended("a1"), unclear("a1", total=9)], 60),
        ([intended("a1", 2), unclear("a1", number=2)], 20),
        ([intended("a1"), unclear("a1", total=0)], 0),
        ([intended("a1"), unclear("a1"), intended("a1", 2)], 0),
    ],
)
def test_the_pause_between_two_look_ups_is_known_from_the_log(events: list[Any], seconds: int) -> None:
    state, pauses = progress(events, "a1"), (5, 20, 60)

    assert pause_left(state, pauses=pauses, now=AT) == seconds
    assert pause_left(state, pauses=pauses, now=AT + timedelta(seconds=4)) == max(seconds - 4, 0)
    assert pause_left(state, pauses=pauses, now=AT + timedelta(seconds=61)) == 0
