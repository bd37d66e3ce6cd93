"""The engine: one bounded pool per process on PostgreSQL, through asyncpg."""

from __future__ import annotations

import asyncpg
from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mlc_common.failures import PermanentError

DATABASE_ERRORS = (
    OSError,
    DBAPIError,
    PoolTimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a session that the server has just ended, before the driver has noticed
)
"""What a call can raise while the database is away, restarting or refuses us; for a caller that outlives that.
(OSError includes TimeoutError.)"""

DRIVERS = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})


def make_engine(
    url: SecretStr | str,
    *,
    pool_size: int = 5,
    application_name: str = "ml-connector",
    connect_seconds: float = 10,
    statement_seconds: float = 60,
) -> AsyncEngine:
    """An engine that never opens more than `pool_size` connections and never waits for ever.

    Args:
        url: postgresql://user:password@host:port/database, or postgresql://postgres:@/database?host=/socket/folder.
            libpq's `sslmode` is understood; asyncpg's own `ssl` as well.
        pool_size: most connections open at once; a caller beyond them waits `connect_seconds`.
        application_name: how the connections show in pg_stat_activity.
        connect_seconds: patience for a connection, in seconds.
        statement_seconds: patience for one statement, in seconds.

    Raises:
        PermanentError: not the address of a PostgreSQL database. The sentence does not show the address.
    """
    return create_async_engine(
        _for_asyncpg(url.get_secret_value() if isinstance(url, SecretStr) else url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=connect_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "timeout": connect_seconds,
            "command_timeout": statement_seconds,
            "server_settings": {"application_name": application_name},
        },
    )


def _for_asyncpg(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The cause may carry the address, and with it the password.
        raise PermanentError("The database address is not of the form postgresql://user@host/database") from None
    if url.drivername not in DRIVERS:
        raise PermanentError("The database address does not begin with postgresql://; only PostgreSQL is supported")
    url = url.set(drivername="postgresql+asyncpg")
    if "sslmode" in url.query:
        mode = url.query["sslmode"]
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url
