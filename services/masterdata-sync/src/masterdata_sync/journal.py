"""The facts about master records: appended together, and the last one of a few records read back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nats.aio.client import Client

from masterdata_sync.confirming import unconfirmed
from mlc_common.direct_get import following
from mlc_common.eventlog import EventLog
from mlc_common.events import (
    BankChangeDecided,
    BankChangeHeld,
    BankChangeWithdrawn,
    BankFact,
    Event,
    MasterDataFact,
    RecordChanged,
    RecordSent,
)
from mlc_common.groupcommit import GroupCommit
from mlc_common.streams import MASTERDATA, masterdata_subject, token

TOGETHER = 512
"""Facts that wait for the stream at once; so many fit its patience, also on a slow disk and from three sides."""

MOST_SUBJECTS = 340
"""Codes of one question for last messages, three facts each at most; the server takes 1024 subjects."""

_OF_ACCOUNTS = (BankChangeHeld.fact, BankChangeWithdrawn.fact, BankChangeDecided.fact)


@dataclass(frozen=True)
class Journal:
    """What the stream MASTERDATA is told, and tells, of one connection; `timeout` in seconds."""

    connection: str
    nats: Client
    log: EventLog
    group: GroupCommit
    timeout: float

    async def append(self, facts: Sequence[MasterDataFact]) -> None:
        """Store facts.

        Raises:
            TransientError: the broker is away; some may be stored, and appending all of them again is safe.
        """
        for start in range(0, len(facts), TOGETHER):
            waiting = [asyncio.create_task(self.group.append(each)) for each in facts[start : start + TOGETHER]]
            # All of them are waited for, so that no append outlives a failed one.
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome

    async def last_sent(self, kind: str, company: str, codes: Sequence[str]) -> dict[str, str]:
        """The digest last sent of these records, by code.

        Raises:
            TransientError: the broker is away.
        """
        facts = await self._last(kind, company, codes, RecordSent.fact)
        return {fact.code: fact.digest for fact in facts if isinstance(fact, RecordSent)}

    async def last_records(self, kind: str, company: str, codes: Sequence[str]) -> dict[str, str | None]:
        """Each of these records as it was sent last, in JSON, by code; None when it was sent and nobody wrote it down.

        Raises:
            TransientError: the broker is away.
        """
        facts = await self._last(kind, company, codes, RecordSent.fact)
        return {fact.code: fact.record for fact in facts if isinstance(fact, RecordSent)}

    async def last_bank_facts(self, kind: str, company: str, codes: Sequence[str]) -> dict[str, list[Event]]:
        """The last facts about the bank accounts of these records, in order, by code.

        Raises:
            TransientError: the broker is away.
        """
        found: dict[str, list[Event]] = {}
        for fact in await self._last(kind, company, codes, *_OF_ACCOUNTS):
            if isinstance(fact, BankFact):
                found.setdefault(fact.code, []).append(fact)
        return found

    async def _last(self, kind: str, company: str, codes: Sequence[str], *facts: str) -> list[Event]:
        found: list[Event] = []
        for start in range(0, len(codes), MOST_SUBJECTS):
            subjects = [
                masterdata_subject(self.connection, kind, company, code, fact)
                for code in codes[start : start + MOST_SUBJECTS]
                for fact in facts
            ]
            found += [recorded.event for recorded in await self.log.last(MASTERDATA, *subjects)]
        return found

    async def last_record(self, kind: str, company: str, code: str) -> tuple[str, bool] | None:
        """What a record was when it was last seen, as JSON, and whether it was gone; None when nobody wrote that down.

        Raises:
            TransientError: the broker is away.
        """
        subjects = [
            masterdata_subject(self.connection, kind, company, code, fact)
            for fact in (RecordChanged.fact, RecordSent.fact)
        ]
        for recorded in reversed(await self.log.last(MASTERDATA, *subjects)):
            match recorded.event:
                case RecordChanged() as seen:
                    return seen.record, seen.gone
                case RecordSent(record=str(record)):
                    return record, False
        return None

    async def knows(self, kind: str, company: str) -> bool:
        """Whether anything was ever recorded of this kind of this company.

        Raises:
            TransientError: the broker is away.
        """
        subject = f"masterdata.{token(self.connection)}.{token(kind)}.{token(company)}.*.*"
        return bool(await following(self.nats, MASTERDATA, 0, subject=subject, most=1, timeout=self.timeout))

    async def unconfirmed(self, kinds: Iterable[str]) -> list[str]:
        """Those of the kinds of which it is not known yet whether P2P has what was sent last.

        Raises:
            TransientError: the broker is away.
        """
        return await unconfirmed(self.nats, self.connection, kinds, timeout=self.timeout)
