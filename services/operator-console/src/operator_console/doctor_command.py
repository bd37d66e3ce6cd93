"""`ml-connector doctor`: is everything in place, and what is to be done if not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connections import Connection, load
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from operator_console import doctor_platform, output
from operator_console.data_folder import DataFolder
from operator_console.doctor_checks import Check, any_failed, skipped
from operator_console.doctor_connection import Examiner
from operator_console.doctor_limits import Limit
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database

_BROKER = "see MLC_NATS_URL and the login; start the broker; then ml-connector topology"
_DATABASE = "see MLC_DATABASE_URL; start PostgreSQL; then ml-connector migrate"
_KEYS = "see MLC_MASTER_KEYS or MLC_MASTER_KEYS_FILE: id:base64 lines, the same that the services have"


async def examine(examiner: Examiner, name: str | None, *, folder: DataFolder | None = None) -> list[Check]:
    """Every check of one connection, or of all; those of the platform first. `folder` is that of an embedded site.

    Raises:
        CommandError: there is no connection of that name.
    """
    settings, limit = examiner.settings, examiner.limit
    async with database(settings) as engine:
        found = await limit.within("database", partial(doctor_platform.database_schema, engine), remedy=_DATABASE)
        found += await limit.within(
            "database privileges", partial(doctor_platform.database_privileges, engine), remedy=_DATABASE
        )
        unread, connections = await _connections(engine, settings, limit, name=name)
    parts = await asyncio.gather(
        _broker(settings, limit, folder, names=tuple(connections)),
        *(examiner.connection(each) for each in connections.values()),
    )
    return [*found, *unread, *(check for part in parts for check in part)]


async def _connections(
    engine: AsyncEngine, settings: Settings, limit: Limit, *, name: str | None
) -> tuple[list[Check], Mapping[str, Connection]]:
    """The connections to look at, or the check that says why they cannot be."""
    loaded: dict[str, Connection] = {}

    async def look() -> Sequence[Check]:
        keys = master_keys(settings)
        loaded.update(await load(engine, keys))
        return []

    found = await limit.within("connections", look, remedy=f"{_KEYS}; {_DATABASE}")
    if any_failed(found):
        return [*found, skipped("far sides", "not asked: who they are stands in the database")], {}
    if name is None:
        return [], loaded
    if name not in loaded:
        raise CommandError(
            f"There is no connection {name}; see what there is: ml-connector connection list", code=Exit.USAGE
        )
    return [], {name: loaded[name]}


async def _broker(settings: Settings, limit: Limit, folder: DataFolder | None, *, names: Sequence[str]) -> list[Check]:
    async def look() -> Sequence[Check]:
        async with broker(settings) as client:
            found = await doctor_platform.streams(client, settings, folder)
            for name in names:
                theirs = await doctor_platform.durables_of(client, settings, name)
                found += [replace(each, connection=name) for each in theirs]
            return found

    return await limit.within("nats", look, remedy=_BROKER)


def table(checks: Sequence[Check]) -> Table:
    """A line for each check, with the remedy where there is something to do."""
    rows = [(each.connection, each.name, each.verdict, each.detail, each.remedy) for each in checks]
    return output.table("", ("connection", "check", "verdict", "detail", "remedy"), rows)


def summary(checks: Sequence[Check]) -> str:
    """How many of each."""
    counts = {
        verdict: sum(each.verdict == verdict for each in checks) for verdict in ("pass", "fail", "unknown", "skipped")
    }
    return ", ".join(f"{verdict}: {number}" for verdict, number in counts.items())
