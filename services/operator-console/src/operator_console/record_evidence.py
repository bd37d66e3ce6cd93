"""What is known of the master records that a refused document names: seen in Epicor, sent, accepted or refused."""

from __future__ import annotations

from dataclasses import replace

from mlc_basware.documents import AccountingDocument
from mlc_basware.record_codes import codes_of
from mlc_common import connections
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, RecordFact
from mlc_common.failures import PermanentError
from mlc_common.settings import Settings
from mlc_common.streams import MASTERDATA, masterdata_subject
from operator_console import telling
from operator_console.document_commands import Shown, shown
from operator_console.explaining import Evidence, Explanation, explain
from operator_console.reach import broker, database
from operator_console.view import Phase

MOST_CODES = 150
"""Codes of a document that are looked at, a few facts each; the server names 1024 subjects at once."""


async def explained(settings: Settings, identifier: str, *, connection: str | None) -> Explanation:
    """Why a document stands where it stands; where it was refused, with the history of the codes that it names.

    Raises:
        CommandError: there is no such document, or several.
    """
    it = await shown(settings, identifier, connection=connection)
    found = explain(it.status, it.timeline, it.dead_letters)
    if it.status.phase != Phase.REFUSED:
        return found
    return replace(found, evidence=(*found.evidence, *await _of_its_records(settings, it)))


async def _of_its_records(settings: Settings, it: Shown) -> tuple[Evidence, ...]:
    approved = [each.event for each in it.timeline if isinstance(each.event, DocumentApproved)]
    async with database(settings) as engine:
        stored = await connections.version(engine, it.status.connection, None)
    pair = stored.document.pair(approved[-1].company_code) if stored and approved else None
    if stored is None or pair is None:
        return ()
    try:
        codes = codes_of(AccountingDocument.parse(approved[-1].document), pair, stored.document.kinds)[:MOST_CODES]
    except PermanentError:  # that it cannot be read is what the explanation itself says
        return ()
    name, company = it.status.connection, pair.basware
    subjects = [masterdata_subject(name, kind, company, code, "*") for kind, code in codes]
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        facts = await log.last(MASTERDATA, *subjects) if subjects else ()
    return tuple(
        Evidence(each.sequence, f"{each.event.kind} {each.event.code}", ": ".join(telling.tell(each.event)))
        for each in facts
        if isinstance(each.event, RecordFact)
    )
