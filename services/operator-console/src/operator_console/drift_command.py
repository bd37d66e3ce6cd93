"""`ml-connector masterdata drift`: what Basware's API holds, against what it was sent last."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from mlc_basware.bank_accounts import with_numbers
from mlc_basware.client import BaswareClient, open_client
from mlc_basware.targets import ORDER_LINES, Target, target_of
from mlc_common.account_seal import AccountSeal, shown
from mlc_common.connections import Connection
from mlc_common.failures import FailureError
from mlc_common.http import dump_json
from mlc_common.settings import Settings
from operator_console import output
from operator_console.exits import CommandError, Exit
from operator_console.masterdata_command import connection_of, records
from operator_console.masterdata_records import Records, Wanted
from operator_console.reach import database
from operator_console.record_states import Standing, differences, fields


@dataclass(frozen=True)
class Drift:
    """One record that Basware holds otherwise than it was sent, or that one side does not have.

    `fields` by path: what was sent, what Basware has.
    """

    company: str | None
    code: str | None
    external_code: str
    what: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class There:
    """Where records are compared with; `seal` closes account numbers, so that they compare and nobody sees them."""

    basware: BaswareClient
    target: Target
    seal: AccountSeal

    def sealed(self, record: Mapping[str, Any], company: str, code: str) -> Mapping[str, Any]:
        """The record as it would stand among our facts."""
        return with_numbers(record, lambda number: self.seal.seal(number, company=company, code=code))


def seal_of(connection: Connection) -> AccountSeal:
    """What the connection's account numbers are sealed with.

    Raises:
        CommandError: no credential of it is set, or none opens.
    """
    if connection.data_key is None:
        raise CommandError(f"No credential of {connection.name} is set: ml-connector credentials set.")
    return AccountSeal.under(connection.data_key)


async def drift(settings: Settings, wanted: Wanted, *, code: str | None, most: int) -> list[Drift]:
    """Compare one record, or all of a kind, until so many differ. P2P itself may hold something else still.

    Raises:
        CommandError: there is no such connection, kind or record, or something cannot be reached.
    """
    async with database(settings) as engine, records(settings) as found:
        connection = await connection_of(settings, engine, wanted.connection)
        target = target_of(connection.document.kinds, wanted.kind or "")
        if target is None:
            raise CommandError(f"{wanted.connection} imports no kind {wanted.kind}.", code=Exit.USAGE)
        if code is not None and not await found.of(wanted, code):
            raise CommandError(f"No {wanted.kind} {code} was read from Epicor for {connection.name}.", code=Exit.USAGE)
        try:
            # The edge: a command knows no other clock.
            async with open_client(connection, timings=settings.timings, now=lambda: datetime.now(UTC)) as basware:
                there = There(basware, target, seal_of(connection))
                if code is not None:
                    return await _first(_one_by_one(_of_code(found, wanted, code), there), most)
                if target == ORDER_LINES:
                    # Basware lists lines by their order only.
                    return await _first(_one_by_one(_of_kind(found, wanted), there), most)
                return await _first(_all(found, wanted, there), most)
        except FailureError as failure:
            raise CommandError(str(failure), code=Exit.UNREACHABLE) from failure


async def _first(found: AsyncIterator[Drift], most: int) -> list[Drift]:
    some: list[Drift] = []
    async for each in found:
        some.append(each)
        if len(some) == most:
            break
    return some


async def _one_by_one(records: AsyncIterator[Standing], there: There) -> AsyncIterator[Drift]:
    async for record in records:
        if record.external_code and record.sent:
            theirs = await there.basware.record(there.target, record.external_code)
            apart = _compared(record, theirs and there.sealed(theirs, record.company, record.code))
            if apart is not None:
                yield apart


async def _of_code(found: Records, wanted: Wanted, code: str) -> AsyncIterator[Standing]:
    for record in await found.of(wanted, code):
        yield record


async def _of_kind(found: Records, wanted: Wanted) -> AsyncIterator[Standing]:
    async for _, record in found.all(wanted):
        yield record


async def _all(found: Records, wanted: Wanted, there: There) -> AsyncIterator[Drift]:
    """Of each of our records no more is kept than its key and a hash, so a hundred thousand are a few megabytes."""
    ours: dict[str, tuple[str, str, bytes]] = {}
    async for record in _of_kind(found, wanted):
        if record.external_code and record.sent:
            ours[record.external_code] = (record.company, record.code, _hash(record.sent))
    async for found_there in there.basware.records(there.target, company=wanted.company):
        key = str(found_there.get("externalCode"))
        company, code, hashed = ours.pop(key, (None, None, b""))
        if company is None or code is None:
            yield Drift(None, None, key, "not ours: nobody here has sent it")
        elif hashed != _hash(theirs := there.sealed(found_there, company, code)):
            async for known in _of_code(found, Wanted(wanted.connection, wanted.kind, company), code):
                yield _compared(known, theirs) or Drift(company, code, key, "different")
    for key, (company, code, _) in ours.items():
        yield Drift(company, code, key, "missing in Basware")


def _compared(record: Standing, theirs: Mapping[str, Any] | None) -> Drift | None:
    key = record.external_code or ""
    if theirs is None:
        return Drift(record.company, record.code, key, "missing in Basware")
    apart = differences(record.sent or {}, theirs)
    return Drift(record.company, record.code, key, "different", apart) if apart else None


def _hash(record: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(dump_json(dict(sorted(fields(record))))).digest()[:12]


def as_json(found: Drift) -> dict[str, Any]:
    """For programs."""
    return {
        "company": found.company,
        "code": found.code,
        "externalCode": found.external_code,
        "what": found.what,
        "fields": {
            path: {"sent": shown(sent), "basware": shown(theirs)} for path, (sent, theirs) in found.fields.items()
        },
    }


def table(found: list[Drift]) -> Table:
    """A line for each field that differs."""
    rows: list[tuple[object, ...]] = []
    for each in found:
        head = (each.company, each.code or each.external_code, each.what)
        rows += [(*head, path, shown(sent), shown(theirs)) for path, (sent, theirs) in each.fields.items()]
        rows += [] if each.fields else [(*head, None, None, None)]
    return output.table("", ("company", "code", "what", "field", "sent", "in Basware"), rows)
