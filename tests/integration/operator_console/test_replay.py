"""A replay is planned first, requested at a set rate, resumed by its name, and stopped from elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.catalogue import finding
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, InvoiceRefused, OutcomeAnswered, ReplayRequested
from mlc_common.http import load_json
from mlc_common.settings import Settings
from operator_console import replay_commands, selecting
from operator_console.exits import CommandError, Exit
from operator_console.projector import catch_up
from operator_console.replay_commands import Order
from operator_console.searching import Sought
from operator_console.selecting import Selection
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PROGRAM = str(Path(sys.executable).parent / "ml-connector")
FAST = Order("november", "the bug is mended", 1000)
EVERYTHING = Selection(Sought())


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest.fixture
def log(client: Client) -> EventLog:
    return EventLog(client, timeout=5)


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    return Settings(nats_url=topology, database_url=SecretStr(database_url))


def common(name: str) -> dict[str, Any]:
    return {"connection": "demo", "at": NOW, "invoice_id": name, "attempt": "a1"}


async def approve(log: EventLog, name: str) -> None:
    await log.append(
        DocumentApproved(
            **common(name),
            seen_by="push",
            status="WaitingForTransfer",
            company_code="US01",
            supplier_code="10432",
            invoice_number=f"INV-{name}",
            currency="USD",
            gross=Decimal(1),
            document="{}",
        )
    )


async def refuse(log: EventLog, name: str, *, answered: bool) -> None:
    refusal = finding("UNKNOWN_VENDOR", vendor="10432", company="NWM")
    await log.append(InvoiceRefused(**common(name), connection_version=1, findings=(refusal,)))
    if answered:
        await log.append(OutcomeAnswered(**common(name), external_code="x", success=False, message="no"))


async def fold(engine: AsyncEngine, client: Client, log: EventLog) -> None:
    reader = StreamReader(client, log, timeout=5)
    while await catch_up(engine, reader, now=lambda: NOW):
        pass


@pytest_asyncio.fixture
async def books(log: EventLog, client: Client, engine: AsyncEngine) -> None:
    """One document without an outcome, one whose refusal was not told, one that is settled."""
    for name in ("open", "untold", "settled"):
        await approve(log, name)
    await refuse(log, "untold", answered=False)
    await refuse(log, "settled", answered=True)
    await fold(engine, client, log)


async def requested(log: EventLog, *names: str) -> list[str]:
    found = []
    for name in names:
        facts = [each.event for each in await log.timeline("demo", name)]
        found += [name for each in facts if isinstance(each, ReplayRequested)]
    return found


def quiet(_done: int, _of: int) -> None:
    return None


@pytest.mark.usefixtures("books")
async def test_a_plan_says_what_would_be_done_and_does_nothing(settings: Settings, log: EventLog) -> None:
    plan = {each.status.invoice_id: str(each.verdict) async for each in selecting.plan(settings, EVERYTHING)}

    assert plan == {"open": "post", "untold": "confirm only", "settled": "nothing"}
    assert await requested(log, "open", "untold", "settled") == []
    assert await replay_commands.listing(settings) == []


@pytest.mark.usefixtures("books")
async def test_a_committed_replay_requests_what_is_left_to_do_and_is_recorded(
    settings: Settings, log: EventLog
) -> None:
    done = await replay_commands.commit(settings, EVERYTHING, FAST, progress=quiet)

    assert (done.state, done.requested, done.documents, done.connection) == ("finished", 2, 2, "demo")
    assert await requested(log, "open", "untold", "settled") == ["open", "untold"]
    with pytest.raises(CommandError, match="was finished; take another name") as caught:
        await replay_commands.commit(settings, EVERYTHING, FAST, progress=quiet)
    assert caught.value.code == Exit.REFUSED


@pytest.mark.usefixtures("books")
async def test_a_replay_that_was_cut_off_goes_on_under_its_name_without_asking_twice(
    settings: Settings, log: EventLog
) -> None:
    slow = Order("november", "the bug is mended", 0.5)
    first = asyncio.Event()
    running = asyncio.create_task(
        replay_commands.commit(settings, EVERYTHING, slow, progress=lambda _done, _of: first.set())
    )
    await first.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (paused,) = await replay_commands.listing(settings)

    done = await replay_commands.commit(settings, EVERYTHING, FAST, progress=quiet)

    assert (paused.state, paused.requested) == ("paused", 1)
    assert done.state == "finished"
    assert await requested(log, "open", "untold") == ["open", "untold"]


@pytest.mark.usefixtures("books")
async def test_a_replay_is_cancelled_from_elsewhere_for_good(settings: Settings, log: EventLog) -> None:
    slow = Order("november", "the bug is mended", 2)
    first = asyncio.Event()
    running = asyncio.create_task(
        replay_commands.commit(settings, EVERYTHING, slow, progress=lambda _done, _of: first.set())
    )
    await first.wait()
    await replay_commands.stop(settings, "november", how="cancelled", reason="wrong ones")

    done = await running

    assert done.state == "cancelled"
    assert await requested(log, "open", "untold") == ["open"]
    with pytest.raises(CommandError, match="was cancelled"):
        await replay_commands.commit(settings, EVERYTHING, FAST, progress=quiet)
    with pytest.raises(CommandError, match="There is no replay december"):
        await replay_commands.stop(settings, "december", how="paused", reason="x")


async def test_a_replay_whose_process_is_killed_goes_on_under_its_name_without_asking_twice(
    settings: Settings, log: EventLog, client: Client, engine: AsyncEngine, tmp_path: Path
) -> None:
    names = [f"i{number}" for number in range(6)]
    for name in names:
        await approve(log, name)
    await fold(engine, client, log)
    words = [PROGRAM, "replay", "--all", "--commit", "--name", "november", "-m", "the bug is mended", "--json"]
    reaching = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLC_")},
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
    }

    killed = await asyncio.create_subprocess_exec(*words, "--rate", "4", cwd=tmp_path, env=reaching)
    try:
        async with asyncio.timeout(30):
            while len(await requested(log, *names)) < 2:
                await asyncio.sleep(0.02)
    finally:
        killed.kill()
        await killed.wait()
    so_far = await requested(log, *names)
    (running,) = await replay_commands.listing(settings)
    again = await asyncio.create_subprocess_exec(
        *words, "--rate", "100", cwd=tmp_path, env=reaching, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await again.communicate()

    assert 2 <= len(so_far) < len(names)
    assert (running.state, running.documents) == ("running", 6)
    assert (again.returncode, load_json(told)["state"], load_json(told)["requested"]) == (0, "finished", 6)
    assert await requested(log, *names) == names


async def test_replaying_everything_in_an_up_to_date_system_sends_nothing(
    settings: Settings, log: EventLog, client: Client, engine: AsyncEngine
) -> None:
    for number in range(600):
        await approve(log, f"i{number:03}")
        await refuse(log, f"i{number:03}", answered=True)
    await fold(engine, client, log)
    facts = (await client.jetstream().stream_info("DOCUMENTS")).state.messages

    plan = [each.verdict async for each in selecting.plan(settings, EVERYTHING)]
    done = await replay_commands.commit(settings, EVERYTHING, FAST, progress=quiet)

    assert (len(plan), set(plan)) == (600, {"nothing"})
    assert (done.state, done.documents) == ("finished", 0)
    assert (await client.jetstream().stream_info("DOCUMENTS")).state.messages == facts


@pytest.mark.usefixtures("books")
async def test_documents_are_named_by_id_or_number_and_an_unknown_one_is_said(settings: Settings) -> None:
    named = Selection(Sought(), ("open", "INV-untold", "i-nobody-knows"))

    with pytest.raises(CommandError, match="No accounting document is known as: i-nobody-knows") as caught:
        [each async for each in selecting.plan(settings, named)]

    assert caught.value.code == Exit.USAGE
