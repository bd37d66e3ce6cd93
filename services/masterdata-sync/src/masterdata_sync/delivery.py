"""Sends records to Basware in portions; a refused one never holds up its portion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from masterdata_sync.changes import Record, portions
from masterdata_sync.kind import Kind
from mlc_basware.client import Accepted, BaswareClient, Refused
from mlc_common.failures import TransientError, UnknownOutcomeError

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Delivered:
    """What became of some records: taken, by code the request they went with; refused, by code the reason."""

    taken: dict[str, str | None] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


Note = Callable[[Sequence[Record], str | None], Awaitable[None]]
"""Records that Basware took, and the request they went with: written down at once, before the next are sent."""


async def deliver(kind: Kind, records: Sequence[Record], basware: BaswareClient, *, note: Note) -> Delivered:
    """Send complete records; Basware takes all of a request or nothing.

    Raises:
        TransientError: Basware is away, or its answer is unclear; sending the same records again is harmless.
    """
    delivered = Delivered()
    for portion in portions(records, most=kind.target.most):
        await _send(kind, portion, basware, delivered, note=note)
    return delivered


async def _send(
    kind: Kind, portion: Sequence[Record], basware: BaswareClient, delivered: Delivered, *, note: Note
) -> None:
    answer = await _post(kind, portion, basware)
    if isinstance(answer, Accepted):
        await note(portion, answer.request_id)
        delivered.taken.update((record.code, answer.request_id) for record in portion)
        return
    named = [record for record in portion if record.external_code in answer.codes]
    if not named and len(portion) > 1:
        middle = len(portion) // 2
        await _send(kind, portion[:middle], basware, delivered, note=note)
        await _send(kind, portion[middle:], basware, delivered, note=note)
        return
    refused = named or list(portion)
    log.warning("records_refused", kind=kind.name, codes=[record.code for record in refused], why=answer.sentence)
    delivered.refused.update((record.code, answer.sentence) for record in refused)
    codes = {record.code for record in refused}
    if rest := [record for record in portion if record.code not in codes]:
        await _send(kind, rest, basware, delivered, note=note)


async def _post(kind: Kind, portion: Sequence[Record], basware: BaswareClient) -> Accepted | Refused:
    try:
        return await basware.post_records(kind.target, [record.entity for record in portion])
    except UnknownOutcomeError as unclear:
        # Sending complete records again is harmless; the next run does.
        raise TransientError(str(unclear)) from unclear
