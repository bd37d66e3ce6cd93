"""The facts of one run of one kind of one company, as they are appended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from masterdata_sync.changes import Record, Unfit
from masterdata_sync.journal import Journal
from masterdata_sync.progress import Owner
from mlc_common.events import RecordChanged, RecordHeldBack, RecordSent


@dataclass(frozen=True)
class Facts:
    """Writes down what a run sees and does; every method raises TransientError while the broker is away."""

    owner: Owner
    journal: Journal
    run: int
    at: datetime

    async def changed(self, rows: Sequence[Record | Unfit], *, gone: bool = False) -> None:
        """These are not as they were when last seen."""
        await self.journal.append([self._changed(row, gone=gone) for row in rows])

    async def sent(self, records: Sequence[Record], request_id: str | None) -> None:
        """Basware's API layer took these."""
        await self.journal.append(
            [
                RecordSent(
                    **self.owner._asdict(), at=self.at, code=each.code, digest=each.digest, request_id=request_id
                )
                for each in records
            ]
        )

    async def refused(self, records: Sequence[Record], reasons: Mapping[str, str]) -> None:
        """Basware's API layer refused those of the records that have a reason, by code."""
        await self.journal.append(
            [self._held_back(each, reasons[each.code], by_basware=True) for each in records if each.code in reasons]
        )

    def _changed(self, row: Record | Unfit, *, gone: bool) -> RecordChanged | RecordHeldBack:
        if isinstance(row, Unfit):
            return self._held_back(row, row.reason, by_basware=False)
        return RecordChanged(
            **self.owner._asdict(),
            at=self.at,
            code=row.code,
            digest=row.digest,
            record=row.body.decode(),
            gone=gone,
            key=row.key,
            run=self.run,
        )

    def _held_back(self, row: Record | Unfit, reason: str, *, by_basware: bool) -> RecordHeldBack:
        return RecordHeldBack(
            **self.owner._asdict(),
            at=self.at,
            code=row.code,
            digest=row.digest,
            reason=reason,
            by="basware" if by_basware else "us",
            run=self.run,
        )
