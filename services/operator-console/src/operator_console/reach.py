"""How a command reaches broker and database, and what it says when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.broker import trusted_by
from mlc_common.database import make_engine
from mlc_common.settings import Settings
from operator_console.data_folder import DataFolder, must_run, settings_of
from operator_console.embedded_database import database_url, forget_ambient_database
from operator_console.exits import CommandError, Exit

DEFAULT_FOLDER = Path("data")
PATIENCE = 5
RIGHT_AWAY: dict[str, Any] = {"connect_timeout": 2, "reconnect_time_wait": 0.1}
"""Seconds for one try at one server, and before the next one."""


def settings_for(data_dir: Path | None) -> Settings:
    """Where broker and database are: in the named directory, else in ./data when it exists, else as MLC_… says."""
    if data_dir is None and not DEFAULT_FOLDER.is_dir():
        return Settings()
    folder = DataFolder((data_dir or DEFAULT_FOLDER).resolve())
    must_run(folder)
    forget_ambient_database()
    return settings_of(folder, database_url(folder))


@asynccontextmanager
async def broker(settings: Settings) -> AsyncIterator[Client]:
    """A connection to the broker for one command; it does not wait for one that is away.

    Raises:
        CommandError: no broker answers there, within seconds. The sentence names host and port and no login.
    """
    login: dict[str, Any] = {}
    if trusted := trusted_by(settings):
        login["tls"] = trusted
    if settings.nats_user and settings.nats_password:
        login |= {"user": settings.nats_user, "password": settings.nats_password.get_secret_value()}
    if settings.nats_credentials_file:
        login["user_credentials"] = str(settings.nats_credentials_file)
    servers = settings.nats_url.split(",")
    places = ", ".join(_place(each) for each in servers)
    try:
        async with asyncio.timeout(PATIENCE):
            client = await nats.connect(
                servers,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                error_cb=_quiet,
                inbox_prefix=settings.nats_inbox_prefix,
                **RIGHT_AWAY,
                **login,
            )
    except (nats.errors.Error, OSError) as error:
        raise CommandError(
            f"No broker answers at {places} ({_why(error)}); is it running, and is the login right?",
            code=Exit.UNREACHABLE,
        ) from None  # the cause may carry the address, and with it the password
    try:
        yield client
    finally:
        await client.close()


def _place(url: str) -> str:
    """Host and port of an address, whatever stands before them."""
    return url.rpartition("@")[2].rpartition("://")[2].strip().rstrip("/")


async def _quiet(_error: Exception) -> None:
    return None


def _why(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine for one command."""
    engine = make_engine(settings.database_url, pool_size=2, application_name="ml-connector", connect_seconds=PATIENCE)
    try:
        yield engine
    finally:
        await engine.dispose()


async def broker_answers(settings: Settings) -> str | None:
    """The broker's version when it answers and takes our login, else None."""
    try:
        async with broker(settings) as client:
            await client.jetstream(timeout=PATIENCE).account_info()
            found = client.connected_server_version
            return f"{found.major}.{found.minor}.{found.patch}"
    except (CommandError, nats.errors.Error):
        return None
