"""Keeps changed bank accounts back until a person has approved them; the rest of the record goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from masterdata_sync.approval import approved
from masterdata_sync.changes import Known, Record, Unfit
from masterdata_sync.journal import Journal
from masterdata_sync.kind import Entity, Kind
from masterdata_sync.progress import Owner
from mlc_common.bank_decisions import Decided
from mlc_common.events import BankFact
from mlc_common.http import load_json


async def withhold(
    kind: Kind,
    rows: Sequence[Record | Unfit],
    owner: Owner,
    journal: Journal,
    *,
    known: Mapping[str, Known],
    at: datetime,
) -> tuple[Sequence[Record | Unfit], list[BankFact]]:
    """The rows as they may be sent, and what there is to be told of those that are not as they were read.

    Raises:
        TransientError: the broker is away.
    """
    if kind.approval == "none" or not rows:
        return rows, []
    decided = await journal.last_bank_facts(owner.kind, owner.company, [row.code for row in rows])
    doubtful = [row.code for row in rows if row.digest != known.get(row.code, Known(row.code)).sent]
    sent = await journal.last_records(owner.kind, owner.company, doubtful)
    told: list[Record | Unfit] = []
    facts: list[BankFact] = []
    for row in rows:
        if isinstance(row, Unfit):
            told.append(row)
            continue
        before = _sent(sent[row.code]) if row.code in sent else None
        as_sent = row.entity if row.code not in doubtful else before
        state = Decided.of(decided.get(row.code, ()))
        record, fact = approved(row, as_sent, state, owner, rule=kind.approval, at=at)
        told.append(record)
        facts += [fact] if fact else []
    return told, facts


def _sent(text: str | None) -> Entity:
    """The record that was sent; facts of old versions do not say it, and had no bank accounts."""
    found: Entity = load_json(text) if text else {}
    return found
