"""Slots across replicas, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.database import make_engine
from mlc_common.failures import TransientError
from mlc_common.gauges import Gauges
from mlc_epicor.slots import Slot, Slots


@asynccontextmanager
async def replica(url: str, *, cap: int, connection: str = "demo", grace: float = 0.5) -> AsyncIterator[Slots]:
    engine = make_engine(url, pool_size=cap)
    try:
        yield Slots(engine, connection, cap=cap, grace=grace)
    finally:
        await engine.dispose()


async def kill_sessions(engine: AsyncEngine) -> None:
    async with engine.connect() as db:
        await db.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        )


async def kill_all_sessions(engine: AsyncEngine) -> None:
    """What a restart or a failover of the database does to those who use it."""
    async with engine.connect() as db:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        await db.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))  # noqa: S608


async def test_never_more_than_the_cap_at_once_over_three_replicas_and_every_slot_is_its_holders_own(
    database_url: str,
) -> None:
    held: set[int] = set()
    most = 0

    async def work(slots: Slots) -> None:
        nonlocal most
        async with slots.hold() as slot:
            assert slot.number not in held
            held.add(slot.number)
            most = max(most, len(held))
            await asyncio.sleep(0.01)
            held.discard(slot.number)

    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(replica(database_url, cap=2)) for _ in range(3)]
        await asyncio.gather(*(work(replicas[each % 3]) for each in range(30)))

    assert most == 2


async def test_a_busy_replica_does_not_starve_another(database_url: str) -> None:
    done = asyncio.Event()

    async def busy(slots: Slots) -> None:
        while not done.is_set():
            async with slots.hold():
                await asyncio.sleep(0.005)

    async with replica(database_url, cap=1) as one, replica(database_url, cap=1) as other:
        task = asyncio.create_task(busy(one))
        try:
            async with asyncio.timeout(10):
                for _ in range(5):
                    async with other.hold():
                        pass
        finally:
            done.set()
            await task


async def test_one_identity_is_held_by_one_replica(database_url: str) -> None:
    async with replica(database_url, cap=2) as one, replica(database_url, cap=2) as other:
        async with one.hold("document/1"):
            with pytest.raises(TransientError) as busy:
                async with other.hold("document/1"):
                    pytest.fail("somebody else has it")
            async with other.hold("document/2"):
                pass
        async with other.hold("document/1"):
            pass

    assert (busy.value.retry_after, busy.value.counts) == (1, False)


async def test_identities_that_are_learnt_later_are_held_as_long_as_the_slot(database_url: str) -> None:
    async with replica(database_url, cap=2) as one, replica(database_url, cap=2) as other:
        async with one.hold("document/1") as first, other.hold("document/2") as second:
            await first.hold_also()
            await first.hold_also("order/1", "order/2")
            await second.hold_also("order/3")
            with pytest.raises(TransientError) as busy:
                await second.hold_also("order/2", "order/4")
        async with other.hold("document/2") as second:
            await second.hold_also("order/1", "order/2", "order/3", "order/4")

    assert (busy.value.retry_after, busy.value.counts) == (1, False)


async def test_a_lost_slot_holds_nothing_more(database_url: str, engine: AsyncEngine) -> None:
    async with replica(database_url, cap=1) as one, one.hold("document/1") as lost:
        await kill_sessions(engine)

        with pytest.raises(TransientError):
            await lost.hold_also("order/1")


async def test_connections_do_not_share_slots(database_url: str) -> None:
    async with (
        replica(database_url, cap=1) as one,
        replica(database_url, cap=1, connection="other") as other,
        one.hold("document/1"),
        asyncio.timeout(5),
        other.hold("document/1"),
    ):
        pass


async def test_a_killed_session_loses_the_identity_and_its_owner_notices_before_it_writes(
    database_url: str, engine: AsyncEngine
) -> None:
    async with replica(database_url, cap=2) as one, replica(database_url, cap=2) as other:
        async with one.hold("document/1") as lost:
            await lost.still_ours()
            await kill_sessions(engine)
            async with asyncio.timeout(10), other.hold("document/1"):
                for _ in range(2):
                    with pytest.raises(TransientError):
                        await lost.still_ours()
        async with asyncio.timeout(10), one.hold("document/1") as again:
            await again.still_ours()


async def test_who_loses_the_session_takes_the_slot_again_until_the_call_is_over(
    database_url: str, engine: AsyncEngine
) -> None:
    async with replica(database_url, cap=1) as one, replica(database_url, cap=1) as other:
        async with other.hold():
            pass
        async with one.hold():
            for _ in range(2):
                await kill_all_sessions(engine)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1.5), other.hold():
                        pytest.fail("one more call than the cap")
        async with asyncio.timeout(10), other.hold():
            pass
    async with engine.connect() as db:
        found = await db.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        assert found.scalar_one() == 0


async def test_after_the_database_came_back_nobody_takes_a_slot_for_a_moment(
    database_url: str, engine: AsyncEngine
) -> None:
    async with engine.connect() as db:
        started = await db.execute(text("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())"))
        up = float(started.scalar_one())
    own = make_engine(database_url, pool_size=1)
    fresh = Slots(own, "demo", cap=1, grace=up + 1)
    began = asyncio.get_running_loop().time()

    async with fresh.hold():
        pass

    assert 0.5 < asyncio.get_running_loop().time() - began < 5
    await own.dispose()


async def test_what_fails_inside_is_not_taken_for_a_lost_database(database_url: str) -> None:
    async with replica(database_url, cap=1) as slots:
        with pytest.raises(OSError, match="mine"):
            async with slots.hold():
                raise OSError("mine")
        async with asyncio.timeout(5), slots.hold():
            pass


async def test_a_cancelled_wait_leaves_nothing_locked(database_url: str) -> None:
    async with replica(database_url, cap=1) as one, replica(database_url, cap=1) as other:
        async with one.hold():
            waiting = asyncio.create_task(_hold_once(other))
            await asyncio.sleep(0.3)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with asyncio.timeout(5), other.hold(), AsyncExitStack():
            pass
        async with asyncio.timeout(5), one.hold():
            pass


async def _hold_once(slots: Slots) -> Slot:
    async with slots.hold() as slot:
        return slot


async def test_a_database_that_is_away_is_a_reason_to_try_again(tmp_path: object) -> None:
    async with replica(f"postgresql+asyncpg://postgres:@/none?host={tmp_path}", cap=1) as slots:
        with pytest.raises(TransientError, match="away"):
            async with slots.hold():
                pytest.fail("there is no database")


async def test_nothing_stays_locked_after_use(database_url: str, engine: AsyncEngine) -> None:
    async with replica(database_url, cap=2) as slots:
        async with slots.hold("document/1"):
            pass
        async with engine.connect() as db:
            found = await db.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
            assert found.scalar_one() == 0


async def test_held_slots_are_counted_against_the_cap(database_url: str) -> None:
    gauges = Gauges(registry := CollectorRegistry())
    engine = make_engine(database_url, pool_size=2)
    slots = Slots(engine, "demo", cap=2, held=gauges.epicor_slots("demo", 2))

    def told(name: str) -> float | None:
        return registry.get_sample_value(f"mlc_epicor_calls_{name}", {"connection": "demo"})

    async with slots.hold(), slots.hold():
        assert (told("in_flight"), told("cap")) == (2, 2)
    await engine.dispose()

    assert told("in_flight") == 0
