"""One connection to NATS per process, through FastStream, that never gives up; and the readers of a durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.nats.security import NatsCredentials, NatsUserPassword
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import NotFoundError
from opentelemetry.trace import TracerProvider

from mlc_common.eventlog import BROKER_AWAY
from mlc_common.failures import TransientError
from mlc_common.settings import Settings
from mlc_common.streams import Durable

GOODBYE = 5.0
"""Seconds for the last acknowledgements to leave, once nothing is in hand."""

SERVERS_ACK_WAIT = 30.0
"""Seconds a durable waits that was declared without saying how long."""

log = structlog.stdlib.get_logger(__name__)


def make_broker(
    name: str, settings: Settings, *, tracer_provider: TracerProvider | None, outages: Outages
) -> NatsBroker:
    """A broker that acknowledges by hand only, reconnects for ever and says little while it does."""
    options: dict[str, Any] = {}
    if settings.nats_user and settings.nats_password:
        options["security"] = NatsUserPassword(settings.nats_user, settings.nats_password.get_secret_value())
    if settings.nats_credentials_file:
        options["security"] = NatsCredentials.from_file(settings.nats_credentials_file)
    return NatsBroker(
        settings.nats_url.split(","),
        name=name,
        ack_policy=AckPolicy.MANUAL,
        middlewares=[NatsTelemetryMiddleware(tracer_provider=tracer_provider)],
        apply_types=False,
        logger=None,
        graceful_timeout=settings.timings.graceful,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,  # type: ignore[arg-type]  # seconds, fractions work
        connect_timeout=5,
        ping_interval=20,
        error_cb=outages.on_error,
        disconnected_cb=outages.on_disconnect,
        reconnected_cb=outages.on_reconnect,
        **options,
    )


class Outages:
    """Says once that the broker is away and once that it is back, instead of a trace per attempt.

    `expected` is set when we leave by ourselves.
    """

    def __init__(self) -> None:
        self.expected = False

    async def on_error(self, error: Exception) -> None:
        log.debug("broker_error", why=str(error) or type(error).__name__)

    async def on_disconnect(self) -> None:
        if not self.expected:
            log.warning("broker_away")

    async def on_reconnect(self) -> None:
        log.info("broker_back")


async def ack_wait_of(nats: Client, durable: Durable, *, timeout: float) -> float | None:
    """Seconds the durable waits for a sign of life, or None when it is not declared.

    A reader of a durable that is not there would loop without a sound.

    Raises:
        TransientError: the broker is away.
    """
    try:
        found = await nats.jetstream(timeout=timeout).consumer_info(durable.stream, durable.name)
    except NotFoundError:
        return None
    except BROKER_AWAY as error:
        raise TransientError("The broker does not answer.") from error
    return float(found.config.ack_wait or SERVERS_ACK_WAIT)


async def leave(broker: NatsBroker, nats: Client) -> None:
    """Say goodbye in order; when the broker is away there is nobody to say it to."""
    try:
        async with asyncio.timeout(GOODBYE):
            await broker.stop()
    except (Error, OSError):  # a time-out is an OSError
        with suppress(Error, OSError):  # the client flushes to a connection that is gone
            async with asyncio.timeout(GOODBYE):
                await nats.close()


@asynccontextmanager
async def reading(
    broker: NatsBroker, durable: Durable, settle: Callable[[NatsMessage], Awaitable[None]], *, workers: int
) -> AsyncIterator[None]:
    """Read a durable with so many readers at once, each one message at a time; leaving waits for what is in hand.

    Several one-message readers instead of one reader with a buffer: nothing waits in a buffer when the service stops,
    and a slow message holds up nobody but itself.
    """

    async def as_it_came(message: NatsMessage) -> NatsMessage:
        return message

    readers = []
    for _ in range(workers):
        reader = broker.subscriber(
            durable.subjects[0],
            stream=JStream(durable.stream, declare=False),
            durable=durable.name,
            pull_sub=PullSub(batch_size=1, timeout=1.0),
            decoder=as_it_came,
            persistent=False,
        )
        reader(settle)
        readers.append(reader)
    try:
        for reader in readers:
            await reader.start()
        yield
    finally:
        await asyncio.gather(*(reader.stop() for reader in readers))
