"""`ml-connector masterdata`: where Epicor's records stand on their way into Basware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connections import Connection, load
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from operator_console import output
from operator_console.exits import CommandError, Exit
from operator_console.masterdata_records import Listed, Records, Wanted
from operator_console.reach import broker, database
from operator_console.record_states import Standing, fields


async def page(settings: Settings, wanted: Wanted, *, after: int, most: int) -> Listed:
    """Some records of a connection.

    Raises:
        CommandError: there is no such connection, or something cannot be reached.
    """
    async with database(settings) as engine, records(settings) as found:
        await connection_of(settings, engine, wanted.connection)
        return await found.page(wanted, after=after, most=most)


async def show(settings: Settings, wanted: Wanted, code: str) -> list[Standing]:
    """The records of a code, one for each company that has it.

    Raises:
        CommandError: nobody has heard of such a record.
    """
    async with records(settings) as found:
        known = await found.of(wanted, code)
    if not known:
        raise CommandError(
            f"No {wanted.kind} {code} was read from Epicor for {wanted.connection}; is the kind imported?",
            code=Exit.NOT_FOUND,
        )
    return known


@asynccontextmanager
async def records(settings: Settings) -> AsyncIterator[Records]:
    """The stream's records."""
    async with broker(settings) as client:
        yield Records(client, timeout=settings.timings.publish)


async def connection_of(settings: Settings, engine: AsyncEngine, name: str) -> Connection:
    """A connection with its credentials.

    Raises:
        CommandError: there is none of that name.
    """
    found = (await load(engine, master_keys(settings))).get(name)
    if found is None:
        raise CommandError(f"There is no connection {name}.", code=Exit.NOT_FOUND)
    return found


def as_json(record: Standing) -> dict[str, Any]:
    """For programs."""
    return {
        "kind": record.kind,
        "company": record.company,
        "code": record.code,
        "state": record.state,
        "at": record.at,
        "externalCode": record.external_code,
        "requestId": record.request_id,
        "timesSent": record.times_sent,
        "why": record.why,
        "epicor": record.seen,
        "sent": record.sent,
    }


def listed(found: Listed) -> Table:
    """A line for each record."""
    rows = [(each.at, each.kind, each.company, each.code, each.state, each.why) for each in found.records]
    return output.table("", ("last", "kind", "company", "code", "state", "why"), rows)


def field_by_field(record: Standing) -> Table:
    """What Epicor has, what was sent, and whether P2P accepted that, for each field."""
    seen, sent = dict(fields(record.seen or {})), dict(fields(record.sent or {}))
    accepted = record.state in ("accepted", "retired")
    rows = [
        (path, seen.get(path), sent.get(path), sent.get(path) if accepted else None)
        for path in dict.fromkeys([*seen, *sent])
    ]
    title = f"{record.kind} {record.code} of {record.company}: {record.state}"
    return output.table(title, ("field", "in Epicor", "sent", "accepted"), rows)
