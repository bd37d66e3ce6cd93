"""The database as one file per table, all of one moment, and back into empty tables of the same schema."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.tables import metadata
from operator_console.exits import CommandError, Exit

PATIENCE = 3600
"""Seconds for one table."""

FILLED_WHEN_MADE = frozenset({"connection_changes"})
"""Tables in which the migration itself puts its first row."""


def tables() -> list[Table]:
    """Every table of ours; what is referred to stands before what refers to it."""
    return list(metadata.sorted_tables)


@asynccontextmanager
async def driver(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """The driver's own connection: SQLAlchemy does not know COPY."""
    async with engine.connect() as db:
        connection = (await db.get_raw_connection()).driver_connection
        if connection is None:
            raise CommandError("The database is away.", code=Exit.UNREACHABLE)
        yield connection


async def schema_of(connection: asyncpg.Connection) -> str:
    """The step of the migrations that the database is at."""
    return str(await connection.fetchval("SELECT version_num FROM alembic_version"))


async def copy_out(connection: asyncpg.Connection, folder: Path) -> tuple[str, dict[str, int]]:
    """Write every table as it is at one moment; returns the schema, and the rows of each table."""
    rows: dict[str, int] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        schema = await schema_of(connection)
        for table in tables():
            file = folder / f"{table.name}.copy"
            done = await connection.copy_from_table(
                table.name, columns=[each.name for each in table.columns], output=str(file), timeout=PATIENCE
            )
            file.chmod(0o600)
            rows[table.name] = int(done.rpartition(" ")[2])
    return schema, rows


async def must_be_empty(connection: asyncpg.Connection) -> None:
    """Refuse a database that somebody uses.

    Raises:
        CommandError: a table holds rows.
    """
    for table in tables():
        if table.name in FILLED_WHEN_MADE:
            continue
        if await connection.fetchval(f'SELECT EXISTS (SELECT 1 FROM "{table.name}")'):  # noqa: S608 - our own names
            raise CommandError(
                f"The table {table.name} is not empty. A backup is restored into an empty place only; nothing was "
                "changed.",
                code=Exit.REFUSED,
            )


async def copy_in(connection: asyncpg.Connection, folder: Path) -> dict[str, int]:
    """Fill the empty tables, all or none; returns the rows of each."""
    rows: dict[str, int] = {}
    async with connection.transaction():
        for name in sorted(FILLED_WHEN_MADE):
            await connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - our own names
        for table in tables():
            done = await connection.copy_to_table(
                table.name,
                columns=[each.name for each in table.columns],
                source=str(folder / f"{table.name}.copy"),
                timeout=PATIENCE,
            )
            rows[table.name] = int(done.rpartition(" ")[2])
            await _count_on(connection, table)
    return rows


async def _count_on(connection: asyncpg.Connection, table: Table) -> None:
    """Let generated numbers go on where the rows end."""
    for column in table.columns:
        sequence = await connection.fetchval("SELECT pg_get_serial_sequence($1, $2)", table.name, column.name)
        if sequence is not None:
            last = f'(SELECT max("{column.name}") FROM "{table.name}")'  # noqa: S608 - our own names
            await connection.execute(f"SELECT setval($1, {last}) WHERE {last} IS NOT NULL", sequence)
