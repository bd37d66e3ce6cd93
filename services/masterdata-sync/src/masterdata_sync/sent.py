"""The journal of what was sent: the last fact of every master record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from masterdata_sync.confirming import unconfirmed
from mlc_common.eventlog import BROKER_AWAY, EventLog
from mlc_common.events import RecordRefused, RecordSent
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

    async def last_sent(self, kind: str) -> dict[tuple[str, str], str]:
        """The digest last sent or refused of every record of a kind, by (company, code).

        Raises:
            TransientError: the broker is away.
        """
        place = f"masterdata.{token(self.connection)}.{kind}.*.*"
        config = ConsumerConfig(
            filter_subjects=[f"{place}.{RecordSent.fact}", f"{place}.{RecordRefused.fact}"],
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            inactive_threshold=30,
        )
        found: dict[tuple[str, str], str] = {}
        try:
            stream = self.nats.jetstream(timeout=self.timeout)
            reading = await stream.pull_subscribe("", stream=MASTERDATA, config=config)
            pending = (await reading.consumer_info()).num_pending or 0
            while pending:
                messages = await reading.fetch(min(pending, AT_ONCE), timeout=self.timeout)
                pending -= len(messages)
                for message in messages:
                    event = await self.log.resolve(message)
                    if isinstance(event, RecordSent | RecordRefused):
                        found[event.company, event.code] = event.digest
            await reading.unsubscribe()
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        return found

    async def unconfirmed(self, kinds: Iterable[str]) -> list[str]:
        """Those of the kinds of which it is not known yet whether P2P has what was sent last.

        Raises:
            TransientError: the broker is away.
        """
        return await unconfirmed(self.nats, self.connection, kinds, timeout=self.timeout)
