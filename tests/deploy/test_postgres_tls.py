"""Services talk TLS to a database that `PGSSLROOTCERT` vouches for, as `sslmode=verify-full` says, and to no other.

The database of these tests speaks no TLS itself: a small proxy does, as PostgreSQL's protocol wants it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from mlc_common.database import DATABASE_ERRORS, make_engine

from .conftest import Authority

ASKING_FOR_TLS = bytes.fromhex("0000000804d2162f")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
    except OSError:
        pass  # the other side has gone
    finally:
        writer.close()


@pytest_asyncio.fixture
async def secured(database_url: str, postgres_folder: Path, authority: Authority) -> AsyncIterator[str]:
    """The address of a database, through TLS only, as the manual writes it."""
    secret = authority.issue("postgres-tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(secret / "tls.crt", secret / "tls.key")
    [socket] = postgres_folder.glob(".s.PGSQL.*[0-9]")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readexactly(8) == ASKING_FOR_TLS, "somebody speaks in clear"
            writer.write(b"S")
            await writer.start_tls(context)
        except (OSError, AssertionError):
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = database_url.partition("@/")[2].partition("?")[0]
    yield f"postgresql://postgres:@127.0.0.1:{port}/{database}?sslmode=verify-full"
    server.close()


async def reached(url: str) -> int:
    engine = make_engine(url, connect_seconds=5)
    try:
        async with engine.connect() as db:
            return int((await db.execute(text("SELECT 1"))).scalar_one())
    finally:
        await engine.dispose()


async def test_a_database_that_the_mounted_certificates_vouch_for_is_used(
    secured: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(authority.certificate))

    assert await reached(secured) == 1


async def test_a_database_that_nobody_vouches_for_is_refused(
    secured: str, stranger: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(stranger.certificate))

    with pytest.raises(ssl.SSLCertVerificationError):
        await reached(secured)


async def test_a_database_of_another_name_is_refused(
    secured: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(authority.certificate))

    with pytest.raises(ssl.SSLCertVerificationError):
        await reached(secured.replace("127.0.0.1", "localhost"))


async def test_without_certificates_nothing_is_reached(
    secured: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(DATABASE_ERRORS):
        await reached(secured)
