"""One use case: bring Basware's records of one kind up to what Epicor holds, sending only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from masterdata_sync.changes import Record, changed, portions
from masterdata_sync.kind import Kind, Owner, Untranslatable
from masterdata_sync.sent import Journal
from mlc_basware.client import Accepted, BaswareClient, Refused
from mlc_common.company_rules import CompanyPair
from mlc_common.connection import ConnectionDocument
from mlc_common.failures import TransientError, UnknownOutcomeError
from mlc_epicor.client import EpicorClient
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Sides:
    """What one connection is synchronised with.

    Args:
        slots: keep the calls to Epicor under its cap, across all replicas and services.
        journal: what was sent before.
    """

    document: ConnectionDocument
    epicor: EpicorClient
    basware: BaswareClient
    slots: Slots
    journal: Journal


@dataclass(frozen=True)
class Brought:
    """What one run did: rows read, records Basware took, records it refused, rows that are no record."""

    read: int = 0
    sent: int = 0
    refused: int = 0
    untranslatable: int = 0


async def bring_up_to_date(kind: Kind, sides: Sides) -> Brought:
    """Read every row of every company, translate, send what changed, record what Basware took.

    A crash between sending and recording sends the same records again, which Basware skips as unchanged.

    Raises:
        TransientError: a far side or the broker is away; the next run takes up the rest.
        PermanentError: Epicor does not understand the question.
    """
    sent = await sides.journal.last_sent(kind.name)
    read = [each for pair in sides.document.companies async for each in _records(kind, pair, sides)]
    records = [each for each in read if isinstance(each, Record)]
    wrong = [each for each in read if isinstance(each, Untranslatable)]
    for each in wrong:
        log.warning("record_untranslatable", kind=kind.name, code=each.code, why=each.reason)
    new = changed(records, sent)
    taken = 0
    for portion in portions(new, most=kind.target.most):
        taken += await _send(kind, portion, sides)
    return Brought(read=len(read), sent=taken, refused=len(new) - taken, untranslatable=len(wrong))


async def _records(kind: Kind, pair: CompanyPair, sides: Sides) -> AsyncIterator[Record | Untranslatable]:
    owner = Owner.of(pair, source_system=sides.document.epicor.source_system)
    source_of = kind.source
    pages = sides.epicor.pages(
        pair.epicor,
        f"{source_of.service}/{source_of.entity_set}",
        key=source_of.key[0],
        select=[source_of.aliases.get(column, column) for column in source_of.columns],
    )
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
                yield Record(company=pair.basware, code=kind.code(row), entity=entity)


async def _send(kind: Kind, portion: Sequence[Record], sides: Sides) -> int:
    """Send a portion; returns how many records Basware took. It takes all of a request or nothing."""
    answer = await _post(kind, portion, sides)
    if isinstance(answer, Accepted):
        await sides.journal.note(kind.name, portion, request_id=answer.request_id)
        return len(portion)
    named = [record for record in portion if record.external_code in answer.codes]
    if not named and len(portion) > 1:
        middle = len(portion) // 2
        return await _send(kind, portion[:middle], sides) + await _send(kind, portion[middle:], sides)
    refused = named or portion
    codes = [record.code for record in refused]
    log.warning("records_refused", kind=kind.name, codes=codes, status=answer.status, why=answer.sentence)
    rest = [record for record in portion if record not in refused]
    return await _send(kind, rest, sides) if rest else 0


async def _post(kind: Kind, portion: Sequence[Record], sides: Sides) -> Accepted | Refused:
    try:
        return await sides.basware.post_records(kind.target, [record.entity for record in portion])
    except UnknownOutcomeError as unclear:
        # Sending complete records again is harmless; the next run does.
        raise TransientError(str(unclear)) from unclear
