"""Connection documents in PostgreSQL: applying one stores a new version, and every version stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import RowMapping, Select, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument
from mlc_common.connection_changes import Change, changing
from mlc_common.failures import PermanentError
from mlc_common.tables import connection_versions, connections, credentials


class StoredDocumentError(PermanentError):
    """A stored connection document is not one that this version of the program understands."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a document did: its version now, and whether that is a new one."""

    version: int
    changed: bool


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A line of the list of connections; `credentials` names the fields that are set, with how many values."""

    name: str
    version: int
    applied_at: datetime
    applied_by: str
    paused: bool
    credentials: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """One version of a connection document; `digest` is the SHA-256 of its canonical JSON, in hex."""

    name: str
    version: int
    document: ConnectionDocument
    digest: str
    applied_at: datetime
    applied_by: str


async def apply(engine: AsyncEngine, document: ConnectionDocument, *, by: str, now: datetime) -> Applied:
    """Make a document the current version of its connection; the same content again changes nothing."""
    digest = digest_of(document)
    async with changing(engine) as change:
        current = (await change.db.execute(current_version(document.name))).mappings().one_or_none()
        if current is not None and current["digest"] == digest:
            return Applied(version=current["version"], changed=False)
        number = 1 if current is None else current["version"] + 1
        await _store(change, document, {"version": number, "digest": digest, "applied_at": now, "applied_by": by})
        await change.announce()
    return Applied(version=number, changed=True)


async def _store(change: Change, document: ConnectionDocument, facts: Mapping[str, Any]) -> None:
    row = {"name": document.name, "document": document.model_dump(mode="json"), **facts}
    await change.db.execute(insert(connection_versions).values(row))
    pointer = insert(connections).values(name=document.name, current=facts["version"])
    await change.db.execute(
        pointer.on_conflict_do_update(index_elements=["name"], set_={"current": pointer.excluded.current})
    )


async def listing(engine: AsyncEngine) -> list[ConnectionRow]:
    """Every connection at its current version, by name."""
    held = select(credentials.c.connection, credentials.c.field, func.count().label("values"))
    async with engine.connect() as db:
        rows = (await db.execute(current_version().order_by(connections.c.name))).mappings().all()
        fields = (await db.execute(held.group_by(credentials.c.connection, credentials.c.field))).all()
    return [
        ConnectionRow(
            name=row["name"],
            version=row["version"],
            applied_at=row["applied_at"],
            applied_by=row["applied_by"],
            paused=bool(row["document"].get("paused")),
            credentials={name: count for connection, name, count in sorted(fields) if connection == row["name"]},
        )
        for row in rows
    ]


async def version(engine: AsyncEngine, name: str, version: int | None = None) -> StoredConnection | None:
    """One version of a connection, the current one without a number; None when there is no such version.

    Raises:
        StoredDocumentError: it is there, but this program does not understand it.
    """
    query = current_version(name)
    if version is not None:
        is_it = and_(connection_versions.c.name == name, connection_versions.c.version == version)
        query = select(connection_versions).where(is_it)
    async with engine.connect() as db:
        row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return StoredConnection(
        name=row["name"],
        version=row["version"],
        document=parse_stored(row),
        digest=row["digest"],
        applied_at=row["applied_at"],
        applied_by=row["applied_by"],
    )


def current_version(name: str | None = None) -> Select[Any]:
    """The rows of `connection_versions` that are current: of one connection, or of all."""
    is_current = and_(
        connection_versions.c.name == connections.c.name, connection_versions.c.version == connections.c.current
    )
    query = select(connection_versions).join(connections, is_current)
    return query if name is None else query.where(connections.c.name == name)


def parse_stored(row: RowMapping) -> ConnectionDocument:
    """The document of a row of `connection_versions`.

    Raises:
        StoredDocumentError: this program does not understand it; the sentence names members, never their values.
    """
    try:
        return ConnectionDocument.model_validate(row["document"])
    except ValidationError as error:
        members = ", ".join(
            ".".join(map(str, each["loc"])) or "the whole" for each in error.errors(include_input=False)
        )
        raise StoredDocumentError(
            f"Connection {row['name']}: stored version {row['version']} does not fit this version of ml-connector "
            f"({members}). Apply its file again: ml-connector connection apply -f FILE"
        ) from None


def digest_of(document: ConnectionDocument) -> str:
    """SHA-256 of the canonical JSON of a document, defaults spelt out, in hex."""
    canonical = json.dumps(document.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
