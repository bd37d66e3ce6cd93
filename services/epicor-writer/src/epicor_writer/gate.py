"""What Basware was told of a document's codes: one that is on its way is waited for, an unknown one has a history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from epicor_writer.desk import Desk
from epicor_writer.ports import Log
from mlc_basware.record_codes import RecordCode as Record
from mlc_basware.record_codes import codes_of
from mlc_common.catalogue import Finding
from mlc_common.events import RecordAccepted, RecordChanged, RecordFact, RecordHeld, RecordRefused, RecordSent
from mlc_common.failures import TransientError
from mlc_common.streams import MASTERDATA, masterdata_subject

LOOK_AGAIN = 60.0
"""Seconds; the stream keeps the pause, and Basware's deadline is kept by the reader."""

MOST_CODES = 150
"""Codes of a document that are looked at, five facts each; the server names 1024 subjects at once."""

_BY_CODE = {"UNKNOWN_VENDOR": "vendor", "UNKNOWN_TAX_CODE": "tax_code", "UNKNOWN_TERMS": "payment_term"}
"""The kind that a finding is about; an unknown account is about any of its segments."""


async def gated(desk: Desk, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with the records' own history; nothing is asked for unless the connection says so.

    Raises:
        TransientError: a code of the document is on its way to Basware, so the document waits; or the stream is away.
    """
    event, kinds, pair = desk.event, desk.connection.document.kinds, desk.pair
    if not kinds.gate_posting or pair is None:
        return tuple(findings)
    codes = codes_of(desk.document, pair, kinds)
    facts = await last_facts(desk.log, event.connection, pair.basware, codes)
    wait_for(on_their_way(facts))
    return told_more(findings, codes, facts)


async def last_facts(
    log: Log, connection: str, company: str, records: Sequence[Record]
) -> Mapping[Record, list[RecordFact]]:
    """The last facts of these records, in the order they happened; nothing of those that nobody imports.

    Raises:
        TransientError: the event stream is away.
    """
    subjects = [masterdata_subject(connection, kind, company, code, "*") for kind, code in records[:MOST_CODES]]
    found: dict[Record, list[RecordFact]] = {}
    for recorded in await log.last(MASTERDATA, *subjects) if subjects else ():
        if isinstance(
            event := recorded.event, RecordChanged | RecordSent | RecordAccepted | RecordRefused | RecordHeld
        ):
            found.setdefault((event.kind, event.code), []).append(event)
    return found


def on_their_way(facts: Mapping[Record, list[RecordFact]]) -> list[Record]:
    """Those that Basware has not accepted yet, and that nobody has refused."""
    return [
        record
        for record, known in facts.items()
        if isinstance(known[-1], RecordSent) or (isinstance(known[-1], RecordChanged) and not known[-1].gone)
    ]


def wait_for(records: Sequence[Record]) -> None:
    """Raises TransientError while there are any: the document is looked at again later."""
    if records:
        names = ", ".join(f"{kind} {code}" for kind, code in records[:5])
        raise TransientError(
            f"Basware has not accepted {names} yet; the invoice waits.", retry_after=LOOK_AGAIN, counts=False
        )


def told_more(
    findings: Sequence[Finding], codes: Sequence[Record], facts: Mapping[Record, list[RecordFact]]
) -> tuple[Finding, ...]:
    """The findings, with the record's own history where Epicor does not know its code."""
    return tuple(_told_more(each, codes, facts) for each in findings)


def _told_more(finding: Finding, codes: Sequence[Record], facts: Mapping[Record, list[RecordFact]]) -> Finding:
    kind, any_segment = _BY_CODE.get(finding.code), finding.code == "UNKNOWN_ACCOUNT"
    about = [each for each in codes if each[0] == kind or (any_segment and each[0] not in _BY_CODE.values())]
    told = {each: " ".join(_history(facts.get(each, ()))) for each in about}
    more = [f"{name} {code}: {history}" for (name, code), history in told.items() if history]
    return finding.model_copy(update={"sentence": " ".join([finding.sentence, *more])}) if more else finding


def _history(facts: Sequence[RecordFact]) -> Iterator[str]:
    for fact in facts:
        match fact:
            case RecordChanged() if fact.gone:
                yield f"It was gone from Epicor on {_day(fact.at)}."
            case RecordAccepted():
                yield f"Basware has accepted it on {_day(fact.at)}."
            case RecordRefused() | RecordHeld():
                yield fact.finding.sentence


def _day(at: datetime) -> str:
    return at.date().isoformat()
