"""The facts about master records: appended together, and the last one of a few records read back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from mlc_common.eventlog import BROKER_AWAY, EventLog
from mlc_common.events import MasterDataFact, RecordChanged, RecordSent, parse_event
from mlc_common.failures import PermanentError, TransientError
from mlc_common.groupcommit import GroupCommit
from mlc_common.streams import MASTERDATA, masterdata_subject

TOGETHER = 256
"""Facts that wait for the stream at once; so many fit its patience also on a slow disk."""

MOST_SUBJECTS = 500
"""Of one question for last messages; the server takes a thousand."""


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
        found: dict[str, str] = {}
        for start in range(0, len(codes), MOST_SUBJECTS):
            subjects = [
                masterdata_subject(self.connection, kind, company, code, RecordSent.fact)
                for code in codes[start : start + MOST_SUBJECTS]
            ]
            found |= {fact.code: fact.digest for fact in await self._last_of(subjects) if isinstance(fact, RecordSent)}
        return found

    async def last_record(self, kind: str, company: str, code: str) -> RecordChanged | None:
        """What a record was when it was last seen, or None when nobody wrote that down.

        Raises:
            TransientError: the broker is away.
        """
        subject = masterdata_subject(self.connection, kind, company, code, RecordChanged.fact)
        try:
            last = await self.nats.jetstream(timeout=self.timeout).get_last_msg(MASTERDATA, subject)
        except NotFoundError:
            return None
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        event = parse_event(last.data or b"")
        return event if isinstance(event, RecordChanged) else None

    async def _last_of(self, subjects: Iterable[str]) -> list[object]:
        request = json.dumps({"multi_last": list(subjects), "batch": MOST_SUBJECTS}).encode()
        inbox = self.nats.new_inbox()
        found: list[object] = []
        try:
            subscription = await self.nats.subscribe(inbox)
            try:
                await self.nats.publish(f"$JS.API.DIRECT.GET.{MASTERDATA}", request, reply=inbox)
                while True:
                    message = await subscription.next_msg(timeout=self.timeout)
                    status = (message.headers or {}).get("Status")
                    if status in ("204", "404"):
                        return found
                    if status is not None:
                        raise TransientError(f"The event stream answered {status} when asked for last facts.")
                    found.append(parse_event(message.data))
            finally:
                await subscription.unsubscribe()
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        except PermanentError as error:
            raise TransientError(f"A stored fact cannot be read: {error}") from error
