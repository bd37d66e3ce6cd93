"""The day that picks the fiscal period: by the connection's rule, by the company's own, and the same after a crash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from epicor_writer.apply_dates import apply_date_findings, apply_date_of
from epicor_writer.draft import to_draft
from epicor_writer.groups import apply_date_in, group_ids
from epicor_writer.invoice import Draft
from mlc_basware.documents import AccountingDocument
from mlc_common.company_rules import CompanyPair
from mlc_common.posting_rules import ApplyDate, Posting, PostingOverrides

from .conftest import TODAY

Document = Callable[..., AccountingDocument]
INVOICE_DATE = date(2026, 10, 28)
VOUCHER_DATE = date(2026, 10, 31)


@pytest.mark.parametrize(
    ("zone", "own", "day"),
    [
        ("UTC", None, date(2026, 2, 1)),
        ("America/New_York", None, date(2026, 1, 31)),
        ("America/New_York", "Asia/Tokyo", date(2026, 2, 1)),
        ("UTC", "America/Los_Angeles", date(2026, 1, 31)),
    ],
)
def test_today_is_the_day_where_the_books_are_kept(zone: str, own: str | None, day: date) -> None:
    rules = PostingOverrides(time_zone=own).applied_to(Posting(time_zone=zone))

    assert rules.day_of(datetime(2026, 2, 1, 1, 30, tzinfo=UTC)) == day


def test_a_time_zone_that_nobody_knows_is_said() -> None:
    with pytest.raises(ValueError, match="no such time zone"):
        Posting(time_zone="America/Newyork")


@pytest.mark.parametrize(
    ("rule", "open_from", "day"),
    [
        ("invoice_date", None, INVOICE_DATE),
        ("voucher_date", None, VOUCHER_DATE),
        ("today", None, TODAY),
        ("first_open_day", date(2026, 11, 1), date(2026, 11, 1)),
        ("first_open_day", INVOICE_DATE, INVOICE_DATE),
        ("first_open_day", date(2026, 10, 1), INVOICE_DATE),
        ("first_open_day", None, INVOICE_DATE),
    ],
)
def test_each_rule_names_its_day(document: Document, rule: str, open_from: date | None, day: date) -> None:
    posting = Posting(apply_date=ApplyDate(rule), open_from=open_from)

    assert apply_date_of(document(voucherDate=VOUCHER_DATE.isoformat()), posting, today=TODAY) == day


def test_a_company_has_its_own_rule_and_its_own_open_day(document: Document) -> None:
    own = PostingOverrides(apply_date=ApplyDate.FIRST_OPEN_DAY, open_from=date(2026, 12, 1))

    assert apply_date_of(document(), own.applied_to(Posting(open_from=TODAY)), today=TODAY) == date(2026, 12, 1)


def test_a_day_before_the_first_open_one_is_told_before_epicor_is_asked(document: Document) -> None:
    posting = Posting(open_from=date(2026, 11, 1))

    (found,) = apply_date_findings(document(), posting, INVOICE_DATE)
    assert (found.code, "2026-11-01" in found.sentence) == ("PERIOD_CLOSED", True)
    assert list(apply_date_findings(document(), posting, date(2026, 11, 1))) == []


@pytest.mark.parametrize("rule", list(ApplyDate))
@pytest.mark.parametrize("open_from", [None, date(2026, 10, 1), date(2026, 12, 1)])
def test_what_was_sent_is_meant_for_the_same_day_after_a_crash_whatever_was_closed_since(
    document: Document, pair: CompanyPair, rule: ApplyDate, open_from: date | None
) -> None:
    body = document(voucherDate=VOUCHER_DATE.isoformat())
    first = to_draft(body, pair, Posting(apply_date=rule, open_from=date(2026, 10, 15)), today=TODAY)
    assert isinstance(first, Draft)
    (group_id, *_) = group_ids("B", first.apply_date, slot=0, cap=2)

    later = Posting(apply_date=rule, open_from=open_from)
    again = to_draft(body, pair, later, today=date(2027, 1, 2), apply_date=apply_date_in(group_id))

    assert again == first
