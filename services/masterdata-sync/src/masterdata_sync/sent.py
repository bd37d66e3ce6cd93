"""The journal of what was sent: the last fact of every master record, and new facts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from masterdata_sync.changes import Record
from mlc_common.eventlog import BROKER_AWAY, EventLog
from mlc_common.events import RecordSent
from mlc_common.failures import TransientError
from mlc_common.streams import MASTERDATA, token

AT_ONCE = 200


@dataclass(frozen=True)
class Journal:
    """What the stream knows of the master records of one connection; `timeout` in seconds."""

    connection: str
    nats: Client
    log: EventLog
    timeout: float
    now: Callable[[], datetime]

    async def last_sent(self, kind: str) -> dict[tuple[str, str], str]:
        """The digest last sent of every record of a kind, by (company, code).

        Raises:
            TransientError: the broker is away.
        """
        subject = f"masterdata.{token(self.connection)}.{kind}.*.*.{RecordSent.fact}"
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            inactive_threshold=30,
        )
        found: dict[tuple[str, str], str] = {}
        try:
            stream = self.nats.jetstream(timeout=self.timeout)
            reading = await stream.pull_subscribe(subject, stream=MASTERDATA, config=config)
            pending = (await reading.consumer_info()).num_pending or 0
            while pending:
                messages = await reading.fetch(min(pending, AT_ONCE), timeout=self.timeout)
                pending -= len(messages)
                for message in messages:
                    event = await self.log.resolve(message)
                    if isinstance(event, RecordSent):
                        found[event.company, event.code] = event.digest
            await reading.unsubscribe()
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        return found

    async def note(self, kind: str, records: Sequence[Record], *, request_id: str | None) -> None:
        """Record that Basware's API layer took these records.

        Raises:
            TransientError: the broker is away; they are sent once more then.
        """
        at = self.now()
        facts = [
            RecordSent(
                connection=self.connection,
                at=at,
                kind=kind,
                company=record.company,
                code=record.code,
                digest=record.digest,
                request_id=request_id,
            )
            for record in records
        ]
        await asyncio.gather(*(self.log.append(fact) for fact in facts))
