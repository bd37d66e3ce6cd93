"""The one directory that an embedded site lives in: where things are, its generated secrets, its lock."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mlc_common.settings import Settings
from mlc_common.vault import MasterKeys
from operator_console.exits import CommandError, Exit

FIRST_KEY = "k1"


@dataclass(frozen=True)
class DataFolder:
    """Paths below one directory; nothing is read or written by asking for them."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def ports(self) -> Path:
        """Where each service notes the port it listens on."""
        return self.root / "run"

    @property
    def broker_store(self) -> Path:
        """The streams: the audit trail itself."""
        return self.root / "nats"

    @property
    def broker_config(self) -> Path:
        """The broker's configuration, written anew at every start."""
        return self.root / "nats.conf"

    @property
    def database(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "postgres"

    @property
    def master_keys(self) -> Path:
        """The master keys that open the stored credentials."""
        return self.root / "master-keys"

    @property
    def broker_access(self) -> Path:
        """Port, user and password of the embedded broker."""
        return self.root / "broker.json"

    @property
    def state(self) -> Path:
        """What runs now: process ids, addresses, restarts."""
        return self.root / "run.json"

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name}.log"

    def port_file(self, service: str) -> Path:
        """Where this service notes the port of its health and metrics."""
        return self.ports / f"{service}.port"

    def public_port_file(self, service: str) -> Path:
        """Where it notes the port that is for everybody, if it has one."""
        return self.ports / f"{service}.public-port"


@dataclass(frozen=True)
class BrokerAccess:
    """How to reach the embedded broker; loopback only."""

    port: int
    user: str
    password: SecretStr

    @property
    def url(self) -> str:
        """The address without user and password."""
        return f"nats://127.0.0.1:{self.port}"


def prepare(folder: DataFolder) -> bool:
    """Create what is missing below the directory; says whether a master key was generated now (back it up).

    Raises:
        CommandError: there was a master key, and it is gone.
        OSError: the directory cannot be written.
    """
    if not folder.master_keys.exists() and (folder.database / "PG_VERSION").exists():
        raise CommandError(
            f"{folder.master_keys} is gone, and the credentials in {folder.database} are sealed under it. Put it back "
            f"from your backup. If it is lost for good, see 'A lost master key' in docs/operations.md.",
            code=Exit.REFUSED,
        )
    for path in (folder.root, folder.logs, folder.ports, folder.broker_store):
        path.mkdir(parents=True, exist_ok=True)
    for path in (folder.logs, folder.ports, folder.broker_store):
        path.chmod(0o700)
    if folder.master_keys.exists():
        return False
    write_private(folder.master_keys, MasterKeys.generate_line(FIRST_KEY) + "\n")
    return True


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read; whole or not at all, and on disk before this returns."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def broker_access(folder: DataFolder) -> BrokerAccess:
    """The broker's port and login: remembered, made the first time; another port when somebody took it."""
    known = read_broker_access(folder)
    if known is not None and port_is_free(known.port):
        return known
    access = BrokerAccess(
        port=free_port(),
        user=known.user if known else "ml-connector",
        password=known.password if known else SecretStr(secrets.token_urlsafe(32)),
    )
    stored = {"port": access.port, "user": access.user, "password": access.password.get_secret_value()}
    write_private(folder.broker_access, json.dumps(stored))
    return access


def read_broker_access(folder: DataFolder) -> BrokerAccess | None:
    """The remembered port and login, or None before the first start."""
    try:
        stored: dict[str, Any] = json.loads(folder.broker_access.read_text())
    except FileNotFoundError:
        return None
    return BrokerAccess(port=stored["port"], user=stored["user"], password=SecretStr(stored["password"]))


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether this port can be listened on."""
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


def settings_of(folder: DataFolder, database_url: str) -> Settings:
    """The settings with which a command reaches the embedded broker and database of this directory.

    Raises:
        CommandError: nothing was ever started there.
    """
    access = read_broker_access(folder)
    if access is None:
        raise _nothing_runs(folder)
    return Settings(
        nats_url=access.url,
        nats_user=access.user,
        nats_password=access.password,
        database_url=SecretStr(database_url),
        master_keys_file=folder.master_keys,
    )


def must_run(folder: DataFolder) -> None:
    """Make sure that a site runs on this directory.

    Raises:
        CommandError: none does.
    """
    if not is_locked(folder):
        raise _nothing_runs(folder)


def _nothing_runs(folder: DataFolder) -> CommandError:
    return CommandError(
        f"Nothing runs in {folder.root}; start it with: ml-connector up --data-dir {folder.root}", code=Exit.UNREACHABLE
    )


@contextmanager
def locked(folder: DataFolder) -> Iterator[None]:
    """Hold the directory for one running site; the lock ends with the process, however that ends.

    Raises:
        CommandError: another process holds it.
    """
    folder.root.mkdir(parents=True, exist_ok=True)
    with (folder.root / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CommandError(
                f"{folder.root} is in use by another ml-connector (process {holder}); "
                f"stop that one, or choose another directory with --data-dir",
                code=Exit.REFUSED,
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_locked(folder: DataFolder) -> bool:
    """Whether a site runs on this directory now."""
    try:
        with (folder.root / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
