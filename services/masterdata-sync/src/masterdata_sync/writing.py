"""Records to Basware in portions: what it takes is recorded, what it refuses is isolated and holds up nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from masterdata_sync.approval import opened, opens
from masterdata_sync.changes import Record, portions
from masterdata_sync.kind import Kind
from masterdata_sync.outcomes import accounts_lost, refused_by_basware, sent, sent_together, unfollowed
from mlc_basware.client import Accepted, BaswareClient, Refused
from mlc_common.account_seal import AccountSeal, scrubbed
from mlc_common.eventlog import EventLog
from mlc_common.events import MasterDataFact
from mlc_common.failures import TransientError, UnknownOutcomeError

log = structlog.stdlib.get_logger(__name__)

APART = timedelta(seconds=1)
"""Of two versions of a record within a second the older one expires (Basware API reference, §7)."""

CONFLICT, TOO_LARGE = 409, 413
TOGETHER = 256


Append = Callable[[Sequence[MasterDataFact]], Awaitable[None]]
"""Stores facts, or raises TransientError; storing them once more is harmless."""


async def append_each(log: EventLog, facts: Sequence[MasterDataFact]) -> None:
    """Store facts side by side.

    Raises:
        TransientError: the broker is away.
    """
    for start in range(0, len(facts), TOGETHER):
        await asyncio.gather(*(log.append(fact) for fact in facts[start : start + TOGETHER]))


@dataclass
class Spacing:
    """Keeps two versions of one record a second apart; remembers a second's records only."""

    now: Callable[[], datetime]
    _sent: dict[str, datetime] = field(default_factory=dict)

    async def clear(self, keys: Sequence[str]) -> None:
        """Wait until none of these was sent within the last second."""
        while waits := [self._sent[key] + APART - self.now() for key in keys if key in self._sent]:
            longest = max(waits)
            if longest <= timedelta(0):
                return
            await asyncio.sleep(longest.total_seconds())

    def note(self, keys: Sequence[str]) -> None:
        """These were sent now."""
        at = self.now()
        self._sent = {key: when for key, when in self._sent.items() if at - when < APART}
        self._sent |= dict.fromkeys(keys, at)


@dataclass(frozen=True)
class Writer:
    """What it takes to write to one connection's Basware; `now` is the clock, `seal` opens account numbers."""

    connection: str
    basware: BaswareClient
    append: Append
    now: Callable[[], datetime]
    spacing: Spacing
    seal: AccountSeal


@dataclass(frozen=True)
class Written:
    """What became of records: taken by Basware's API layer, refused there, or to be sent later."""

    taken: tuple[Record, ...] = ()
    refused: tuple[Record, ...] = ()
    later: tuple[Record, ...] = ()

    def __add__(self, other: Written) -> Written:
        return Written(self.taken + other.taken, self.refused + other.refused, self.later + other.later)


async def write(kind: Kind, records: Sequence[Record], writer: Writer, *, number: int = 1) -> Written:
    """Send complete records of one kind, each at most once, and record what Basware's API layer says.

    Where they went is recorded before the records themselves: a crash in between sends them once more, but leaves
    nothing unfollowed. `number` is how often these have been sent, this time included.

    Raises:
        TransientError: Basware or the event stream is away, or the answer is unclear; sending again is harmless.
    """
    closed = [record for record in records if not opens(record, writer.seal)]
    written = await _closed(kind, closed, writer) if closed else Written()
    for portion in portions([each for each in records if each not in closed], most=kind.target.most):
        written += await _send(kind, portion, writer, number=number)
    return written


async def _closed(kind: Kind, records: Sequence[Record], writer: Writer) -> Written:
    """Their bank accounts were sealed under a key that is gone: nobody can send them as they were approved."""
    facts = [accounts_lost(writer.connection, writer.now(), kind.name, each) for each in records]
    await writer.append(facts)
    return Written(refused=tuple(records))


async def _send(kind: Kind, portion: Sequence[Record], writer: Writer, *, number: int) -> Written:
    answer = await _post(kind, portion, writer)
    if isinstance(answer, Refused) and kind.approval != "none":
        answer = replace(answer, sentence=scrubbed(answer.sentence))
    if isinstance(answer, Accepted):
        await _note(kind, portion, writer, request_id=answer.request_id, number=number)
        return Written(taken=tuple(portion))
    named = [record for record in portion if record.external_code in answer.codes]
    if (not named or answer.status == TOO_LARGE) and len(portion) > 1:
        middle = len(portion) // 2
        first = await _send(kind, portion[:middle], writer, number=number)
        return first + await _send(kind, portion[middle:], writer, number=number)
    bad = named or portion
    rest = [record for record in portion if record not in bad]
    found = await _set_aside(kind, bad, answer, writer)
    return found + await _send(kind, rest, writer, number=number) if rest else found


async def _set_aside(kind: Kind, bad: Sequence[Record], answer: Refused, writer: Writer) -> Written:
    codes = [record.code for record in bad[:20]]
    log.warning("records_refused", kind=kind.name, codes=codes, status=answer.status, why=answer.sentence)
    if answer.status == CONFLICT:
        # Somebody else is at the same record; that passes.
        return Written(later=tuple(bad))
    facts = [refused_by_basware(writer.connection, writer.now(), kind.name, each, answer.sentence) for each in bad]
    await writer.append(facts)
    return Written(refused=tuple(bad))


async def _note(kind: Kind, portion: Sequence[Record], writer: Writer, *, request_id: str | None, number: int) -> None:
    at = writer.now()
    if request_id is not None:
        batch = sent_together(writer.connection, at, kind.name, portion, request_id=request_id, number=number)
        await writer.append([batch])
    await writer.append(
        [sent(writer.connection, at, kind.name, each, request_id=request_id, number=number) for each in portion]
    )
    if request_id is None:
        await writer.append([unfollowed(writer.connection, at, kind.name, each) for each in portion])


async def _post(kind: Kind, portion: Sequence[Record], writer: Writer) -> Accepted | Refused:
    keys = [f"{kind.target.path}/{record.external_code}" for record in portion]
    await writer.spacing.clear(keys)
    try:
        return await writer.basware.post_records(kind.target, [opened(record, writer.seal) for record in portion])
    except UnknownOutcomeError as unclear:
        # Sending complete records again is harmless; the next run does, and a skipped one is looked into.
        raise TransientError(str(unclear)) from unclear
    finally:
        writer.spacing.note(keys)
