"""The facts of master records, out of what was sent and what was answered. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from masterdata_sync.changes import Record
from masterdata_sync.kind import Untranslatable
from mlc_basware.request_status import Settlement
from mlc_common.catalogue import Finding, finding
from mlc_common.events import BatchSent, RecordAccepted, RecordHeld, RecordRefused, RecordSent
from mlc_common.http import dump_json
from mlc_common.record_events import SentRecord


def sent(
    connection: str, at: datetime, kind: str, record: Record, *, request_id: str | None, number: int = 1
) -> RecordSent:
    """Basware's API layer took a record. Its digest is that of what Epicor says, whatever change of its own it had."""
    return RecordSent(
        connection=connection,
        at=at,
        kind=kind,
        company=record.company,
        code=record.code,
        digest=record.digest,
        request_id=request_id,
        external_code=record.external_code,
        record=dump_json(record.entity).decode(),
        number=number if number > 1 else None,
    )


def sent_together(
    connection: str, at: datetime, kind: str, records: Sequence[Record], *, request_id: str, number: int
) -> BatchSent:
    """The request that the records went in."""
    return BatchSent(
        connection=connection,
        at=at,
        kind=kind,
        request_id=request_id,
        number=number,
        records=tuple(
            SentRecord(
                company=record.company, code=record.code, external_code=record.external_code, digest=record.digest
            )
            for record in records
        ),
    )


def unfit(
    connection: str, at: datetime, kind: str, company: str, wrong: Untranslatable, *, key: str | None = None
) -> RecordRefused:
    """A row that is no record; its digest is that of the reason, so that it is told once."""
    why = finding("RECORD_UNFIT", kind=kind, record=wrong.code, why=wrong.reason)
    return RecordRefused(
        connection=connection,
        at=at,
        kind=kind,
        company=company,
        code=wrong.code,
        digest=f"why:{hashlib.sha256(wrong.reason.encode()).hexdigest()[:16]}",
        by="rules",
        key=key,
        finding=why,
    )


def accounts_lost(connection: str, at: datetime, kind: str, record: Record) -> RecordRefused:
    """The bank accounts that were approved cannot be read any more."""
    why = "the bank accounts that it was sent with were sealed under a key that is gone; approve those that Epicor has"
    return _not_sent(connection, at, kind, record, finding("RECORD_UNFIT", kind=kind, record=record.code, why=why))


def refused_by_basware(connection: str, at: datetime, kind: str, record: Record, why: str) -> RecordRefused:
    """Basware's API layer said no."""
    return _not_sent(connection, at, kind, record, finding("RECORD_REFUSED", kind=kind, record=record.code, why=why))


def _not_sent(connection: str, at: datetime, kind: str, record: Record, why: Finding) -> RecordRefused:
    return RecordRefused(
        connection=connection,
        at=at,
        kind=kind,
        company=record.company,
        code=record.code,
        digest=record.digest,
        external_code=record.external_code,
        by="api",
        finding=why,
    )


def not_saved(batch: BatchSent, at: datetime, record: SentRecord, why: str) -> RecordRefused:
    """Basware P2P said no."""
    return RecordRefused(
        **_of(batch, at, record),
        by="p2p",
        finding=finding("RECORD_NOT_SAVED", kind=batch.kind, record=record.code, why=why),
    )


def not_healed(batch: BatchSent, at: datetime, record: SentRecord, why: str) -> RecordHeld:
    """Nothing helped."""
    return RecordHeld(
        **_of(batch, at, record),
        finding=finding(
            "RECORD_NOT_HEALED",
            kind=batch.kind,
            record=record.code,
            times=batch.number,
            why=why,
            request=batch.request_id,
        ),
    )


def accepted(batch: BatchSent, at: datetime, record: SentRecord, told: Settlement) -> RecordAccepted:
    """Basware P2P has it."""
    return RecordAccepted(**_of(batch, at, record), unchanged=told.word == "unchanged", warnings=told.messages)


def _of(batch: BatchSent, at: datetime, record: SentRecord) -> dict[str, Any]:
    return {
        "connection": batch.connection,
        "at": at,
        "kind": batch.kind,
        "company": record.company,
        "code": record.code,
        "digest": record.digest,
        "external_code": record.external_code,
        "request_id": batch.request_id,
    }


def unfollowed(connection: str, at: datetime, kind: str, record: Record) -> RecordHeld:
    """There is no request to ask for."""
    why: Finding = finding("RECORD_NOT_FOLLOWED", kind=kind, record=record.code)
    return RecordHeld(
        connection=connection,
        at=at,
        kind=kind,
        company=record.company,
        code=record.code,
        digest=record.digest,
        external_code=record.external_code,
        finding=why,
    )
