"""One use case: bring Basware's records of one kind up to what Epicor holds, sending only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import structlog

from masterdata_sync.changes import Record, changed, portions
from masterdata_sync.kind import Kind, Owner, Untranslatable
from masterdata_sync.sent import last_sent
from mlc_basware.client import Accepted, BaswareClient, Refused
from mlc_common.connection import CompanyPair, ConnectionDocument
from mlc_common.events import RecordSent
from mlc_common.failures import TransientError, UnknownOutcomeError
from mlc_common.service import Runtime
from mlc_epicor.client import EpicorClient
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)

LONGEST_SOURCE_SYSTEM = 36


@dataclass(frozen=True)
class Sides:
    """Both far sides of a connection; `slots` keeps calls to Epicor under its cap, across all replicas and services."""

    document: ConnectionDocument
    epicor: EpicorClient
    basware: BaswareClient
    slots: Slots


@dataclass(frozen=True)
class Brought:
    """What one run did."""

    read: int = 0
    sent: int = 0
    refused: int = 0
    untranslatable: int = 0


async def bring_up_to_date(kind: Kind, sides: Sides, runtime: Runtime) -> Brought:
    """Read every row of every company, translate, send what changed, record what Basware took.

    A crash between sending and recording sends the same records again, which Basware skips as unchanged.

    Raises:
        TransientError: a far side or the broker is away; the next run takes up the rest.
    """
    name = sides.document.name
    timeout = runtime.settings.timings.publish
    sent = await last_sent(runtime.nats, runtime.log, connection=name, kind=kind.name, timeout=timeout)
    records: list[Record] = []
    untranslatable = 0
    for pair in sides.document.companies:
        async for record in _records(kind, pair, sides):
            if isinstance(record, Untranslatable):
                untranslatable += 1
                where = {"connection": name, "company": pair.epicor, "code": record.code}
                log.warning("record_untranslatable", kind=kind.name, why=record.reason, **where)
            else:
                records.append(record)
    new = changed(records, sent)
    taken = 0
    for portion in portions(new, most=kind.most):
        taken += await _send(kind, portion, sides, runtime)
    return Brought(len(records) + untranslatable, taken, len(new) - taken, untranslatable)


async def _records(kind: Kind, pair: CompanyPair, sides: Sides) -> AsyncIterator[Record | Untranslatable]:
    source = f"{sides.document.epicor.source_system}-{pair.basware}"[:LONGEST_SOURCE_SYSTEM]
    owner = Owner(company=pair.basware, source_system=source)
    async with aclosing(sides.epicor.pages(pair.epicor, kind.source, key=kind.key, select=kind.select)) as pages:
        while True:
            # A slot per page, not for the whole run: posting invoices goes on in between.
            async with sides.slots.hold():
                rows = await anext(pages, None)
            if rows is None:
                return
            for row in rows:
                entity = kind.translate(row, owner)
                if isinstance(entity, Untranslatable):
                    yield entity
                else:
                    yield Record(company=pair.basware, code=str(row[kind.code]).strip(), entity=entity)


async def _send(kind: Kind, portion: Sequence[Record], sides: Sides, runtime: Runtime) -> int:
    answer = await _post(portion, sides)
    if isinstance(answer, Refused):
        return await _send_rest(kind, portion, answer, sides, runtime)
    await _note(kind, portion, answer, sides.document.name, runtime.log.append, runtime.now)
    return len(portion)


async def _send_rest(
    kind: Kind, portion: Sequence[Record], refused: Refused, sides: Sides, runtime: Runtime
) -> int:
    """Basware takes all of a request or nothing: leave out what it named, or halve when it named nothing we sent."""
    fine = [record for record in portion if record.external_code not in refused.codes]
    if len(fine) == len(portion) and len(portion) > 1:
        middle = len(portion) // 2
        first = await _send(kind, portion[:middle], sides, runtime)
        return first + await _send(kind, portion[middle:], sides, runtime)
    if len(fine) == len(portion):
        fine = []
    codes = [record.code for record in portion if record not in fine]
    log.warning("records_refused", kind=kind.name, connection=sides.document.name, codes=codes, why=refused.sentence)
    return await _send(kind, fine, sides, runtime) if fine else 0


async def _post(portion: Sequence[Record], sides: Sides) -> Accepted | Refused:
    try:
        return await sides.basware.post_vendors([record.entity for record in portion])
    except UnknownOutcomeError as unclear:
        # Sending complete records again is harmless; the next run does.
        raise TransientError(str(unclear)) from unclear


async def _note(
    kind: Kind,
    portion: Sequence[Record],
    answer: Accepted,
    connection: str,
    append: Callable[[RecordSent], object],
    now: Callable[[], datetime],
) -> None:
    raise NotImplementedError
