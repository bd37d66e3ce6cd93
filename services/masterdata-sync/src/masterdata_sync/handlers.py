"""One use case: bring Basware's records of one kind up to what Epicor holds, sending only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from masterdata_sync.changes import Record, changed
from masterdata_sync.kind import Kind, Owner, Untranslatable
from masterdata_sync.sent import Journal
from masterdata_sync.writing import Writer, write
from mlc_common.company_rules import CompanyPair
from mlc_common.connection import ConnectionDocument
from mlc_epicor.client import EpicorClient
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Sides:
    """What one connection is synchronised with.

    Args:
        slots: keep the calls to Epicor under its cap, across all replicas and services.
        journal: what was sent before.
        writer: sends to Basware.
    """

    document: ConnectionDocument
    epicor: EpicorClient
    slots: Slots
    journal: Journal
    writer: Writer


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
    wrong = [each for each in read if isinstance(each, Untranslatable) and not each.left_out]
    for each in wrong:
        log.warning("record_untranslatable", kind=kind.name, code=each.code, why=each.reason)
    new = changed(records, sent)
    written = await write(kind, new, sides.writer)
    return Brought(read=len(read), sent=len(written.taken), refused=len(written.refused), untranslatable=len(wrong))


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
