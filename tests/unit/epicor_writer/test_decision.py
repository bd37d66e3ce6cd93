"""What happens next follows from what happened before and what Epicor holds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epicor_writer.decision import (
    Absent,
    Done,
    ForeignDuplicate,
    GiveUp,
    PostedOtherwise,
    Remove,
    Repair,
    Said,
    Send,
    Succeed,
    Wait,
    decide,
    next_step,
)
from epicor_writer.progress import Progress, after, progress
from epicor_writer.readback import differences
from mlc_common.catalogue import finding
from mlc_common.events import (
    DocumentFact,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    PostingIntended,
    PostingUnclear,
)
from mlc_epicor.datasets import APInvoiceDataset

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
COMMON: dict[str, Any] = {"connection": "demo", "at": AT, "invoice_id": "i1", "attempt": "a1"}


def intended(number: int, **values: Any) -> PostingIntended:
    return PostingIntended(
        **(COMMON | values),
        number=number,
        connection_version=1,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num="INV-1",
        group_id="B2610280",
        total=Decimal(1),
        digest="0",
    )


def unclear(number: int, look_ups: int, *, total: int = 1, failures: int = 0) -> PostingUnclear:
    return PostingUnclear(
        **COMMON, number=number, look_ups=look_ups, total=total, failures=failures, sentence="No answer came."
    )


def removed(number: int, times: int = 1) -> InvoiceRemoved:
    values: dict[str, Any] = {"company": "NWM", "vendor_num": 101, "invoice_num": "INV-1"}
    return InvoiceRemoved(**COMMON, number=number, times=times, difference="line 1 has no GL account", **values)


def posted(attempt: str = "a1") -> InvoicePosted:
    return InvoicePosted(
        **(COMMON | {"attempt": attempt}),
        connection_version=1,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num="INV-1",
        group_id="B2610280",
        voucher="B2610280",
        total=Decimal(1),
        currency="USD",
        lines=1,
    )


def state(*events: DocumentFact) -> Progress:
    return progress(events, "a1")


INCOMPLETE = Repair("line 1 has no GL account", "group B2610280, not posted", "B2610280")


def test_without_facts_everything_is_fresh() -> None:
    assert state() == Progress()


@pytest.mark.parametrize(
    ("events", "phase", "number"),
    [
        ([intended(1)], "sent", 1),
        ([intended(1), unclear(1, 1)], "unclear", 1),
        ([unclear(1, 2), intended(2)], "sent", 2),
        ([intended(1), removed(1)], "removed", 1),
        ([removed(1), intended(2)], "sent", 2),
        ([intended(1), posted()], "settled", 1),
        ([InvoiceRefused(**COMMON, connection_version=1, findings=(finding("SUPERSEDED"),))], "settled", 0),
        ([intended(1, attempt="a0"), posted("a0")], "fresh", 0),
    ],
)
def test_the_last_facts_of_the_attempt_say_how_far_it_is(events: list[DocumentFact], phase: str, number: int) -> None:
    found = state(*events)

    assert (found.phase, found.number) == (phase, number)


def test_failures_and_removals_are_remembered_across_intents() -> None:
    found = state(intended(1), unclear(1, 1, failures=2), removed(1), intended(2))

    assert (found.failures, found.removals) == (2, 1)


def test_nothing_is_removable_that_was_handed_over_or_never_sent() -> None:
    assert not state().removable
    assert state(intended(1)).removable
    assert state(intended(1, attempt="a0")).removable
    assert not state(intended(1, attempt="a0"), posted("a0"), intended(1)).removable


@pytest.mark.parametrize(
    ("events", "verdict", "said", "step"),
    [
        ([], Absent(), Said.NOTHING, Send()),
        ([], INCOMPLETE, Said.NOTHING, "HELD_OTHERWISE"),
        ([intended(1, attempt="a0")], INCOMPLETE, Said.NOTHING, Remove),
        ([intended(1)], Absent(), Said.NOTHING, Wait(1)),
        ([intended(1)], Absent(), Said.UNCLEAR, Wait(1)),
        ([intended(1)], Absent(), Said.YES, Wait(1)),
        ([intended(1)], Absent(), Said.NO, None),
        ([intended(1)], Absent(), Said.GROUP_TAKEN, Send()),
        ([intended(1)], INCOMPLETE, Said.NOTHING, Wait(0)),
        ([intended(1)], INCOMPLETE, Said.UNCLEAR, Wait(0)),
        ([intended(1)], INCOMPLETE, Said.YES, Remove),
        ([intended(1)], INCOMPLETE, Said.NO, Remove),
        ([intended(1), unclear(1, 1)], Absent(), Said.NOTHING, Send()),
        ([intended(1), unclear(1, 1)], INCOMPLETE, Said.NOTHING, Wait(0)),
        ([intended(1), unclear(1, 0)], INCOMPLETE, Said.NOTHING, Remove),
        ([intended(1), unclear(1, 0)], Absent(), Said.NOTHING, Wait(1)),
        ([intended(1), unclear(1, 1, failures=4)], Absent(), Said.NOTHING, "EPICOR_KEEPS_FAILING"),
        ([intended(1), unclear(1, 1, failures=4)], INCOMPLETE, Said.NOTHING, Wait(0)),
        ([intended(1), removed(1)], Absent(), Said.NOTHING, Send()),
        ([intended(2), removed(2, times=2)], Absent(), Said.NOTHING, "NOT_AS_SENT"),
        ([intended(1)], ForeignDuplicate("group X"), Said.UNCLEAR, "DUPLICATE"),
        ([intended(1)], PostedOtherwise("a total"), Said.NOTHING, "POSTED_OTHERWISE"),
    ],
)
def test_the_next_step(events: list[DocumentFact], verdict: Any, said: Said, step: Any) -> None:
    found = next_step(state(*events), verdict, said)

    match step:
        case str() | None:
            assert isinstance(found, GiveUp)
            assert found.code == step
        case type():
            assert isinstance(found, step)
        case _:
            assert found == step


@pytest.mark.parametrize(("said", "found"), [(Said.YES, False), (Said.NOTHING, True), (Said.UNCLEAR, True)])
def test_a_complete_invoice_is_a_success_however_it_came_about(held: APInvoiceDataset, said: Said, found: bool) -> None:
    assert next_step(state(intended(1)), Done(held), said) == Succeed(held, found=found)


def test_an_invoice_with_our_id_and_content_is_done(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert decide(None, meant) == Absent()
    assert decide(held, meant) == Done(held)


def with_header(held: APInvoiceDataset, **values: Any) -> APInvoiceDataset:
    return held.model_copy(update={"APInvHed": (held.header.model_copy(update=values),)})


def test_an_invoice_with_another_id_is_somebody_elses_even_with_our_content(
    meant: APInvoiceDataset, held: APInvoiceDataset
) -> None:
    verdict = decide(with_header(held, ExternalID="other", EntryPerson="mkowalski"), meant)

    assert verdict == ForeignDuplicate("group B2610280, entered by mkowalski, not posted")


def test_an_id_that_epicor_cut_is_still_ours(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    cut = meant.header.ExternalID[:20]

    assert isinstance(decide(with_header(held, ExternalID=cut.upper()), meant), Done)
    assert isinstance(decide(with_header(held, ExternalID=cut[:8]), meant), ForeignDuplicate)


def test_where_epicor_keeps_no_id_the_group_tells(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    assert isinstance(decide(with_header(held, ExternalID=""), meant), Done)
    assert isinstance(decide(with_header(held, ExternalID="", GroupID="AP11"), meant), ForeignDuplicate)


def test_without_an_intent_of_ours_no_group_makes_an_invoice_ours(
    meant: APInvoiceDataset, held: APInvoiceDataset
) -> None:
    """Another connection to the same Epicor company may use groups of the same names."""
    never_sent = with_header(meant, GroupID="")

    for group_id in ("", "B2610280"):
        found = with_header(held, ExternalID="", GroupID=group_id)
        assert isinstance(decide(found, never_sent), ForeignDuplicate)


def test_what_differs_is_repaired_only_while_it_is_not_posted(meant: APInvoiceDataset, held: APInvoiceDataset) -> None:
    short = held.model_copy(update={"APInvDtl": ()})

    assert isinstance(decide(short, meant), Repair)
    assert isinstance(decide(with_header(short, Posted=True), meant), PostedOtherwise)


VERDICTS = st.sampled_from(["absent", "incomplete"])


@given(st.lists(st.tuples(VERDICTS, st.sampled_from(list(Said)), st.booleans()), max_size=30))
def test_nothing_is_sent_again_without_two_look_ups_in_a_row_that_found_nothing(
    happenings: list[tuple[str, Said, bool]],
) -> None:
    """Plays any sequence of sights and answers; counts what a stubborn look at Epicor would have shown."""
    now, absent_in_a_row, must_be_two = Progress(), 0, False
    for sight, answer, crashed in happenings:
        said = Said.NOTHING if crashed or now.phase != "sent" else answer
        if said is not Said.NOTHING:
            absent_in_a_row = 0
        absent_in_a_row = absent_in_a_row + 1 if sight == "absent" else 0
        step = next_step(now, Absent() if sight == "absent" else INCOMPLETE, said)
        match step:
            case Send():
                assert sight == "absent"
                assert not must_be_two or absent_in_a_row >= 2 or said is Said.GROUP_TAKEN
                now, must_be_two, absent_in_a_row = after(now, intended(now.number + 1)), True, 0
            case Wait(look_ups):
                now = after(now, unclear(now.number, look_ups, total=now.total + 1))
            case Remove():
                now, must_be_two = after(now, removed(now.number, now.removals + 1)), False
            case GiveUp():
                return


AMOUNTS = st.decimals(min_value=-1000, max_value=1000, places=2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_whatever_epicor_holds_done_means_no_difference(
    meant: APInvoiceDataset, held: APInvoiceDataset, data: st.DataObject
) -> None:
    values = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "DocInvoiceAmt": st.none() | AMOUNTS,
                "DocInvoiceVariance": st.none() | AMOUNTS,
                "Posted": st.booleans(),
                "ExternalID": st.sampled_from(["", "other", meant.header.ExternalID]),
                "GroupID": st.sampled_from(["", "B2610280", "AP11"]),
                "CurrencyCode": st.sampled_from(["USD", "EUR", ""]),
            },
        )
    )
    tables = {
        table: tuple(data.draw(st.lists(st.sampled_from(getattr(held, table)), max_size=3)))
        for table in data.draw(st.sets(st.sampled_from(["APInvDtl", "APInvExp", "APInvExpTGLC", "APInvTax"])))
    }
    changed = with_header(held, **values).model_copy(update=tables)

    verdict = decide(changed, meant)

    if isinstance(verdict, Done):
        assert differences(meant, changed) == []
        assert changed.header.DocInvoiceAmt == meant.header.ScrDocInvoiceVendorAmt
        assert {row.GLAccount for row in changed.APInvExpTGLC} == {"6100|10|200"}
    assert isinstance(verdict, Done) or differences(meant, changed) or isinstance(verdict, ForeignDuplicate)
