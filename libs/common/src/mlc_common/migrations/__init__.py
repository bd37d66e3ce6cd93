"""Brings the database to the schema of this version: forward only, in one transaction, one process at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.failures import PermanentError

LOCK = 7_205_118_416
"""Advisory lock of the schema; any number that nobody else uses in this database."""

LOCK_PAUSE = 0.05
NEWER = "The database was set up by a newer version of ml-connector than this one; run that version or a later one"


async def migrate(engine: AsyncEngine) -> tuple[str, ...]:
    """Apply the steps that are missing and return their names, oldest first; none when the schema is up to date.

    Several processes may call it at once: one applies, the others wait and find nothing to do. A step that fails
    leaves the database as it was.

    Raises:
        PermanentError: the database was already brought further by a newer version of this program.
    """
    async with engine.begin() as connection:
        await _our_turn(connection)
        return await connection.run_sync(_upgrade)


async def missing(engine: AsyncEngine) -> tuple[str, ...]:
    """The steps that `migrate` would apply, oldest first; nothing is changed. Raises as `migrate`."""
    async with engine.connect() as connection:
        return await connection.run_sync(_missing)


async def _our_turn(connection: AsyncConnection) -> None:
    # Polled, not waited for: a waiting statement would run into the engine's statement time-out.
    while True:
        if await connection.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
            return
        await asyncio.sleep(LOCK_PAUSE)


def _missing(connection: Connection) -> tuple[str, ...]:
    current = MigrationContext.configure(connection).get_current_heads()
    try:
        return tuple(step.revision.revision for step in _steps(current))
    except CommandError as error:
        raise PermanentError(NEWER) from error


def _steps(current: Any) -> Any:
    # What alembic's own `upgrade` command runs; it has no public name.
    return ScriptDirectory(str(Path(__file__).parent))._upgrade_revs("head", current)


def _upgrade(connection: Connection) -> tuple[str, ...]:
    # No env.py and no `alembic.op`: both are process-wide, and two databases may be migrated in one process.
    applied: list[str] = []

    def steps_missing(current: Any, _context: MigrationContext) -> Any:
        steps = _steps(current)
        applied.extend(step.revision.revision for step in steps)
        return steps

    context = MigrationContext.configure(connection, opts={"fn": steps_missing})
    try:
        context.run_migrations(op=Operations(context))
    except CommandError as error:
        raise PermanentError(NEWER) from error
    return tuple(applied)
