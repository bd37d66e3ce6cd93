"""Every kind of break is found by its seed alone; clean books, whatever they hold, have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_console.reconciliation.breaks import BREAKS
from operator_console.reconciliation.invoice_sides import Case, Paid, Posted, Side, Told
from operator_console.reconciliation.reconciling import judge
from operator_console.reconciliation.sums import Sums

from .reconciled import (
    BASWARE,
    CLAIM,
    CLEAN,
    CODE,
    EPICOR,
    HERE,
    ID,
    NOW,
    RULES,
    basware,
    epicor,
    here,
    refused,
    waiting,
)

PAID = Paid("paid", paid=Decimal("240.10"), balance=Decimal(0), picture=2, told=2)
SETTLED = here(basware(epicor(balance=Decimal(0), open=False), status="Paid", paid=(Decimal("240.10"),)), paid=PAID)
UNPOSTED = epicor(posted=False, open=False, balance=Decimal(0))
PREBOOKED = here(
    basware(epicor(UNPOSTED, held=True), status="Prebooked"), posted=Posted(CLAIM, "USD", "B2611200", prebook=True)
)
OTHERS = replace(EPICOR, external_id="another-document-of-basware", entered_by="clerk", group="CLERK1")

SEEDED: Sequence[tuple[str, str, Case]] = (
    ("offered and never read", "NOT_READ", Case(replace(BASWARE, status="WaitingForTransfer"), None)),
    ("taken by nobody we know", "TAKEN_NOT_RECORDED", Case(replace(BASWARE, status="TransferInProgress"), None)),
    ("failed unread", "NEVER_READ_AND_FAILED", Case(replace(BASWARE, status="TransferFailed"), None)),
    ("transferred by others", "TRANSFERRED_ELSEWHERE", Case(BASWARE, None)),
    ("paid by others", "TRANSFERRED_ELSEWHERE", Case(replace(BASWARE, status="Paid"), None)),
    ("transferred again", "NEW_TRANSFER_NOT_READ", basware(status="WaitingForTransfer", batch="b2")),
    (
        "transferred again, and taken",
        "NEW_TRANSFER_NOT_READ",
        basware(refused(), status="TransferInProgress", batch="b2"),
    ),
    ("transfer after prebooking unread", "NEW_TRANSFER_NOT_READ", basware(PREBOOKED, status="WaitingForTransfer")),
    ("a later transfer ended", "TRANSFER_NOT_SEEN", basware(batch="b2")),
    ("acknowledge lost", "NOT_ACKNOWLEDGED", waiting(status="WaitingForTransfer", acknowledged=False)),
    ("writer stands still", "READ_NOT_POSTED", waiting()),
    ("answer of Epicor lost", "OUTCOME_UNKNOWN", waiting(sent=CLAIM, phase="unclear")),
    ("crash before the record", "ENTERED_NOT_RECORDED", replace(waiting(sent=CLAIM), rows=(EPICOR,))),
    ("dead letter of the approval", "STUCK", waiting(phase="stuck")),
    ("dead letter of the outcome", "STUCK", here(basware(status="TransferInProgress"), phase="stuck", told=None)),
    ("held by a person", "HELD_HERE", waiting(phase="held")),
    ("waits to be completed", "FOR_A_PERSON", basware(status="WaitingToBeCompleted")),
    ("unknown and for a person", "FOR_A_PERSON", Case(replace(BASWARE, status="WaitingToBeReturned"), None)),
    ("window ran out", "TIMED_OUT", waiting(status="TransferFailed")),
    ("prebooking window ran out", "TIMED_OUT", waiting(status="PrebookFailed")),
    ("answered by somebody else first", "DONE_WITHOUT_US", waiting(status="Transferred")),
    ("removed unnoticed", "REMOVED_NOT_NOTICED", waiting(status="Removed")),
    ("gone from Basware", "UNKNOWN_TO_BASWARE", replace(waiting(), basware=None)),
    ("sum changed", "AMOUNT_CHANGED", basware(gross=Decimal("240.11"))),
    ("sum emptied", "AMOUNT_CHANGED", basware(gross=None)),
    ("currency changed", "CURRENCY_CHANGED", basware(currency="EUR")),
    ("supplier changed", "SUPPLIER_CHANGED", basware(supplier="10433")),
    ("number changed", "NUMBER_CHANGED", basware(number="INV-2")),
    ("date changed", "DATE_CHANGED", basware(day=date(2026, 11, 21))),
    ("company changed", "COMPANY_CHANGED", basware(company="FI01")),
    ("deleted in Epicor", "MISSING_IN_EPICOR", replace(CLEAN, rows=())),
    ("replaced in Epicor", "FOREIGN_UNDER_OUR_KEY", replace(CLEAN, rows=(), foreign=OTHERS)),
    ("twice in Epicor", "ENTERED_TWICE", replace(CLEAN, rows=(EPICOR, replace(EPICOR, number="INV-1-2")))),
    ("two documents, one invoice", "CLAIMED_TWICE", replace(CLEAN, claimed_too="another")),
    (
        "sum edited in Epicor",
        "AMOUNT_DIFFERS",
        epicor(total=Decimal("240.01"), control=Decimal("240.01"), balance=Decimal("240.01")),
    ),
    ("currency edited in Epicor", "CURRENCY_DIFFERS", epicor(currency="CAD")),
    ("date edited in Epicor", "DATE_DIFFERS", epicor(day=date(2026, 11, 1))),
    ("vendor changed in Epicor", "VENDOR_DIFFERS", epicor(vendor_num=102)),
    ("number changed in Epicor", "KEY_NUMBER_DIFFERS", epicor(number="INV-1A")),
    ("entered in another company", "COMPANY_DIFFERS", epicor(company="NWF")),
    ("a debit memo instead", "SIGN_DIFFERS", epicor(debit_memo=True)),
    ("lines do not add up", "OUT_OF_BALANCE", epicor(UNPOSTED, control=Decimal("240.00"))),
    ("on hold in Epicor", "HELD_IN_EPICOR", epicor(UNPOSTED, held=True)),
    (
        "unposted too long",
        "UNPOSTED",
        here(basware(UNPOSTED, changed=NOW - timedelta(days=4)), moved=NOW - timedelta(days=4)),
    ),
    ("unposted after its month", "UNPOSTED", epicor(UNPOSTED, apply_date=date(2026, 10, 31))),
    ("refused, yet there", "REFUSED_BUT_STANDS", replace(refused(), rows=(EPICOR,))),
    ("removed after posting", "REMOVED_BUT_STANDS", basware(status="Removed")),
    ("to be removed after posting", "REMOVED_BUT_STANDS", basware(status="WaitingToBeRemoved")),
    (
        "withdrawn while it was entered",
        "REMOVED_BUT_STANDS",
        replace(waiting(status="Removed", withdrawn=True, sent=CLAIM), rows=(EPICOR,)),
    ),
    ("answers stand still", "POSTED_NOT_ANSWERED", here(basware(status="TransferInProgress"), told=None)),
    ("refusals are not answered", "REFUSED_NOT_ANSWERED", refused(status="TransferInProgress", told=None)),
    (
        "answer not taken",
        "ANSWER_REJECTED",
        here(basware(status="TransferFailed"), told=Told(True, (CODE,), rejected=True)),
    ),
    (
        "answer lost before P2P",
        "ANSWER_UNDELIVERED",
        here(basware(status="TransferInProgress"), told=Told(True, (CODE,), arrived=False)),
    ),
    (
        "nobody says whether it arrived",
        "ANSWER_UNCONFIRMED",
        here(basware(status="TransferInProgress"), told=Told(True, (CODE,), unconfirmed=True)),
    ),
    ("success not shown", "ANSWER_NOT_ARRIVED", basware(status="TransferInProgress")),
    ("refusal not shown", "ANSWER_NOT_ARRIVED", refused(status="TransferInProgress")),
    ("success shown as failure", "POSTED_BUT_FAILED", basware(status="TransferFailed")),
    ("prebooking shown as failure", "POSTED_BUT_FAILED", basware(PREBOOKED, status="PrebookFailed")),
    ("refusal shown as success", "REFUSED_BUT_TRANSFERRED", refused(status="Transferred")),
    ("another program answered", "ANSWERED_BY_ANOTHER", basware(codes=("not-ours",))),
    ("voucher edited in Basware", "VOUCHER_DIFFERS", basware(voucher="B2611299")),
    ("entered from another environment", "UNKNOWN_HERE", Case(None, None, (EPICOR,))),
    (
        "history lost, Basware knows it",
        "UNKNOWN_HERE",
        Case(BASWARE, None, (replace(EPICOR, entered_by="x", group="X"),)),
    ),
    (
        "our user without a document",
        "WITHOUT_DOCUMENT",
        Case(None, None, (replace(EPICOR, external_id="", group="AP1"),)),
    ),
    ("a clerk in our group", "IN_OUR_GROUP", Case(None, None, (replace(EPICOR, external_id="", entered_by="clerk"),))),
    ("paid in Basware alone", "PAID_ONLY_IN_BASWARE", basware(status="Paid")),
    ("payment not seen", "PAYMENT_NOT_SEEN", epicor(balance=Decimal("40.10"))),
    ("payment moved on", "PAYMENT_MOVED", epicor(SETTLED, balance=Decimal("240.10"), open=True)),
    (
        "payment not told",
        "PAYMENT_NOT_TOLD",
        here(basware(SETTLED, status="Transferred", paid=()), paid=replace(PAID, told=0)),
    ),
    (
        "void not told",
        "PAYMENT_NOT_TOLD",
        here(epicor(SETTLED, balance=Decimal("240.10")), paid=Paid("voided", Decimal(0), Decimal("240.10"), 3, 2)),
    ),
    ("payment told in vain", "PAYMENT_UNDELIVERED", here(SETTLED, paid=replace(PAID, undelivered="not saved"))),
    (
        "payment told, nobody knows and nobody shows",
        "PAYMENT_UNDELIVERED",
        here(basware(SETTLED, status="Transferred"), paid=replace(PAID, undelivered="unconfirmed")),
    ),
    ("payment not shown", "PAID_NOT_CONFIRMED", basware(SETTLED, status="Transferred", paid=())),
    ("another sum paid in Basware", "PAID_TOTAL_DIFFERS", basware(SETTLED, paid=(Decimal("200.00"),))),
    ("books of payments do not add up", "PAYMENT_UNCLEAR", here(SETTLED, paid=replace(PAID, standing="unclear"))),
)

OF_THE_DATASET = {"LINES_DIFFER", "ACCOUNT_DIFFERS", "ACCOUNT_MISSING", "DISTRIBUTION_DIFFERS"}
"""Told from an invoice's lines only; see test_deep_look.py."""


@pytest.mark.parametrize(("code", "case"), [pytest.param(code, case, id=name) for name, code, case in SEEDED])
def test_a_seeded_break_is_found_and_nothing_else(code: str, case: Case) -> None:
    found = judge(case, RULES)

    assert [each.code for each in found] == [code]
    assert "{" not in found[0].sentence + found[0].remedy
    assert found[0].invoice_id or found[0].number


def test_every_kind_of_break_is_seeded() -> None:
    assert {code for _, code, _ in SEEDED} | OF_THE_DATASET == set(BREAKS)
    assert len(BREAKS) >= 30


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(CLEAN, id="posted"),
        pytest.param(UNPOSTED, id="entered lately, not posted yet"),
        pytest.param(PREBOOKED, id="prebooked, on hold"),
        pytest.param(refused(), id="refused and told"),
        pytest.param(SETTLED, id="paid and told"),
        pytest.param(here(SETTLED, paid=replace(PAID, picture=3)), id="a picture that says the same is not told again"),
        pytest.param(here(SETTLED, paid=replace(PAID, undelivered="unconfirmed")), id="paid, told, found again"),
        pytest.param(waiting(status="Removed", withdrawn=True), id="withdrawn in time"),
        pytest.param(waiting(status="WaitingForTransfer", moved=NOW), id="just read"),
        pytest.param(replace(CLEAN, basware=None), id="answered, and Basware has cleaned up"),
        pytest.param(basware(codes=("interim", CODE)), id="told still working before"),
        pytest.param(basware(codes=(CODE, "interim")), id="answers listed the other way round"),
        pytest.param(
            here(epicor(day=date(2026, 11, 1)), posted=Posted(CLAIM, "USD", "B2611200", linked=True)),
            id="linked to an invoice that a clerk dated otherwise",
        ),
        pytest.param(basware(voucher=None), id="Basware does not show vouchers"),
        pytest.param(here(epicor(day=date(2026, 11, 1)), overridden=True), id="a person had another date entered"),
        pytest.param(epicor(external_id=""), id="Epicor keeps no external ids"),
        pytest.param(epicor(external_id=ID[:24]), id="Epicor cuts external ids"),
        pytest.param(epicor(number="inv-1 "), id="numbers compare as in the database"),
        pytest.param(Case(None, None, (OTHERS,)), id="somebody else's invoice"),
        pytest.param(Case(replace(BASWARE, company="ZZ99"), None), id="a company that is not ours"),
        pytest.param(Case(replace(BASWARE, status="Removed"), None), id="removed before it was offered"),
        pytest.param(Case(replace(BASWARE, status="WaitingForPrebook"), None), id="prebooking is off"),
        pytest.param(here(epicor(posted=False, held=True), moved=NOW), id="in motion"),
    ],
)
def test_clean_books_have_no_break(case: Case) -> None:
    assert judge(case, RULES) == []


def test_a_credit_note_is_the_same_with_either_sign() -> None:
    credit = replace(CLAIM, total=Decimal("-240.10"))
    posted = here(posted=Posted(credit, "USD", "B2611200"), sent=credit)
    stored_negative = epicor(posted, total=Decimal("-240.10"), balance=Decimal("-240.10"), debit_memo=True)
    stored_positive = epicor(posted, debit_memo=True)
    sums = Sums()
    for case in (stored_negative, stored_positive):
        sums.add(case, RULES)

    assert judge(stored_negative, RULES) == judge(stored_positive, RULES) == []
    (line,) = sums.lines()
    assert (line.basware_sum, line.here_sum, line.epicor_sum, line.agrees) == (*[Decimal("-480.20")] * 3, True)


@pytest.mark.parametrize("side", list(Side))
def test_what_a_side_may_not_have_shown_is_not_told(side: Side) -> None:
    """A break that rests on something missing needs that side whole; one that was seen is told."""
    for name, code, case in SEEDED:
        found = judge(replace(case, unsure=frozenset({side})), RULES)
        assert [each.code for each in found] == ([] if side in BREAKS[code].needs else [code]), name


@pytest.mark.parametrize(
    ("side", "case"),
    [
        (Side.BASWARE, replace(waiting(), basware=None)),
        (Side.EPICOR, replace(CLEAN, rows=())),
        (Side.EPICOR, waiting(sent=CLAIM)),
        (Side.EPICOR, Case(BASWARE, None)),
        (Side.HERE, Case(BASWARE, None)),
        (Side.HERE, Case(replace(BASWARE, status="WaitingForTransfer"), None)),
        (Side.HERE, Case(None, None, (EPICOR,))),
    ],
)
def test_an_absence_is_no_break_where_the_side_was_not_read_to_its_end(side: Side, case: Case) -> None:
    assert judge(case, RULES)
    assert judge(replace(case, unsure=frozenset({side})), RULES) == []


@pytest.mark.parametrize(("name", "code", "case"), SEEDED, ids=[name for name, _, _ in SEEDED])
def test_what_is_in_motion_is_not_judged(name: str, code: str, case: Case) -> None:
    moving = replace(
        case,
        basware=case.basware and replace(case.basware, changed=NOW),
        here=case.here and replace(case.here, moved=NOW),
    )

    assert judge(moving, RULES) == ([] if case.basware or case.here else judge(case, RULES))


AMOUNTS = st.decimals(min_value="-99999999.99", max_value="99999999.99", places=2)
CODES = st.text(alphabet="ABCDEFGHIJ0123456789", min_size=1, max_size=12)


@given(
    books=st.lists(
        st.tuples(
            st.sampled_from(["posted", "refused", "waiting", "paid"]),
            AMOUNTS,
            CODES,
            st.sampled_from(["USD", "EUR", "JPY"]),
            st.sampled_from([("US01", "NWM"), ("FI01", "NWF")]),
            st.dates(date(2026, 9, 1), date(2026, 11, 25)),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_clean_random_books_have_no_break_and_equal_sums(
    books: list[tuple[str, Decimal, str, str, tuple[str, str], date, bool]],
) -> None:
    sums = Sums()
    total = Decimal(0)
    for number, (kind, amount, code, currency, (ours, theirs), day, turned) in enumerate(books):
        case = _clean(
            number, kind, amount, code=code, currency=currency, companies=(ours, theirs), day=day, turned=turned
        )
        total += amount
        assert judge(case, RULES) == []
        sums.add(case, RULES)
    lines = sums.lines()

    assert all(line.agrees for line in lines)
    assert sum((line.here_sum for line in lines), Decimal(0)) == total
    assert sum(line.here_count for line in lines) == len(books)


def _clean(
    number: int,
    kind: str,
    amount: Decimal,
    *,
    code: str,
    currency: str,
    companies: tuple[str, str],
    day: date,
    turned: bool,
) -> Case:
    """A clean invoice; `turned`: its credit notes are positive in Basware and told apart by their type."""
    ours, theirs = companies
    gross = abs(amount) if turned and kind in ("posted", "paid") else amount
    shared = {"invoice_id": f"{ID[:-4]}{number:04}", "company": ours, "currency": currency, "number": code, "day": day}
    claim = replace(CLAIM, company=theirs, number=code, total=amount)
    made = replace(
        CLEAN,
        basware=replace(BASWARE, **shared, gross=gross),  # type: ignore[arg-type]
        here=replace(HERE, **shared, gross=gross, sent=claim, posted=Posted(claim, currency, "B2611200")),  # type: ignore[arg-type]
    )
    made = epicor(
        made, company=theirs, number=code, currency=currency, total=amount, control=amount, balance=amount, day=day,
        apply_date=day, debit_memo=amount < 0, external_id=shared["invoice_id"],
    )  # fmt: skip
    if kind == "refused":
        return refused(made)
    if kind == "waiting":
        return waiting(made, moved=datetime(2026, 11, 25, 8, 30, tzinfo=UTC))
    if kind == "paid" and amount:
        paid = Paid("paid", amount, Decimal(0), 1, 1)
        return here(basware(epicor(made, balance=Decimal(0), open=False), status="Paid", paid=(gross,)), paid=paid)
    return made
