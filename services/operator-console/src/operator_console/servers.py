"""Brings database and broker to what this version of the program expects of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from mlc_common.connections import listing
from mlc_common.database_roles import grants
from mlc_common.migrations import migrate
from mlc_common.settings import Settings
from mlc_common.streams import STREAMS, durables
from mlc_common.topology import declare, declare_connection
from operator_console.reach import broker, database


async def migrated(settings: Settings, *, grant: bool = False) -> tuple[str, ...]:
    """Bring the database up to date; returns the names of the steps that were applied.

    Args:
        grant: also give every service's role its rights; the roles must be there.
    """
    async with database(settings) as engine:
        applied = await migrate(engine)
        if grant:
            async with engine.begin() as db:
                for statement in grants():
                    await db.execute(text(statement))
        return applied


@dataclass(frozen=True)
class Declared:
    """What is there now: the streams, and the durables of every connection; `applied` are the database's steps."""

    applied: tuple[str, ...]
    streams: tuple[str, ...]
    durables: tuple[str, ...]


async def prepare_servers(settings: Settings) -> Declared:
    """Bring database and streams to this version: tables, streams, and the durables of every connection."""
    async with database(settings) as engine, broker(settings) as client:
        applied = await migrate(engine)
        await declare(client, settings)
        names = [row.name for row in await listing(engine)]
        for name in names:
            await declare_connection(client, name, ack_wait=settings.timings.ack_wait)
    declared = tuple(durable.name for name in names for durable in durables(name))
    return Declared(applied, tuple(stream.name for stream in STREAMS), declared)
