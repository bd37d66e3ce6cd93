"""Brings database and broker to what this version of the program expects of them."""

from __future__ import annotations

from mlc_common.connections import listing
from mlc_common.migrations import migrate
from mlc_common.settings import Settings
from mlc_common.topology import declare, declare_connection
from operator_console.reach import broker, database


async def migrated(settings: Settings) -> tuple[str, ...]:
    """Bring the database up to date; returns the names of the steps that were applied."""
    async with database(settings) as engine:
        return await migrate(engine)


async def prepare_servers(settings: Settings) -> None:
    """Bring database and streams to this version: tables, streams, and the durables of every connection."""
    async with database(settings) as engine, broker(settings) as client:
        await migrate(engine)
        await declare(client, settings)
        for row in await listing(engine):
            await declare_connection(client, row.name, ack_wait=settings.timings.ack_wait)
