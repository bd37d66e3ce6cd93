"""Sends what P2P lost or skipped once more, with a change of its own, while no run of the kind is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from masterdata_sync.changes import Record
from masterdata_sync.evidence import last_facts
from masterdata_sync.kind import Kind
from masterdata_sync.rota import election
from masterdata_sync.schedule import elected
from masterdata_sync.sides import Sides
from masterdata_sync.verdicts import changed_by_itself
from masterdata_sync.writing import write
from mlc_common.events import BatchSent
from mlc_common.failures import TransientError
from mlc_common.http import load_json
from mlc_common.record_events import SentRecord

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Resent(Record):
    """A record with a change of its own, known by the digest of what Epicor says: it counts as that."""

    natural: str = ""

    @property
    def digest(self) -> str:
        """Of the record without that change."""
        return self.natural


async def send_again(kind: Kind, batch: BatchSent, records: Sequence[SentRecord], sides: Sides) -> list[SentRecord]:
    """Send them; returns those that have no place for a change, or of which the content is not known.

    A run of the kind may be sending something newer at this moment, which the older content must not overwrite.

    Raises:
        TransientError: a run of the kind is under way, or something is away.
    """
    async with elected(sides.engine, election(sides.name, kind.name)) as ours:
        if not ours:
            raise TransientError(f"A run of {kind.name} is under way; lost records are sent after it.", counts=False)
        known = await last_facts(sides.journal.log, batch, records)
        number, unhelped = batch.number + 1, []
        resent: list[Record] = []
        for each in records:
            content = known.content(each)
            entity = changed_by_itself(load_json(content), number) if content else None
            if not known.newest(each):
                continue
            if entity is None:
                unhelped.append(each)
            else:
                resent.append(Resent(each.company, each.code, entity, natural=each.digest))
        if resent:
            log.info("records_sent_again", connection=sides.name, kind=kind.name, count=len(resent), number=number)
            await write(kind, resent, sides.writer, number=number)
    return unhelped
