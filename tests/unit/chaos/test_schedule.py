"""The schedule of faults: the same for the same seed, and nothing left out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from chaos.far_faults import script
from chaos.schedule import BASWARE, EPICOR, KINDS, SHARE, schedule
from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.epicor import EpicorWorld

PAIRS = {(name, target) for name, kind in KINDS.items() for target in kind.targets}


def test_the_same_seed_is_the_same_schedule() -> None:
    assert schedule(7, 600) == schedule(7, 600)
    assert schedule(7, 600) != schedule(8, 600)


def test_faults_begin_within_the_run_one_after_the_other() -> None:
    faults = schedule(3, 300)

    assert all(0 < one.at < other.at < 300 for one, other in pairwise(faults))


def test_every_kind_meets_every_target_before_any_comes_again() -> None:
    faults = schedule(1, 1800)

    assert {(each.kind, each.target) for each in faults[: len(PAIRS)]} == PAIRS
    assert {(each.kind, each.target) for each in faults[len(PAIRS) : 2 * len(PAIRS)]} == PAIRS


@pytest.mark.parametrize("seconds", [40, 300, 1800])
def test_a_fault_lasts_as_its_kind_says_and_no_longer_than_a_share_of_the_run(seconds: float) -> None:
    for fault in schedule(5, seconds):
        least, most = KINDS[fault.kind].lasts
        assert least <= fault.lasts <= max(least, min(most, seconds / SHARE)) + 0.001


def test_in_a_long_run_broker_and_database_are_away_for_minutes() -> None:
    away = {each.target: each.lasts for each in reversed(schedule(2, 1800)) if each.kind == "away"}

    assert away == {"nats-server": 150, "postgresql": 150}


def test_only_the_kinds_that_are_asked_for() -> None:
    assert {each.kind for each in schedule(1, 300, only=["kill", "slow"])} == {"kill", "slow"}


@pytest.mark.parametrize(("side", "world"), [(BASWARE, BaswareWorld()), (EPICOR, EpicorWorld())])
def test_the_sandboxes_understand_every_script(side: str, world: BaswareWorld | EpicorWorld) -> None:
    for kind, sort in KINDS.items():
        if side in sort.targets and kind != "revoke":
            world.faults.clear()
            world.faults.add_json(script(kind, side))
            assert world.faults.state(), kind
