"""`ml-connector backup` and `restore`: a folder that holds everything but the master keys, and back.

The database first, then the anchors, then the other streams, the object stores last: what is read first points only at
what is read later, so projections catch up, no anchor is ahead of its stream, and no claim is without its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path

from nats.aio.client import Client
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.migrations import migrate
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.streams import ANCHORS, DOCUMENT_KEYS, STREAMS
from mlc_common.tables import data_keys, signing_keys
from mlc_common.vault import MasterKeys
from operator_console import site
from operator_console.audit.export import must_be_new, whole_or_not_at_all
from operator_console.backup import snapshots, tables
from operator_console.backup.manifest import NAME, Manifest, SavedStream, SavedTable
from operator_console.data_folder import DataFolder
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database

CHUNK = 128 * 1024
OBJECT_STORE = "OBJ_"


async def backup(settings: Settings, folder: Path, *, say: Callable[[str], None]) -> Manifest:
    """Write a backup of a running site into a new folder; the services go on meanwhile.

    Raises:
        CommandError: the folder is there already, or the broker refuses.
        TransientError: broker or database went away; the folder is no backup, remove it.
    """
    must_be_new(folder)
    _make(folder)
    async with database(settings) as engine, broker(settings) as client:
        say("The database ...")
        async with tables.driver(engine) as connection:
            schema, rows = await tables.copy_out(connection, folder / "database")
        streams = [await _saved(client, name, folder, say) for name in _in_order(await snapshots.stream_names(client))]
        keys = await _master_keys(engine)
    saved = [SavedTable(name=name, rows=count, sha256="") for name, count in rows.items()]
    manifest = Manifest(
        made_at=datetime.now(UTC),  # the edge: a person acts now
        version=version("ml-connector"),
        database_schema=schema,
        master_keys=keys,
        tables=tuple(each.model_copy(update={"sha256": _digest(folder / each.file)}) for each in saved),
        streams=tuple(streams),
    )
    with whole_or_not_at_all(folder / NAME) as out:
        out.write(manifest.model_dump_json(indent=2).encode())
    return manifest


def _make(folder: Path) -> None:
    for each in (folder, folder / "database", folder / "streams"):
        each.mkdir(mode=0o700, parents=True)


def _in_order(names: list[str]) -> list[str]:
    ours = [ANCHORS, *(each.name for each in STREAMS if each.name != ANCHORS)]
    ours.append(DOCUMENT_KEYS)
    stores = sorted(name for name in names if name.startswith(OBJECT_STORE))
    return [name for name in ours if name in names] + stores


async def _saved(client: Client, name: str, folder: Path, say: Callable[[str], None]) -> SavedStream:
    say(f"{name} ...")
    file = folder / "streams" / f"{name}.snapshot"
    with whole_or_not_at_all(file) as out:
        async with snapshots.standing_still(client, name, now=partial(datetime.now, UTC)):
            config, state = await snapshots.snapshot(client, name, out.write)
    return SavedStream(name=name, config=config, state=state, sha256=_digest(file))


async def _master_keys(engine: AsyncEngine) -> tuple[str, ...]:
    async with engine.connect() as db:
        found = [
            (await db.scalars(select(each.c.master_key_id).distinct())).all() for each in (data_keys, signing_keys)
        ]
    return tuple(sorted({key for ids in found for key in ids}))


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose files are all there and as they were written.

    Raises:
        CommandError: it is no backup, or not whole.
    """
    try:
        manifest = Manifest.model_validate_json((folder / NAME).read_bytes())
    except OSError as error:
        raise CommandError(
            f"{folder} is no whole backup: {NAME} cannot be read ({error.strerror}).", code=Exit.USAGE
        ) from error
    except ValidationError as error:
        raise CommandError(f"{folder / NAME} is no manifest that this version knows.", code=Exit.USAGE) from error
    saved: list[SavedTable | SavedStream] = [*manifest.tables, *manifest.streams]
    for each in saved:
        file = folder / each.file
        if not file.is_file() or _digest(file) != each.sha256:
            raise CommandError(f"{file} is missing or was changed since the backup was made; nothing was restored.")
    return manifest


async def restore(settings: Settings, folder: Path, *, keys: MasterKeys, say: Callable[[str], None]) -> Manifest:
    """Restore a backup into an empty broker and an empty database. No service may run there yet.

    Raises:
        CommandError: it is no backup, the place is not empty, or it was made with another schema or under other keys.
    """
    manifest = read(folder)
    missing = [key for key in manifest.master_keys if key not in keys.by_id]
    if missing:
        raise CommandError(
            f"What is sealed in this backup needs the master key {', '.join(missing)}, which is not in it, and not "
            "here. Put it in place first; if it is lost for good, see 'A lost master key' in docs/operations.md.",
            code=Exit.REFUSED,
        )
    async with database(settings) as engine, broker(settings) as client:
        await migrate(engine)
        async with tables.driver(engine) as connection:
            _must_fit(manifest, await tables.schema_of(connection))
            await tables.must_be_empty(connection)
            await snapshots.make_room(client, [stream.name for stream in manifest.streams])
            say("The database ...")
            await tables.copy_in(connection, folder / "database")
        for stream in manifest.streams:
            say(f"{stream.name} ...")
            config = stream.config | {"num_replicas": settings.stream_replicas}
            await snapshots.restore(client, config, stream.state, _chunks(folder / stream.file))
    return manifest


async def restore_site(place: DataFolder, folder: Path, *, say: Callable[[str], None]) -> Manifest:
    """Restore a backup into the directory of an embedded site that is not there yet, except for its `master-keys`.

    Raises:
        CommandError: there is something in the directory, or no master key.
    """
    read(folder)
    if place.broker_store.exists() or place.database.exists():
        raise CommandError(
            f"There is a site in {place.root}. A backup is restored into an empty place only; nothing was changed.",
            code=Exit.REFUSED,
        )
    if not place.master_keys.exists():
        raise CommandError(
            f"Put your copy of the master keys into {place.master_keys} first: they are never in a backup, and without "
            "them nobody opens the credentials in it.",
            code=Exit.REFUSED,
        )
    async with site.running(place, site.Options(port=0, services=()), say=say) as here:
        return await restore(here.settings, folder, keys=master_keys(here.settings), say=say)


def _must_fit(manifest: Manifest, schema: str) -> None:
    if manifest.database_schema != schema:
        raise CommandError(
            f"This backup was made by version {manifest.version} with the database schema {manifest.database_schema}, "
            f"and this version has {schema}. Restore it with the version that made it, then upgrade.",
            code=Exit.REFUSED,
        )


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()
