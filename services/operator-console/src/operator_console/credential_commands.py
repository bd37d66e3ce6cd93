"""`ml-connector credentials`: set values that are never echoed, list which are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr
from sqlalchemy import func, select

from mlc_common import connections
from mlc_common.connection import CREDENTIAL_FIELDS, ConnectionDocument
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.tables import credentials
from operator_console.connection_commands import existing, operator, read_file
from operator_console.exits import CommandError, Exit
from operator_console.reach import database

Values = Mapping[str, Sequence[SecretStr]]


@dataclass(frozen=True)
class CredentialRow:
    """One field of a connection: what it is, how many values are set and since when; never a value."""

    field: str
    meaning: str
    needed: bool
    values: int
    set_at: datetime | None
    set_by: str | None


def needed(document: ConnectionDocument) -> tuple[str, ...]:
    """The credential fields this connection uses, in the order they are asked for."""
    epicor = ("epicor.username", "epicor.password", "epicor.api_key")
    if document.epicor.sign_in == "oauth2":
        epicor = ("epicor.client_id", "epicor.client_secret", "epicor.api_key")
    return ("basware.client_id", "basware.client_secret", "basware.webhook_secret", *epicor)


def parse(text: str, *, name: str) -> Values:
    """Values from a YAML mapping: field to value, or to a list of values.

    Raises:
        CommandError: it is not of that form; the sentence holds no value.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:  # its text would show the line, and with it a value
        raise CommandError(
            f"{name} is no YAML; write one line per field, as: epicor.username: ...", code=Exit.USAGE
        ) from None
    if not isinstance(content, dict) or not content:
        raise CommandError(
            f"{name} holds no fields; write one line per field, as: epicor.username: ...", code=Exit.USAGE
        )
    return {str(field): _values(str(field), value, name) for field, value in content.items()}


def _values(field: str, value: Any, name: str) -> Sequence[SecretStr]:
    if field not in CREDENTIAL_FIELDS:
        raise CommandError(
            f"{name}: there is no credential {field}; there are: {', '.join(CREDENTIAL_FIELDS)}.", code=Exit.USAGE
        )
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str) for each in values):
        raise CommandError(f"{name}: {field} must be a text or a list of texts; put it in quotes.", code=Exit.USAGE)
    return [SecretStr(each) for each in values]


async def store(settings: Settings, connection: str, values: Values, *, by: str, now: datetime) -> None:
    """Seal and store values, all of them or none.

    Raises:
        CommandError: there is no such connection.
        CredentialRefusedError: one of the values cannot be stored.
    """
    keys = master_keys(settings)
    async with database(settings) as engine:
        await existing(engine, connection)
        await connections.set_credentials(engine, keys, connection=connection, values=values, by=by, now=now)


async def discard(settings: Settings, connection: str) -> tuple[str, ...]:
    """Remove what the master keys do not open; returns the fields to set again.

    Raises:
        CommandError: there is no such connection.
    """
    async with database(settings) as engine:
        await existing(engine, connection)
        return await connections.discard_unreadable(engine, master_keys(settings), connection=connection)


async def set_from_file(settings: Settings, connection: str, file: Path) -> list[str]:
    """Set what a file holds; returns the names of the fields."""
    values = parse(read_file(file), name=str(file))
    await store(settings, connection, values, by=operator(), now=datetime.now(UTC))
    return list(values)


async def set_asked(
    settings: Settings, connection: str, only: str | None, ask: Callable[[str], SecretStr | None]
) -> list[str]:
    """Ask for each field the connection needs, or for one; an empty answer leaves a field as it is."""
    async with database(settings) as engine:
        document = (await existing(engine, connection)).document
    if only is not None and only not in CREDENTIAL_FIELDS:
        raise CommandError(
            f"There is no credential {only}; there are: {', '.join(CREDENTIAL_FIELDS)}.", code=Exit.USAGE
        )
    answers = {field: ask(field) for field in ((only,) if only else needed(document))}
    values = {field: (answer,) for field, answer in answers.items() if answer is not None}
    await store(settings, connection, values, by=operator(), now=datetime.now(UTC))
    return list(values)


async def rows(settings: Settings, connection: str) -> list[CredentialRow]:
    """Which credentials of a connection are set, since when and by whom."""
    held = select(
        credentials.c.field,
        func.count().label("values"),
        func.max(credentials.c.set_at).label("set_at"),
        func.max(credentials.c.set_by).label("set_by"),
    ).where(credentials.c.connection == connection)
    async with database(settings) as engine:
        document = (await existing(engine, connection)).document
        async with engine.connect() as db:
            found = {row["field"]: row for row in (await db.execute(held.group_by(credentials.c.field))).mappings()}
    fields = [field for field in CREDENTIAL_FIELDS if field in needed(document) or field in found]
    return [_row(field, found.get(field), field in needed(document)) for field in fields]


def _row(field: str, held: Mapping[Any, Any] | None, is_needed: bool) -> CredentialRow:
    return CredentialRow(
        field=field,
        meaning=CREDENTIAL_FIELDS[field],
        needed=is_needed,
        values=held["values"] if held else 0,
        set_at=held["set_at"] if held else None,
        set_by=held["set_by"] if held else None,
    )
