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

from mlc_common import migrations
from mlc_common.connections import Connection
from mlc_common.database_roles import ROLES
from mlc_common.failures import PermanentError, TransientError
from mlc_common.settings import Settings
from mlc_common.streams import ATTACHMENTS_STREAM, CLAIMS_STREAM, DOCUMENT_KEYS, STREAMS, durables
from mlc_common.topology import stream_config
from operator_console.data_folder import DataFolder
from operator_console.doctor_checks import Check, failed, passed
from operator_console.doctor_needs import needed_credentials
from operator_console.doctor_verdicts_platform import (
    ENOUGH,
    credentials,
    durability,
    durable,
    privileges,
    schema,
    stream,
    sync_of,
    wanted_of,
)

PEOPLE = "mlc_operator"
_MAY = text(
    "SELECT has_table_privilege(:role, :name, :what) OR "
    "(:what IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege(:role, :name, :what)) "
    "WHERE to_regclass(:name) IS NOT NULL"
)
"""A right on some column is enough: locking a row asks for no more."""

_LET_IN = text(
    "SELECT role.rolname FROM pg_database AS db CROSS JOIN aclexplode(db.datacl) AS given "
    "JOIN pg_roles AS role ON role.oid = given.grantee "
    "WHERE db.datname = current_database() AND given.privilege_type = 'CONNECT'"
)
"""Roles that somebody let into this very database; a cluster may have the same roles for another one."""

_PATIENCE = 5.0
_NOT_FOUND = 404


async def streams(client: Client, settings: Settings, folder: DataFolder | None) -> list[Check]:
    """Every stream and object store, and which guarantee a stored message has."""
    replicas, days = settings.stream_replicas, settings.stream_max_age_days
    declared = (stream_config(each, replicas=replicas, max_age_days=days) for each in STREAMS)
    wanted = {each["name"]: wanted_of(each) for each in declared}
    stored = {"storage": "file", "num_replicas": replicas}
    kept = int(settings.attachments_kept_days * 86_400) * 1_000_000_000
    wanted |= {CLAIMS_STREAM: stored | {"deny_delete": True}, ATTACHMENTS_STREAM: stored | {"max_age": kept}}
    wanted[DOCUMENT_KEYS] = stored | {"max_age": 0}
    held = {name: await _config(client, f"STREAM.INFO.{name}") for name in wanted}
    found = [stream(name, held[name], wanted[name]) for name in wanted]
    counts = [int(each.get("num_replicas") or 1) for each in held.values() if each is not None]
    servers = max(len(client.discovered_servers), len(client.servers), 1)
    syncs = await _syncs(client, folder) if min(counts, default=0) < ENOUGH else None
    return [*found, durability(counts, syncs=syncs, servers=servers)]


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
    """What our own user may do with the tables that are there, and the roles of the services, where there are such."""
    async with engine.connect() as db:
        ours = str(await db.scalar(text("SELECT current_user")))
        known = set((await db.execute(_LET_IN)).scalars())
        roles = {role: rights for role, rights in ROLES.items() if role in known} | {ours: ROLES[PEOPLE]}
        asked = [
            {"role": role, "name": name, "what": right.partition(" ")[0]}
            for role, tables in roles.items()
            for name, rights in tables.items()
            for right in rights
        ]
        lacking = [
            f"{each['role']}: {each['what']} on {each['name']}"
            for each in asked
            if await db.scalar(_MAY, each) is False  # nothing at all where there is no such table
        ]
    return [privileges(lacking)]


def key_material(connection: Connection) -> list[Check]:
    """Whether every credential that is needed is there and opens."""
    needed = needed_credentials(connection.document)
    return credentials(needed, connection.credentials, connection.unreadable, name=connection.name)
