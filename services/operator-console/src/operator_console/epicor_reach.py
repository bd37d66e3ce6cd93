"""One connection's Epicor, for a command; its calls count against the connection's cap like everybody's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connections import Connection, load
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots
from operator_console.exits import CommandError, Exit


@dataclass(frozen=True)
class EpicorSide:
    """A connection and its Epicor."""

    connection: Connection
    client: EpicorClient


@asynccontextmanager
async def epicor_client(settings: Settings, connection: Connection) -> AsyncIterator[EpicorClient]:
    """Sign in to a connection's Epicor; whoever calls holds one of its slots, for as long as a call takes.

    Raises:
        MissingCredentialError: a credential is not set.
    """
    timings, epicor = settings.timings, connection.document.epicor
    timeout = httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect)
    async with httpx.AsyncClient(timeout=timeout) as http:
        signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used)
        yield EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write)


@asynccontextmanager
async def epicor_of(settings: Settings, engine: AsyncEngine, name: str) -> AsyncIterator[EpicorSide]:
    """Sign in to a connection's Epicor and hold one of its slots while inside.

    Raises:
        CommandError: there is no such connection.
        MissingCredentialError: a credential is not set.
        TransientError: the database is away.
    """
    connection = (await load(engine, master_keys(settings))).get(name)
    if connection is None:
        raise CommandError(f"There is no connection {name}.", code=Exit.USAGE)
    slots = Slots(engine, name, cap=connection.document.epicor.calls_in_flight)
    async with epicor_client(settings, connection) as client, slots.hold():
        yield EpicorSide(connection, client)
