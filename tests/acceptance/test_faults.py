"""Faults under load, short: the whole product as processes, then the books of all sides compared.

`make chaos` does the same for as long as one likes, at random moments, with everything at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from chaos.crew import CONNECTION
from chaos.run import Chaos, Report, chaos
from chaos.schedule import BASWARE, BROKER, DATABASE, EPICOR, GATEWAY, SERVICES, Fault
from mlc_common.eventlog import EventLog
from mlc_common.streams import DEADLETTERS, DOCUMENTS
from operator_console.reach import broker
from operator_console.stream_reader import StreamReader

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

SEEDS = count(900)
"""Every trial has invoices of its own."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """The product, started once for all trials."""
    async with chaos(tmp_path_factory.mktemp("chaos"), say=lambda _: None) as made:
        yield made


async def tried(site: Chaos, *faults: tuple[float, str, str, float], seconds: float = 5) -> Report:
    """A trial of these faults: when, what, on what, and for how long."""
    planned = [Fault(at, kind, target, lasts, chance=0) for at, kind, target, lasts in faults]
    return await site.trial(planned, seed=next(SEEDS), seconds=seconds, rate=6)


def holds(report: Report, **faults: int) -> bool:
    """Whether these faults happened, with invoices on their way, and nothing is wrong in the books."""
    assert report.faults == faults
    assert report.offered >= 15
    assert report.promised > 0
    assert report.wrong == ()
    return True


async def test_every_process_killed_under_load(site: Chaos) -> None:
    killed = (DATABASE, *reversed(SERVICES), BROKER)

    report = await tried(site, *((1.5 + 0.6 * turn, "kill", each, 0) for turn, each in enumerate(killed)), seconds=6)

    assert holds(report, kill=len(killed))


async def test_the_brokers_disk_is_full_and_then_it_is_not(site: Chaos) -> None:
    report = await tried(site, (1, "disk_full", BROKER, 2))

    assert holds(report, disk_full=1)
    assert report.answers[503], "pushes are not taken while they cannot be stored"


async def test_both_far_sides_answer_garbage_and_lose_answers(site: Chaos) -> None:
    report = await tried(
        site,
        (0.2, "garbage", EPICOR, 2.5),
        (0.2, "garbage", BASWARE, 2.5),
        (1, "lose_answers", EPICOR, 2.5),
        (1, "lose_answers", BASWARE, 2.5),
    )

    assert holds(report, garbage=2, lose_answers=2)
    assert report.spoiled > 20, "hardly anything went wrong"


async def test_tokens_are_revoked_and_messages_are_poisoned(site: Chaos) -> None:
    report = await tried(
        site,
        (1, "revoke", EPICOR, 1.5),
        (1, "revoke", BASWARE, 1.5),
        (2, "poison", BROKER, 0),
        (3, "poison", BROKER, 0),
    )

    assert holds(report, revoke=2, poison=2)
    async with broker(site.place.here.settings) as client:
        letters = await StreamReader(client, EventLog(client, timeout=5), timeout=5).after(DEADLETTERS, 0, most=100)
    buried = [each.headers["Subject"] for each in letters]
    assert len([each for each in buried if "poison" in each]) >= report.poisoned > 0
    assert [each for each in buried if "poison" not in each] == []


async def test_old_and_new_version_side_by_side(site: Chaos) -> None:
    rolled = (GATEWAY, "basware-reader", "epicor-writer")

    report = await tried(site, *((0.2, "roll", each, 1) for each in rolled), seconds=7)

    assert holds(report, roll=len(rolled))
    async with broker(site.place.here.settings) as client:
        stream = client.jetstream()
        last = (await stream.stream_info(DOCUMENTS)).state.last_seq
        stored = [(await stream.get_msg(DOCUMENTS, each)).data for each in range(max(last - 60, 1), last)]
    newer = [each for each in stored if each and b"a_newer_version_says" in each]
    assert newer, "the new version never wrote"
    assert CONNECTION.encode() in newer[0]
