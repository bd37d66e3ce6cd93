"""What was last sent of every master record, read from the stream: the last fact of each subject."""

from __future__ import annotations

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from mlc_common.eventlog import BROKER_AWAY, EventLog
from mlc_common.events import RecordSent
from mlc_common.failures import TransientError
from mlc_common.streams import MASTERDATA, token

AT_ONCE = 200


async def last_sent(
    nats: Client, log: EventLog, *, connection: str, kind: str, timeout: float
) -> dict[tuple[str, str], str]:
    """The digest last sent, by (company, code).

    Raises:
        TransientError: the broker is away.
    """
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=30
    )
    subject = f"masterdata.{token(connection)}.{kind}.*.*.{RecordSent.fact}"
    found: dict[tuple[str, str], str] = {}
    try:
        stream = nats.jetstream(timeout=timeout)
        reading = await stream.pull_subscribe(subject, stream=MASTERDATA, config=config)
        pending = (await reading.consumer_info()).num_pending or 0
        while pending:
            messages: list[Msg] = await reading.fetch(min(pending, AT_ONCE), timeout=timeout)
            pending -= len(messages)
            for message in messages:
                event = await log.resolve(message)
                if isinstance(event, RecordSent):
                    found[event.company, event.code] = event.digest
        await reading.unsubscribe()
    except BROKER_AWAY as error:
        raise TransientError("The event stream does not answer.") from error
    return found
