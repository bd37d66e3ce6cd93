"""One at a time across replicas, whatever happens to whoever holds a lock or to the database."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from basware_reader.locks import InHandError, Locks, alone
from mlc_common.database import make_engine
from mlc_common.failures import TransientError

OURS = """
    FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_a_lock_is_held_once_and_let_go(engine: AsyncEngine) -> None:
    mine, other = Locks(engine), Locks(engine)
    async with mine.held("a") as first, mine.held("b") as second, mine.held("a") as again, other.held("a") as theirs:
        assert (first, second, again, theirs) == (True, True, False, False)
        assert (mine.kept("a"), mine.kept("c"), other.kept("a")) == (True, False, False)
    async with other.held("a") as theirs, other.held("b") as both:
        assert theirs
        assert both


async def test_work_that_fails_lets_its_lock_go(engine: AsyncEngine) -> None:
    mine = Locks(engine)
    with pytest.raises(TransientError):
        async with mine.held("a"):
            raise TransientError("the list cannot be read")
    async with Locks(engine).held("a") as ours:
        assert ours


async def test_work_that_is_cancelled_lets_its_lock_go(engine: AsyncEngine) -> None:
    inside = asyncio.Event()

    async def hold() -> None:
        async with Locks(engine).held("a"):
            inside.set()
            await asyncio.sleep(60)

    holding = asyncio.create_task(hold())
    await inside.wait()
    holding.cancel()
    await asyncio.wait([holding])

    async with Locks(engine).held("a") as ours:
        assert ours


async def test_whoever_is_cancelled_while_taking_a_lock_takes_nobody_elses_along(engine: AsyncEngine) -> None:
    mine, other = Locks(engine), Locks(engine)

    async def take(name: str) -> None:
        async with mine.held(name):
            await asyncio.sleep(60)

    async with mine.held("kept"):
        for steps in range(30):
            taking = asyncio.create_task(take("cut short"))
            for _ in range(steps):
                await asyncio.sleep(0)
            taking.cancel()
            await asyncio.wait([taking])

        assert mine.kept("kept")
        async with other.held("kept") as theirs:
            assert not theirs
        async with asyncio.timeout(5), other.held("cut short") as theirs:
            assert theirs


async def test_many_locks_cost_one_database_session(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, connect_seconds=1)
    mine = Locks(engine)

    async def hold(name: str) -> bool:
        async with mine.held(name) as ours:
            await asyncio.sleep(0.05)
            return ours

    assert await asyncio.gather(*(hold(f"document {n}") for n in range(50))) == [True] * 50
    async with engine.connect() as session:
        assert (await session.execute(text(f"SELECT count(*) {OURS}"))).scalar() == 0
    await engine.dispose()


async def test_a_lock_that_was_lost_with_its_session_is_noticed_before_anything_is_done(engine: AsyncEngine) -> None:
    async with alone(Locks(engine), "northwind", "i1") as ours:
        ours.confirm()
        async with engine.connect() as session:
            await session.execute(text(f"SELECT pg_terminate_backend(pid) {OURS}"))
        async with asyncio.timeout(5):
            while ours.locks.kept(ours.name):
                await asyncio.sleep(0.01)

        with pytest.raises(TransientError, match="lost"):
            ours.confirm()
        async with alone(Locks(engine), "northwind", "i1"):
            pass


async def test_a_document_in_hand_is_refused_to_everybody_else(engine: AsyncEngine) -> None:
    mine, other = Locks(engine), Locks(engine)
    async with alone(mine, "northwind", "i1"), alone(other, "northwind", "i2"), alone(other, "southwind", "i1"):
        for locks in (mine, other):
            with pytest.raises(InHandError) as refused:
                async with alone(locks, "northwind", "i1"):
                    pytest.fail("two are at one document")
            assert (refused.value.retry_after, refused.value.counts) == (1, False)


async def test_nobody_holds_a_lock_while_the_database_is_away() -> None:
    away = make_engine("postgresql://postgres@127.0.0.1:1/nowhere", connect_seconds=1)
    with pytest.raises(TransientError, match="does not answer"):
        async with Locks(away).held("a"):
            pytest.fail("nobody holds a lock without a database")
    await away.dispose()
