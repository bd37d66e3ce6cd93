"""`ml-connector masterdata`: where Epicor's records stand on their way into Basware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_basware.targets import target_of
from mlc_common.account_seal import shown
from mlc_common.connections import Connection, load
from mlc_common.database import DATABASE_ERRORS
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from operator_console import output
from operator_console.exits import CommandError, Exit
from operator_console.masterdata_records import Listed, Records, Wanted
from operator_console.reach import broker, database
from operator_console.record_states import Standing, readable
from operator_console.record_uses import Use, uses_of


async def page(settings: Settings, wanted: Wanted, *, after: int, most: int) -> Listed:
    """Some records of a connection.

    Raises:
        CommandError: there is no such connection, kind or company, or something cannot be reached.
    """
    async with database(settings) as engine, records(settings) as found:
        document = (await connection_of(settings, engine, wanted.connection)).document
        listed = await found.page(wanted, after=after, most=most)
    if not (listed.records or after) and wanted.kind is not None and target_of(document.kinds, wanted.kind) is None:
        raise CommandError(f"{wanted.connection} imports no kind {wanted.kind}.", code=Exit.USAGE)
    if not (listed.records or after) and wanted.company is not None and document.pair(wanted.company) is None:
        raise CommandError(f"{wanted.connection} has no company {wanted.company}.", code=Exit.USAGE)
    return listed


@dataclass(frozen=True)
class Shown:
    """A record, and how often invoices in Epicor have used it."""

    record: Standing
    used: Use | None


async def show_with_uses(settings: Settings, wanted: Wanted, code: str) -> list[Shown]:
    """The records of a code with the invoices that used them, one for each company that has it.

    Raises:
        CommandError: nobody has heard of such a record, or something cannot be reached.
    """
    known = await show(settings, wanted, code)
    try:
        async with database(settings) as engine, engine.connect() as db:
            uses = await uses_of(db, wanted.connection, wanted.kind or "", code)
    except DATABASE_ERRORS as error:
        raise CommandError("The database does not answer.", code=Exit.UNREACHABLE) from error
    return [Shown(record, uses.get(record.company)) for record in known]


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
            code=Exit.USAGE,
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
        raise CommandError(f"There is no connection {name}.", code=Exit.USAGE)
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
        "bankChange": record.bank_change,
        "epicor": shown(record.seen),
        "sent": shown(record.sent),
    }


def shown_as_json(found: Shown) -> dict[str, Any]:
    """For programs."""
    use = found.used
    told = (
        None
        if use is None
        else {
            "times": use.times,
            "firstAt": use.first_at,
            "lastAt": use.last_at,
            "lastInvoiceId": use.last_invoice_id,
            "lastInvoiceNumber": use.last_number,
        }
    )
    return {**as_json(found.record), "used": told}


def used(use: Use | None) -> str:
    """In which invoices it was used, as a sentence."""
    if use is None:
        return "No invoice in Epicor has used it."
    times = "one invoice" if use.times == 1 else f"{use.times} invoices"
    return (
        f"Used in {times} since {use.first_at.date()}, last in {use.last_number or use.last_invoice_id} "
        f"(document {use.last_invoice_id}) on {use.last_at.date()}."
    )


def listed(found: Listed) -> Table:
    """A line for each record."""
    rows = [(each.at, each.kind, each.company, each.code, each.state, each.why) for each in found.records]
    return output.table("", ("last", "kind", "company", "code", "state", "why"), rows)


def field_by_field(record: Standing) -> Table:
    """What Epicor has, what was sent, and whether P2P accepted that, for each field."""
    seen, sent = readable(record.seen), readable(record.sent)
    accepted = record.state in ("accepted", "retired")
    rows = [
        (path, seen.get(path), sent.get(path), sent.get(path) if accepted else None)
        for path in dict.fromkeys([*seen, *sent])
    ]
    title = f"{record.kind} {record.code} of {record.company}: {record.state}"
    return output.table(title, ("field", "in Epicor", "sent", "accepted"), rows)
