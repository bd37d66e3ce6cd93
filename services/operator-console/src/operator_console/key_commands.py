"""`ml-connector keys`: a new master key, and moving every sealed credential under it while services run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

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
    return next(name for name in (day, *(f"{day}{chr(letter)}" for letter in range(ord("b"), ord("z") + 1))) if name not in keys.by_id)


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


async def rewrap(settings: Settings) -> Rotation:
    """Move every data key under the first master key; services that hold all keys work on meanwhile."""
    keys = master_keys(settings)
    async with database(settings) as engine:
        moved = await connections.rewrap(engine, keys, now=datetime.now(UTC))  # the edge: a person acts now
    return Rotation(sealing=keys.first, moved=moved, older=tuple(keys.by_id)[1:])


def newest(file: Path) -> str:
    """The id of the key added last."""
    return _read(file).replace(",", "\n").split()[-1].partition(":")[0]


def key_file(settings: Settings) -> Path:
    """The file that holds the master keys.

    Raises:
        CommandError: they do not come from a file.
    """
    if settings.master_keys_file is None:
        raise CommandError(
            "The master keys come from MLC_MASTER_KEYS, not from a file; add a line of `ml-connector keys new` there.",
            code=Exit.USAGE,
        )
    return settings.master_keys_file


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise CommandError(f"The master keys in {file} cannot be read: {error.strerror}.", code=Exit.USAGE) from error
