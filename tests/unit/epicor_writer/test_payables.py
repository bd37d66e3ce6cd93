"""When the group of an entered invoice is posted, followed, asked for again or given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from epicor_writer.payables import MOST_REQUESTS, Request, Settled, Watch, next_move, objections
from epicor_writer.progress import Progress, progress
from mlc_common.events import GroupPostingRequested, GroupPostingSubmitted
from mlc_common.group_rules import GroupPosting
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow
from mlc_epicor.group_posting import PrePost

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PAUSES = (30.0, 120.0, 300.0)
COMMON: dict[str, Any] = {"connection": "demo", "at": AT, "invoice_id": "i1", "attempt": "a1"}
OPEN = APInvHedRow(InvoiceNum="INV-1")


def asked(number: int = 1, *, submitted: bool = True, ended: bool = False, error_before: str = "") -> Progress:
    place = {"company": "NWM", "group_id": "BK3F9X20", "invoice_num": "INV-1"}
    request = GroupPostingRequested(**COMMON, **place, number=number, how="task agent", error_before=error_before)
    taken = [GroupPostingSubmitted(**COMMON, number=number, ended=ended)] if submitted else []
    return progress([request, *taken], "a1")


def move(state: Progress, group: APInvGrpRow | None, *, after: float, header: APInvHedRow = OPEN) -> Any:
    now = AT + timedelta(seconds=after)
    return next_move(state, header, group, rules=GroupPosting(), pauses=PAUSES, now=now)


def codes(found: Any) -> list[str]:
    assert isinstance(found, Settled)
    assert not found.in_payables
    return [each.code for each in found.why]


def test_nothing_is_asked_for_that_is_posted_or_on_hold() -> None:
    assert move(Progress(), None, after=0) == Request()
    assert move(Progress(), None, after=0, header=APInvHedRow(Posted=True)) == Settled(in_payables=True)
    assert move(Progress(), None, after=0, header=APInvHedRow(InvoiceHeld=True)) == Settled(in_payables=False)
    assert move(asked(), None, after=9999, header=APInvHedRow(Posted=True)) == Settled(in_payables=True)


@pytest.mark.parametrize(("after", "pause"), [(0, 30), (59, 30), (100, 50), (3000, 300)])
def test_the_pauses_grow_with_the_time_that_has_passed(after: float, pause: float) -> None:
    assert move(asked(), APInvGrpRow(), after=after) == Watch(pause)


@pytest.mark.parametrize("group", [None, APInvGrpRow(PostInProcess=True), APInvGrpRow()])
@pytest.mark.parametrize("submitted", [True, False])
def test_after_the_patience_it_is_told_as_entered(group: APInvGrpRow | None, submitted: bool) -> None:
    assert codes(move(asked(submitted=submitted), group, after=3600)) == ["POSTING_NOT_SEEN"]


def test_an_error_is_news_only_if_it_is_another_than_before_or_the_patience_has_ended() -> None:
    group = APInvGrpRow(PostErrorLog="Invoice with\n no detail")

    assert codes(move(asked(), group, after=1)) == ["GROUP_NOT_POSTED"]
    assert isinstance(move(asked(error_before="Invoice with no detail"), group, after=1), Watch)
    assert codes(move(asked(error_before="Invoice with no detail"), group, after=3600)) == ["GROUP_NOT_POSTED"]
    assert isinstance(move(asked(), group.model_copy(update={"PostInProcess": True}), after=1), Watch)


def test_a_process_that_has_ended_without_posting_has_failed_even_without_a_word() -> None:
    found = move(asked(ended=True), APInvGrpRow(), after=0)

    assert codes(found) == ["GROUP_NOT_POSTED"]
    assert "gives no reason" in found.why[0].sentence


def test_only_a_request_that_may_be_lost_is_repeated_and_not_before_the_pauses_of_an_unclear_posting() -> None:
    assert isinstance(move(asked(submitted=False), APInvGrpRow(), after=449), Watch)
    assert move(asked(submitted=False), APInvGrpRow(), after=450) == Request()
    assert isinstance(move(asked(submitted=False), None, after=450), Watch)
    assert isinstance(move(asked(submitted=False), APInvGrpRow(PostInProcess=True), after=450), Watch)
    assert isinstance(move(asked(submitted=True), APInvGrpRow(), after=450), Watch)
    assert isinstance(move(asked(MOST_REQUESTS, submitted=False), APInvGrpRow(), after=450), Watch)


def test_the_check_before_posting_must_have_nothing_to_say() -> None:
    assert objections(PrePost()) == ()
    both = objections(PrePost(ReturnMessage="Continue?", VarianceMessage="0.01", TaxCalcFlag=True))
    assert [each.code for each in both] == ["GROUP_VARIANCE", "GROUP_ASKS"]
    assert [each.code for each in objections(PrePost(TaxCalcFlag=True))] == ["GROUP_ASKS"]
