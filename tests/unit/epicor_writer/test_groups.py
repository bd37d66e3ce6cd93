"""Groups of our own: named after apply date and slot, never shared by two slots."""

from __future__ import annotations

from datetime import date

import pytest

from epicor_writer.groups import apply_date_in, group_ids, holder, sharing, speaks_of_a_lock
from mlc_common.connection import ConnectionDocument
from mlc_epicor.datasets import APInvGrpRow

DAY = date(2026, 10, 28)


@pytest.mark.parametrize("cap", [1, 2, 3, 12])
def test_no_two_slots_ever_share_a_group(cap: int) -> None:
    names = [group_ids("B", DAY, slot=slot, cap=cap) for slot in range(cap)]
    every = [name for some in names for name in some]

    assert len(every) == len(set(every)) == 36
    assert all(some for some in names)
    assert all(len(name) == 8 for name in every)


def test_a_groups_name_tells_its_apply_date() -> None:
    assert group_ids("B", DAY, slot=1, cap=2)[0] == "B2610281"
    assert apply_date_in("B2610281") == DAY


@pytest.mark.parametrize(
    ("group", "who"),
    [
        (APInvGrpRow(GroupID="B1"), None),
        (APInvGrpRow(GroupID="B1", ActiveUserID="BWLINK"), None),
        (APInvGrpRow(GroupID="B1", ActiveUserID="svc", CreatedBy="svc"), None),
        (APInvGrpRow(GroupID="B1", ActiveUserID="mkowalski", CreatedBy="bwlink"), "mkowalski"),
        (APInvGrpRow(GroupID="B1", PostInProcess=True), "it is being posted"),
    ],
)
def test_who_holds_a_group(group: APInvGrpRow, who: str | None) -> None:
    assert holder(group, user="bwlink") == who


@pytest.mark.parametrize(
    ("message", "lock"),
    [
        ("Group B2610280 is in use by user mkowalski.", True),
        ("Group is locked by another user", True),
        ("B2610280 is being posted", True),
        ("GL account 6100 is locked", False),
        ("A valid Group is required.", False),
        ("Apply Date is in a closed fiscal period.", False),
    ],
)
def test_a_refusal_that_speaks_of_the_groups_lock_is_told_from_others(message: str, lock: bool) -> None:
    assert speaks_of_a_lock(message, "B2610280") is lock


def connection(name: str, *, host: str = "erp", company: str = "NWM", prefix: str = "B") -> ConnectionDocument:
    pair = {"basware": "US01", "epicor": company, "currency": "USD", "segments": [{"field": "accountCode"}]}
    return ConnectionDocument.model_validate(
        {
            "name": name,
            "epicor": {"base_url": f"https://{host}.example/live"},
            "companies": [pair],
            "posting": {"group_prefix": prefix},
        }
    )


def test_connections_that_would_take_each_others_groups_for_their_own_are_named() -> None:
    others = [
        connection("mine"),
        connection("same", company="nwm"),
        connection("another-host", host="other"),
        connection("another-company", company="NWF"),
        connection("another-prefix", prefix="C"),
    ]

    assert sharing(connection("mine"), others) == ["same"]


def test_a_company_with_a_letter_of_its_own_shares_no_groups() -> None:
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    other = connection("other")
    apart = other.model_validate(
        {**other.model_dump(), "companies": [pair | {"posting": {"group_prefix": "K"}}], "posting": {}}
    )

    assert sharing(connection("mine"), [other]) == ["other"]
    assert sharing(connection("mine"), [apart]) == []
    assert sharing(connection("mine", prefix="K"), [apart]) == ["other"]
