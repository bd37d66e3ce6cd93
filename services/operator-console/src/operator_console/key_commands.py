"""`ml-connector keys`: a new master key, and moving every sealed credential under it while services run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import ascii_lowercase

from pydantic import SecretStr

from mlc_common import connections
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.vault import MasterKeys
from operator_console.data_folder import write_private
from operator_console.exits import CommandError, Exit
from operator_console.reach import database


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: which key seals now, how many data keys were moved, which keys may be removed."""

    sealing: str
    moved: int
    older: tuple[str, ...]


def next_id(keys: MasterKeys, *, now: datetime) -> str:
    """An id for one more key: today's date, with a letter when there is one of today already."""
    day = f"k{now:%Y%m%d}"
    return next(name for name in (day, *(f"{day}{letter}" for letter in ascii_lowercase)) if name not in keys.by_id)


def add_key(file: Path, *, now: datetime) -> str:
    """Append a new master key to the file: from now on it can open, it does not seal yet. Returns its id.

    Raises:
        CommandError: the file cannot be read.
    """
    text = _read(file)
    key_id = next_id(MasterKeys.parse(SecretStr(text)), now=now)
    write_private(file, f"{text.rstrip()}\n{MasterKeys.generate_line(key_id)}\n")
    return key_id


def put_first(file: Path, key_id: str) -> None:
    """Make one of the file's keys the one that seals."""
    lines = [line for line in _read(file).replace(",", "\n").split() if line]
    ordered = sorted(lines, key=lambda line: line.partition(":")[0] != key_id)
    write_private(file, "\n".join(ordered) + "\n")


def new(settings: Settings) -> str:
    """Add a master key to the file the settings name; without a file, make the line for the Secret. What to print."""
    now = datetime.now(UTC)  # the edge: a person acts now
    if settings.master_keys_file is None:
        keys = MasterKeys.parse(settings.master_keys) if settings.master_keys else MasterKeys(by_id={})
        return MasterKeys.generate_line(next_id(keys, now=now))
    key_id = add_key(settings.master_keys_file, now=now)
    return (
        f"Master key {key_id} was added to {settings.master_keys_file}; back the file up, "
        f"then run: ml-connector keys rotate"
    )


async def rotate(settings: Settings, *, say: Callable[[str], None]) -> Rotation:
    """Make the newest key of the file seal (a new one, when the newest seals already), then move everything under it.

    Services must know a key before anything is sealed under it; they look for changed keys every `timings.refresh`.
    """
    file = settings.master_keys_file
    if file is not None:
        key_id = newest(file)
        if key_id == master_keys(settings).first:
            key_id = add_key(file, now=datetime.now(UTC))  # the edge: a person acts now
        pause = 2 * settings.timings.refresh + 1
        say(f"Waiting {pause:g} s until every running service knows master key {key_id} ...")
        await asyncio.sleep(pause)
        put_first(file, key_id)
    return await rewrap(settings)


def told(rotation: Rotation) -> str:
    """A rotation in words."""
    older = (
        f" Older keys may be removed once no backup needs them: {', '.join(rotation.older)}." if rotation.older else ""
    )
    return f"Master key {rotation.sealing} seals now; {rotation.moved} data keys were moved under it.{older}"


async def rewrap(settings: Settings) -> Rotation:
    """Move every data key under the first master key; services that hold all keys work on meanwhile."""
    keys = master_keys(settings)
    async with database(settings) as engine:
        moved = await connections.rewrap(engine, keys, now=datetime.now(UTC))  # the edge: a person acts now
    return Rotation(sealing=keys.first, moved=moved, older=tuple(keys.by_id)[1:])


def newest(file: Path) -> str:
    """The id of the key added last."""
    return _read(file).replace(",", "\n").split()[-1].partition(":")[0]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise CommandError(f"The master keys in {file} cannot be read: {error.strerror}.", code=Exit.USAGE) from error
