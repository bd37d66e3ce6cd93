"""Which run is due when, and from where changed rows are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from masterdata_sync.due import due
from masterdata_sync.kind import Source
from masterdata_sync.progress import Run
from masterdata_sync.watermarks import can_tell, conditions, raised, since
from mlc_common.masterdata_rules import Baq, MasterData, Reading, Schedule

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HELSINKI = ZoneInfo("Europe/Helsinki")
VENDORS = Source("Erp.BO.VendorSvc", "Vendors", "Vendor", ("VendorNum",), ("VendorID",))
ORDERS = Source("Erp.BO.POSvc", "POes", "POHeader", ("PONum",), (), changed="ChangeDate")
HOURLY = Reading(full=Schedule(every=3600), delta=Schedule(every=60))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("run", "rules", "source", "expected"),
    [
        (Run(), HOURLY, ORDERS, "full"),
        (Run(mode="delta"), HOURLY, ORDERS, "delta"),
        (Run(mode="full", full_at=ago(10)), HOURLY, ORDERS, "full"),
        (Run(full_at=ago(10)), HOURLY, ORDERS, None),
        (Run(full_at=ago(61)), HOURLY, ORDERS, "delta"),
        (Run(full_at=ago(61), delta_at=ago(5)), HOURLY, ORDERS, None),
        (Run(full_at=ago(3601), delta_at=ago(5)), HOURLY, ORDERS, "full"),
        (Run(full_at=ago(61)), HOURLY, VENDORS, None),
        (Run(full_at=ago(61)), HOURLY.model_copy(update={"revisions": True}), VENDORS, "delta"),
        (Run(), HOURLY.model_copy(update={"paused": True}), ORDERS, None),
    ],
)
def test_the_run_that_is_due(run: Run, rules: Reading, source: Source, expected: str | None) -> None:
    assert due(run, rules, source, now=NOW, zone=HELSINKI) == expected


def test_a_cron_expression_means_the_time_on_the_wall() -> None:
    nightly = Reading(full=Schedule(cron="30 2 * * *"))
    last = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

    assert (
        due(Run(full_at=last), nightly, VENDORS, now=datetime(2026, 11, 22, 0, 29, tzinfo=UTC), zone=HELSINKI) is None
    )
    assert (
        due(Run(full_at=last), nightly, VENDORS, now=datetime(2026, 11, 22, 0, 30, tzinfo=UTC), zone=HELSINKI) == "full"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"default": {"full": {"cron": "61 * * * *"}}},
        {"default": {"full": {"cron": "* * * * * *"}}},
        {"default": {"full": {}}},
        {"default": {"full": {"every": 5, "cron": "* * * * *"}}},
        {"default": {"way": "baq"}},
        {"default": {"baq": {"id": "X"}}},
        {"time_zone": "Europe/Nowhere"},
        {"kinds": {"vendor": {"largest_removal": 1.5}}},
    ],
)
def test_a_mistake_in_the_section_is_found_when_it_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MasterData.model_validate(wrong)


def test_a_company_has_its_own_schedule() -> None:
    rules = MasterData.model_validate(
        {"kinds": {"vendor": {"way": "getrows", "companies": {"FI01": {"paused": True, "full": {"every": 5}}}}}}
    )

    own, other = rules.reading("vendor", "FI01"), rules.reading("vendor", "US01")

    assert (own.way, own.paused, own.full) == ("getrows", True, Schedule(every=5))
    assert (other.way, other.paused, other.full) == ("getrows", False, Schedule(every=3600))
    assert rules.reading("account") == rules.default


def test_the_watermark_comes_from_the_rows() -> None:
    rows = [
        {"ChangeDate": "2026-11-01T08:00:00", "SysRevID": 7},
        {"ChangeDate": "2026-11-01T09:30:00.5", "SysRevID": 5},
        {"ChangeDate": None},
    ]

    high = raised({"changed": "2026-10-31T23:00:00"}, rows, ORDERS)

    assert high == {"changed": "2026-11-01T09:30:00.5", "revision": 7}
    assert raised(high, [{"ChangeDate": "2026-11-01T09:00:00", "SysRevID": 6}], ORDERS) == high
    assert raised({}, [{"VendorNum": 1}], VENDORS) == {}


@pytest.mark.parametrize(
    ("changed", "seconds", "bound"),
    [
        ("2026-11-01T09:30:00.5", 0, "2026-11-01T09:20:00"),
        ("2026-11-01T09:30:00", 60, "2026-11-01T09:19:00"),
        ("2026-11-01T09:30:00Z", 0, "2026-11-01T09:20:00Z"),
        ("2026-11-01T00:00:00", 0, "2026-10-31T00:00:00"),
    ],
)
def test_changes_are_read_again_with_an_overlap_that_is_a_day_for_dates(
    changed: str, seconds: float, bound: str
) -> None:
    assert since(changed, HOURLY, seconds=seconds) == bound


def test_changed_rows_are_asked_for_where_epicor_can_tell() -> None:
    by_revision = HOURLY.model_copy(update={"revisions": True, "revision_overlap": 100})

    assert conditions(ORDERS, HOURLY, {"changed": "2026-11-01T09:30:00"}) == (
        ("ChangeDate", "ge", "2026-11-01T09:20:00"),
    )
    assert conditions(VENDORS, by_revision, {"revision": 88_000_500}) == (("SysRevID", "gt", 88_000_400),)
    assert conditions(ORDERS, HOURLY, {}) == conditions(VENDORS, by_revision, {}) == ()
    assert (can_tell(VENDORS, HOURLY), can_tell(ORDERS, HOURLY), can_tell(VENDORS, by_revision)) == (False, True, True)


def test_a_baq_is_named_where_it_is_the_way() -> None:
    assert Reading(way="baq", baq=Baq(id="MLC-Vendors")).baq == Baq(id="MLC-Vendors")
