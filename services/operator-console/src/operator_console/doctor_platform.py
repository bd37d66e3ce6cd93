"""Examines broker, database and keys. It only reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import nats.errors
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common import migrations, tables
from mlc_common.connections import Connection
from mlc_common.failures import PermanentError, TransientError
from mlc_common.settings import Settings
from mlc_common.streams import ATTACHMENTS_BUCKET, CLAIMS_BUCKET, STREAMS, durables
from mlc_common.topology import stream_config
from operator_console.data_folder import DataFolder
from operator_console.doctor_checks import Check, failed, passed
from operator_console.doctor_needs import needed_credentials
from operator_console.doctor_verdicts_platform import (
    credentials,
    durability,
    durable,
    privileges,
    schema,
    stream,
    sync_of,
    wanted_of,
)

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_PATIENCE = 5.0
_NOT_FOUND = 404


async def streams(client: Client, settings: Settings, folder: DataFolder | None) -> list[Check]:
    """Every stream and object store, and which guarantee a stored message has."""
    replicas = settings.stream_replicas
    wanted = {each.name: wanted_of(stream_config(each, replicas=replicas)) for each in STREAMS}
    stored = {"storage": "file", "num_replicas": replicas}
    kept = int(settings.attachments_kept_days * 86_400) * 1_000_000_000
    wanted[f"OBJ_{CLAIMS_BUCKET}"] = stored | {"deny_delete": True}
    wanted[f"OBJ_{ATTACHMENTS_BUCKET}"] = stored | {"max_age": kept}
    held = {name: await _config(client, f"STREAM.INFO.{name}") for name in wanted}
    found = [stream(name, held[name], wanted[name]) for name in wanted]
    counts = [int(each.get("num_replicas") or 1) for each in held.values() if each is not None]
    servers = max(len(client.discovered_servers), len(client.servers), 1)
    return [*found, durability(counts, syncs=await _syncs(client, folder), servers=servers)]


async def _config(client: Client, verb: str) -> dict[str, Any] | None:
    """The `config` of what there is, or None when there is no such thing.

    Raises:
        TransientError: the server does not tell.
    """
    answer = await client.request(f"$JS.API.{verb}", b"", timeout=_PATIENCE)
    value = json.loads(answer.data)
    error = value.get("error")
    if error is not None:
        if error.get("code") == _NOT_FOUND:
            return None
        raise TransientError(f"NATS does not tell about {verb}: {error.get('description')}.")
    config: dict[str, Any] = value["config"]
    return config


async def _syncs(client: Client, folder: DataFolder | None) -> str | None:
    """The server's sync_interval: of an embedded site, or where an account exports the server's JSZ to ours."""
    if folder is not None and folder.broker_config.exists():
        return "always" if "sync_interval: always" in await asyncio.to_thread(folder.broker_config.read_text) else None
    try:
        answer = await client.request("$SYS.REQ.SERVER.PING.JSZ", b'{"config": true}', timeout=1)
    except nats.errors.Error:
        return None
    try:
        return sync_of(json.loads(answer.data))
    except ValueError:
        return None


async def durables_of(client: Client, settings: Settings, connection: str) -> list[Check]:
    """Every consumer of a connection."""
    found = []
    for each in durables(connection):
        held = await _config(client, f"CONSUMER.INFO.{each.stream}.{each.name}")
        found.append(durable(each, held, ack_wait=settings.timings.ack_wait))
    return found


async def database_schema(engine: AsyncEngine) -> Sequence[Check]:
    """Whether the database answers, and has this version's tables."""
    try:
        missing = await migrations.missing(engine)
    except PermanentError as newer:
        remedy = "install the version of ml-connector that set it up, or a later one"
        return [passed("database", "answers"), failed("database schema", str(newer), remedy)]
    return [passed("database", "answers"), schema(missing)]


async def database_privileges(engine: AsyncEngine) -> Sequence[Check]:
    """What our user may do with the tables that are there."""
    asked = text("SELECT has_table_privilege(:name, :right) WHERE to_regclass(:name) IS NOT NULL")
    lacking = []
    async with engine.connect() as db:
        for name in sorted(tables.metadata.tables):
            for right in RIGHTS:
                if await db.scalar(asked, {"name": name, "right": right}) is False:
                    lacking.append(f"{right} on {name}")
    return [privileges(lacking)]


def key_material(connection: Connection) -> list[Check]:
    """Whether every credential that is needed is there and opens."""
    needed = needed_credentials(connection.document)
    return credentials(needed, connection.credentials, connection.unreadable, name=connection.name)
