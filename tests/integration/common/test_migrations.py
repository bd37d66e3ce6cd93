"""Migrations on a real PostgreSQL: from empty, again, at the same time, and from the future."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.database import make_engine
from mlc_common.failures import PermanentError
from mlc_common.migrations import migrate
from mlc_common.tables import metadata


@pytest_asyncio.fixture
async def postgres_pair(postgres: Any) -> AsyncIterator[tuple[str, str]]:
    """The addresses of two empty databases."""
    names = [await postgres.create("template1") for _ in range(2)]
    yield postgres.url(names[0]), postgres.url(names[1])
    for name in names:
        await postgres.drop(name)


MIGRATE = """
import asyncio, sys
from mlc_common.database import make_engine
from mlc_common.migrations import migrate
print(len(asyncio.run(migrate(make_engine(sys.argv[1])))))
"""


async def test_an_empty_database_is_migrated_once(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    assert (await migrate(engine))[:1] == ("0001",)
    assert await migrate(engine) == ()
    await engine.dispose()


async def test_the_migrations_build_the_tables_that_the_code_knows(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_five_tasks_migrating_at_once_apply_each_step_once(empty_database_url: str) -> None:
    engines = [make_engine(empty_database_url) for _ in range(5)]
    applied = await asyncio.gather(*(migrate(engine) for engine in engines))
    assert [each[:1] for each in sorted(applied)] == [(), (), (), (), ("0001",)]
    for engine in engines:
        await engine.dispose()


async def test_two_databases_may_be_migrated_at_once_in_one_process(postgres_pair: tuple[str, str]) -> None:
    engines = [make_engine(url) for url in postgres_pair]
    applied = await asyncio.gather(*(migrate(engine) for engine in engines))
    assert [each[:1] for each in applied] == [("0001",), ("0001",)]
    for engine in engines:
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
        await engine.dispose()


async def test_two_processes_migrating_at_once_apply_each_step_once(empty_database_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, empty_database_url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = [(await process.communicate())[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    none, every = sorted(int(answer) for answer in answers)
    assert (none, every > 0) == (0, True)


async def test_a_database_from_a_newer_version_is_left_alone(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PermanentError, match="set up by a newer version of ml-connector"):
        await migrate(engine)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


async def test_a_step_that_fails_leaves_the_database_as_it_was(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE document_status (in_the_way int)"))
    with pytest.raises(Exception, match="already exists"):
        await migrate(engine)
    async with engine.connect() as connection:
        tables = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert tables.all() == ["document_status"]
    await engine.dispose()
