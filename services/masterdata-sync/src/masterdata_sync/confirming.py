"""Whether what a kind needs is known to stand in P2P: nothing of it is being followed any more."""

from __future__ import annotations

from collections.abc import Iterable

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from mlc_common.eventlog import BROKER_AWAY
from mlc_common.events import BatchSent
from mlc_common.failures import TransientError
from mlc_common.streams import MASTERDATA, following_durable, token


async def unconfirmed(nats: Client, connection: str, kinds: Iterable[str], *, timeout: float) -> list[str]:
    """Those of the kinds that have a batch whose end is not known yet.

    A batch that is settled counts as open for as long as an older one is open: better late than in the wrong order.
    Whatever becomes of it, a batch is over when `delivery_patience` ends.

    Raises:
        TransientError: the broker is away.
    """
    wanted = list(kinds)
    if not wanted:
        return []
    stream = nats.jetstream(timeout=timeout)
    durable = following_durable(connection)
    try:
        state = await stream.consumer_info(MASTERDATA, durable.name)
        if not state.num_pending and not state.num_ack_pending:
            return []
        floor = state.ack_floor.stream_seq if state.ack_floor else 0
        return [kind for kind in wanted if await _batches_after(stream, connection, kind, floor)]
    except NotFoundError:
        return []
    except BROKER_AWAY as error:
        raise TransientError("The event stream does not answer.") from error


async def _batches_after(stream: JetStreamContext, connection: str, kind: str, floor: int) -> int:
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=floor + 1,
        ack_policy=AckPolicy.NONE,
        mem_storage=True,
        inactive_threshold=30,
    )
    subject = f"masterdata.{token(connection)}.{token(kind)}.*.*.{BatchSent.fact}"
    reading = await stream.pull_subscribe(subject, stream=MASTERDATA, config=config)
    try:
        return (await reading.consumer_info()).num_pending or 0
    finally:
        await reading.unsubscribe()
