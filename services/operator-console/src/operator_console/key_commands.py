"""`ml-connector keys`: a fresh master key, and moving every sealed credential under it while services run.

Two ways, after where the keys are. A file we may write, as in a data directory: `rotate` does everything. Anything
else, as `MLC_MASTER_KEYS` from a Kubernetes Secret: its owner puts the fresh key first, `rotate` only seals under it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import ascii_lowercase

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common import connections
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.tables import data_keys
from mlc_common.vault import MasterKeys
from operator_console.audit import signing_keys
from operator_console.data_folder import write_private
from operator_console.exits import CommandError, Exit
from operator_console.reach import database


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: which key seals now, how many data keys were moved, which keys seal nothing any more."""

    sealing: str
    moved: int
    removable: tuple[str, ...]


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


@dataclass(frozen=True)
class Prepared:
    """A key that was made ahead: added to `file`, or, without one, the `line` for the Secret (it is a secret)."""

    key_id: str
    file: Path | None
    line: str | None


def new(settings: Settings) -> Prepared:
    """Add a master key to the file the settings name; where there is none to write, make the line for its owner."""
    now = datetime.now(UTC)  # the edge: a person acts now
    file = own_file(settings)
    if file is not None:
        return Prepared(add_key(file, now=now), file, None)
    held = settings.master_keys is not None or settings.master_keys_file is not None
    key_id = next_id(master_keys(settings) if held else MasterKeys(by_id={}), now=now)
    return Prepared(key_id, None, MasterKeys.generate_line(key_id))


def told_new(prepared: Prepared) -> str:
    """What to do with a prepared key; without a file it is the line itself, and nothing else."""
    if prepared.line is not None:
        return prepared.line
    return (
        f"Master key {prepared.key_id} was added to {prepared.file}. It seals nothing yet: back the file up, then run: "
        f"ml-connector keys rotate --to {prepared.key_id}"
    )


async def rotate(settings: Settings, *, to: str | None = None, say: Callable[[str], None]) -> Rotation:
    """Seal everything under a fresh master key, or under the one named that was prepared; older ones stay and open.

    Services must know a key before anything is sealed under it; they look for changed keys every `timings.refresh`.
    Keys that are not in a file of ours are their owner's to order: everything is sealed under the first one.

    Raises:
        CommandError: there is no key of that name, or the keys are not ours to order.
    """
    file = own_file(settings)
    known = master_keys(settings)
    if file is None:
        if to not in (None, known.first):
            raise CommandError(
                f"{known.first} stands first, and the keys are not in a file that can be written here; "
                f"put {to} first where they come from, everywhere, then run this again.",
                code=Exit.REFUSED,
            )
        return await rewrap(settings, ordered_here=False)
    if to is not None and to not in known.by_id:
        raise CommandError(f"{file} holds no key {to}; there are: {', '.join(known.by_id)}.", code=Exit.USAGE)
    key_id = to or add_key(file, now=datetime.now(UTC))  # the edge: a person acts now
    pause = 2 * settings.timings.refresh + 1
    say(f"Waiting {pause:g} s until every running service knows master key {key_id} ...")
    await asyncio.sleep(pause)
    put_first(file, key_id)
    return await rewrap(settings, ordered_here=True)


def told(rotation: Rotation) -> str:
    """A rotation in words."""
    done = f"Master key {rotation.sealing} seals now; {rotation.moved} data keys were moved under it."
    if not rotation.moved and not rotation.removable:
        return f"{done} It sealed everything before; to rotate, put a fresh key first, everywhere, then run this again."
    older = " These seal nothing any more and may be removed, but keep them with older backups of the database: {}."
    return done + (older.format(", ".join(rotation.removable)) if rotation.removable else "")


async def rewrap(settings: Settings, *, ordered_here: bool) -> Rotation:
    """Move every data key under the first master key; services that hold all keys work on meanwhile.

    Args:
        ordered_here: no key waits behind the first one to become first, so every one behind it may go.
    """
    keys = master_keys(settings)
    async with database(settings) as engine:
        before = await _sealing(engine)
        moved = await connections.rewrap(engine, keys, now=datetime.now(UTC))  # the edge: a person acts now
        moved += await signing_keys.rewrap(engine, keys)
        after = await _sealing(engine)
    free = set(keys.by_id) if ordered_here else before
    removable = tuple(each for each in keys.by_id if each in free - after and each != keys.first)
    return Rotation(sealing=keys.first, moved=moved, removable=removable)


async def _sealing(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as db:
        sealed = set((await db.scalars(select(data_keys.c.master_key_id).distinct())).all())
    return sealed | await signing_keys.master_keys_in_use(engine)


def own_file(settings: Settings) -> Path | None:
    """The key file when it is ours to write; None for a mounted Secret or keys from the environment."""
    file = settings.master_keys_file
    return file if file is not None and os.access(file.parent, os.W_OK) and os.access(file, os.W_OK) else None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise CommandError(f"The master keys in {file} cannot be read: {error.strerror}.", code=Exit.USAGE) from error
