"""The embedded PostgreSQL: made once, reached by a private socket only, recovered after a crash."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import asyncpg

from operator_console.data_folder import DataFolder
from operator_console.embedded import database_binaries
from operator_console.exits import CommandError
from operator_console.processes import birth, command_line, completed, end
from operator_console.supervisor import Program

DATABASE = "postgresql"
SYSTEM_USER = "pgserver"
"""PostgreSQL refuses to run as root; started by root it runs as this user, which is made when missing."""

LONGEST_SOCKET_PATH = 100
"""Bytes; the operating system accepts 107."""

PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")

GO_AWAY = signal.SIGINT
"""PostgreSQL's fast shutdown: sessions are ended, everything is written, clean stop."""


def system_user() -> str | None:
    """Who PostgreSQL runs as when not as ourselves."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def socket_folder(folder: DataFolder) -> Path:
    """Where the database's socket is: in its data directory, or in a private short one when that path will not do.

    It will not when it is too long, or holds a character that means something in an address or a list of directories.
    """
    path = str(folder.database / ".s.PGSQL.5432")
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(path):
        return folder.database
    short = hashlib.sha256(os.fsencode(folder.database)).hexdigest()[:12]
    return Path("/tmp") / f"mlc-{os.geteuid()}-{short}"  # noqa: S108 - made with mode 0700, ownership checked


def database_url(folder: DataFolder) -> str:
    """The address of the embedded database, for this process's user."""
    return f"postgresql+asyncpg://postgres:@/postgres?host={quote(str(socket_folder(folder)))}"


def forget_ambient_database() -> None:
    """Remove PGPORT, PGSSLMODE and the like from this process: they speak of somebody else's database.

    PostgreSQL reads them, asyncpg does, and every program that is started from here would inherit them.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


async def database_program(folder: DataFolder) -> Program:
    """The database, made now when it is not there yet; a server left over from a crash is ended first.

    Raises:
        CommandError: it cannot be made; the sentence says why.
    """
    await _end_left_over(folder.database)
    user = system_user()
    if user is not None:
        await asyncio.to_thread(_ensure_user, user)
    if not (folder.database / "PG_VERSION").exists():
        await _to_its_end(_make, folder.database, user)
    sockets = socket_folder(folder)
    if sockets != folder.database:
        _private(sockets, user)
    options = (
        "-c",
        "listen_addresses=",
        "-c",
        f"unix_socket_directories={sockets}",
        "-c",
        "unix_socket_permissions=0700",
    )
    return Program(
        name=DATABASE,
        command=(str(database_binaries() / "postgres"), "-D", str(folder.database), *options),
        log=folder.log(DATABASE),
        folder=folder.database,
        user=user,
        stop_signal=GO_AWAY,
        address=f"socket in {sockets}",
    )


async def _to_its_end(act: Callable[[Path, str | None], None], place: Path, user: str | None) -> None:
    """Run in a thread; who is asked to stop meanwhile still waits for it, so that nobody clears up around it."""
    task = asyncio.ensure_future(asyncio.to_thread(act, place, user))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def database_answers(folder: DataFolder) -> str | None:
    """The server's version when it answers, else None."""
    try:
        connection = await asyncpg.connect(
            host=str(socket_folder(folder)), user="postgres", database="postgres", timeout=5
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


def _make(place: Path, user: str | None) -> None:
    # Made beside and moved, so that an interrupted start leaves no half-made database.
    half = place.with_name(f"{place.name}.new")
    shutil.rmtree(half, ignore_errors=True)
    if user is not None:
        _let_pass(half)
        _let_pass(database_binaries() / "initdb")
    _private(half, user)
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    command = (str(database_binaries() / "initdb"), "-D", str(half), "-U", "postgres", "--auth=trust", *locale)
    done = completed(command, folder=half, user=user)
    if done.returncode != 0:
        raise CommandError(f"The database could not be made in {place}: {done.stderr.strip() or done.stdout.strip()}")
    half.rename(place)


def _ensure_user(user: str) -> None:
    try:
        pwd.getpwnam(user)
    except KeyError:
        made = completed(("useradd", "--system", user))
        if made.returncode != 0:
            raise CommandError(
                f"PostgreSQL does not run as root, and the system user {user} cannot be made: {made.stderr.strip()}. "
                f"Start ml-connector as an ordinary user."
            ) from None


def _private(place: Path, user: str | None) -> None:
    place.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(place, owner.pw_uid, owner.pw_gid)
    elif place.stat().st_uid != os.geteuid():
        raise CommandError(f"{place} belongs to somebody else; remove it, or choose a shorter path with --data-dir.")
    place.chmod(0o700)


def _let_pass(place: Path) -> None:
    """Let the database's system user walk down to `place`: search permission only, where it is missing."""
    for parent in place.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


async def _end_left_over(place: Path) -> None:
    noted = place / "postmaster.pid"
    try:
        pid = int(noted.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    born = birth(pid)
    if born is None:  # gone; PostgreSQL sees by itself whether anything of it still holds the data
        return
    if str(place) in command_line(pid):
        await end(pid, born, ask_with=GO_AWAY, patience=10)
    else:
        # After a reboot the number belongs to somebody else, and PostgreSQL would refuse to start because of the note.
        noted.unlink(missing_ok=True)
