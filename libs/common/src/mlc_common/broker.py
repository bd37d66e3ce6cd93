"""One connection to NATS per process, through FastStream, that never gives up; and the readers of a durable."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage
from faststream.nats.security import NatsCredentials, NatsSecurity, NatsUserPassword
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.errors import TimeoutError as NothingCame
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from mlc_common.eventlog import BROKER_AWAY
from mlc_common.failures import TransientError
from mlc_common.settings import Settings
from mlc_common.streams import Durable

GOODBYE = 5.0
"""Seconds for the last acknowledgements to leave, once nothing is in hand."""

SERVERS_ACK_WAIT = 30.0
"""Seconds a durable waits that was declared without saying how long."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds between two readings of a durable that fail."""

log = structlog.stdlib.get_logger(__name__)


def make_broker(name: str, settings: Settings, *, outages: Outages) -> NatsBroker:
    """A broker that acknowledges by hand only, reconnects for ever and says little while it does."""
    return NatsBroker(
        settings.nats_url.split(","),
        name=name,
        ack_policy=AckPolicy.MANUAL,
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
        inbox_prefix=settings.nats_inbox_prefix,
        security=_login(settings),
    )


def _login(settings: Settings) -> NatsSecurity | None:
    trusted = trusted_by(settings)
    if settings.nats_credentials_file:
        return NatsCredentials.from_file(settings.nats_credentials_file, ssl_context=trusted)
    if settings.nats_user and settings.nats_password:
        return NatsUserPassword(settings.nats_user, settings.nats_password.get_secret_value(), ssl_context=trusted)
    return NatsSecurity(ssl_context=trusted) if trusted else None


def trusted_by(settings: Settings) -> ssl.SSLContext | None:
    """How the server proves itself: by the settings' own certificates, else as the address says."""
    if settings.nats_ca_file is None:
        return None
    return ssl.create_default_context(cafile=settings.nats_ca_file)


class Outages:
    """Says once that the broker is away and once that it is back, instead of a trace per attempt.

    `expected` is set when we leave by ourselves.
    """

    def __init__(self) -> None:
        self.expected = False
        self._here = asyncio.Event()
        self._here.set()

    async def over(self) -> None:
        """Wait until the broker is back; returns at once while it is here."""
        await self._here.wait()

    async def on_error(self, error: Exception) -> None:
        """A refused permission shows nowhere else: whoever published only waits in vain."""
        level = log.error if "permissions violation" in str(error).lower() else log.debug
        level("broker_error", why=str(error) or type(error).__name__)

    async def on_disconnect(self) -> None:
        self._here.clear()
        if not self.expected:
            log.warning("broker_away")

    async def on_reconnect(self) -> None:
        self._here.set()
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
    broker: NatsBroker,
    durable: Durable,
    settle: Callable[[NatsMessage], Awaitable[None]],
    *,
    workers: int,
    outages: Outages,
    inbox_prefix: str,
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
            inbox_prefix=f"{inbox_prefix}.".encode(),  # FastStream's own default goes past the connection's
            persistent=False,
        )
        reader(settle)
        readers.append(reader)
    try:
        for reader in readers:
            await reader.start()
            if reader.subscription is not None:
                reader.subscription = _Paced(reader.subscription, outages, durable)  # type: ignore[assignment]
        yield
    finally:
        await asyncio.gather(*(reader.stop() for reader in readers))


class _Paced:
    """A pull subscription that asks for nothing while the broker is away, and pauses after any other failure.

    FastStream's reader asks again at once, whatever went wrong: while the broker is away its questions would fill the
    client's buffer, and from then on every one fails at once, for ever and as fast as the processor can.
    """

    def __init__(self, pulled: JetStreamContext.PullSubscription, outages: Outages, durable: Durable) -> None:
        self._pulled = pulled
        self._outages = outages
        self._durable = durable
        self._pause = FIRST_PAUSE

    async def fetch(self, batch: int, timeout: float) -> list[Msg]:
        """At most so many messages; nats-py's TimeoutError when there are none."""
        await self._outages.over()
        try:
            fetched = await self._pulled.fetch(batch, timeout)
        except NothingCame:
            self._pause = FIRST_PAUSE
            raise
        except Error as error:
            log.warning("reading_failed", durable=self._durable.name, why=str(error) or type(error).__name__)
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            raise NothingCame from error
        self._pause = FIRST_PAUSE
        return fetched

    async def unsubscribe(self) -> None:
        """Leave."""
        await self._pulled.unsubscribe()
