"""`ml-connector connection`: apply a file, list, show, and the schema for editors."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common import connections
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Applied, ConnectionRow, StoredConnection
from mlc_common.far_side_names import ROW_MEMBER
from mlc_common.settings import Settings
from mlc_common.topology import declare_connection
from operator_console import connection_file
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database

STDIN = Path("-")


def read_file(file: Path) -> str:
    """The text of a file; `-` is standard input.

    Raises:
        CommandError: there is no such file, or it is no text.
    """
    try:
        return sys.stdin.read() if file == STDIN else file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"{file} is no UTF-8 text.", code=Exit.USAGE) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", code=Exit.USAGE) from error


def operator() -> str:
    """Who is at the keyboard, for the record of changes."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return "unknown"


async def apply(settings: Settings, document: ConnectionDocument, *, by: str, now: datetime) -> Applied:
    """Store the document as the current version and declare what its services read from."""
    async with database(settings) as engine, broker(settings) as client:
        await declare_connection(client, document.name, ack_wait=settings.timings.ack_wait)
        return await connections.apply(engine, document, by=by, now=now)


async def apply_file(settings: Settings, file: Path) -> dict[str, Any]:
    """Apply a connection file; says name, version and whether anything changed."""
    document = connection_file.parse(read_file(file), name=str(file))
    applied = await apply(settings, document, by=operator(), now=datetime.now(UTC))  # the edge: a person acts now
    return {"name": document.name, "version": applied.version, "changed": applied.changed}


async def rows(settings: Settings) -> list[ConnectionRow]:
    """Every connection at its current version."""
    async with database(settings) as engine:
        return await connections.listing(engine)


async def shown(settings: Settings, name: str, number: int | None) -> StoredConnection:
    """One version of a connection, the current one without a number.

    Raises:
        CommandError: there is none.
    """
    async with database(settings) as engine:
        return await existing(engine, name, number)


async def existing(engine: AsyncEngine, name: str, number: int | None = None) -> StoredConnection:
    """The same, on an engine.

    Raises:
        CommandError: there is none.
    """
    stored = await connections.version(engine, name, number)
    if stored is None:
        which = f"version {number} of connection" if number is not None else "connection"
        raise CommandError(
            f"There is no {which} {name}; see what there is: ml-connector connection list", code=Exit.USAGE
        )
    return stored


def as_yaml(document: ConnectionDocument) -> str:
    """The document as a file that can be applied again; defaults are left out."""
    content = document.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def schema() -> dict[str, Any]:
    """JSON Schema of a connection file, for editors; the names of coding-row members are offered, in any case."""
    found = ConnectionDocument.model_json_schema()
    sections = found["$defs"]
    for name, override in sections["PostingOverrides"]["properties"].items():
        override.setdefault("description", sections["Posting"]["properties"][name].get("description", ""))
    offered = {"examples": sorted(connection_file.NAMES.row)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_with_more(found, format_=ROW_MEMBER, more=offered),
        "title": "ml-connector connection",
    }


def _with_more(schema: Any, *, format_: str, more: dict[str, Any]) -> Any:
    """The schema, with more said of every text of a format."""
    match schema:
        case dict():
            found = {name: _with_more(value, format_=format_, more=more) for name, value in schema.items()}
            return found | more if schema.get("format") == format_ else found
        case list():
            return [_with_more(value, format_=format_, more=more) for value in schema]
    return schema
