"""THE bootstrap of every service: logs, traces, broker, database, connections, HTTP, signals, graceful stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import structlog
import uvloop
from faststream.nats import NatsBroker
from nats.aio.client import Client
from opentelemetry import trace
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute, Router

from mlc_common.broker import Outages, ack_wait_of, leave, make_broker, reading
from mlc_common.connection_workers import ConnectionWorker, ConnectionWorkers
from mlc_common.connections import Connection, Connections
from mlc_common.database import make_engine
from mlc_common.ending import surely_ended
from mlc_common.eventlog import EventLog
from mlc_common.failures import TransientError
from mlc_common.health import Health
from mlc_common.listening import Door, listening
from mlc_common.otlp_metrics import start_metrics
from mlc_common.retries import Handler, RetryOrBury
from mlc_common.settings import Settings
from mlc_common.streams import Durable
from mlc_common.telemetry import Metrics, Redactor, start_logging, start_tracing
from mlc_common.vault import MasterKeys

log = structlog.stdlib.get_logger(__name__)

MOST_CONNECTIONS = 1024
"""Connections that the public port serves at once: ten times what one busy sender opens, and little enough memory."""


@dataclass(frozen=True)
class Runtime:
    """What a service works with, made once by the bootstrap."""

    name: str
    settings: Settings
    broker: NatsBroker
    nats: Client
    log: EventLog
    engine: AsyncEngine
    connections: Connections
    metrics: Metrics
    redactor: Redactor
    now: Callable[[], datetime]
    outages: Outages
    durables: set[Durable] = field(default_factory=set)

    @asynccontextmanager
    async def consuming(self, durable: Durable, handler: Handler, *, workers: int | None = None) -> AsyncIterator[None]:
        """Hand the durable's events to `handler`, so many at once; leaving waits for what is in hand.

        Raises:
            TransientError: the durable is not declared, or the broker is away.
        """
        timings = self.settings.timings
        ack_wait = await ack_wait_of(self.nats, durable, timeout=timings.publish)
        if ack_wait is None:
            raise TransientError(f"The durable {durable.name} is not declared; run `ml-connector topology`.")
        settle = RetryOrBury(
            durable,
            handler,
            log=self.log,
            stream=self.nats.jetstream(timeout=timings.publish),
            timings=timings,
            metrics=self.metrics,
            redact=self.redactor,
            keep_alive=ack_wait / 3,
        )
        readers = workers or self.settings.workers
        prefix = self.settings.nats_inbox_prefix
        async with reading(self.broker, durable, settle, workers=readers, outages=self.outages, inbox_prefix=prefix):
            self.durables.add(durable)
            try:
                yield
            finally:
                self.durables.discard(durable)


@dataclass(frozen=True)
class Wiring:
    """What a service adds to the bootstrap.

    Args:
        routes: HTTP routes for everybody, on the public port; without any there is no such port.
        per_connection: entered for every active connection.
        background: loops that run until the service stops; one that ends or fails stops the service.
    """

    routes: Sequence[BaseRoute] = ()
    per_connection: ConnectionWorker | None = None
    background: Sequence[Callable[[], Awaitable[None]]] = ()


Wire = Callable[[Runtime], Awaitable[Wiring]]


def run(name: str, wire: Wire) -> None:
    """A service's main(): settings from the environment; ends when a signal says so."""
    settings = Settings()
    redactor = Redactor()
    start_logging(name, settings, redactor)
    provider = start_tracing(name, settings)
    trace.set_tracer_provider(provider)
    # What was imported lives as long as the process; looking through it for garbage stops the service for 100 ms.
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(name, settings, wire, redactor))
    finally:
        provider.shutdown()


async def _until_signalled(name: str, settings: Settings, wire: Wire, redactor: Redactor) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(name, settings, wire, stop=stop, redactor=redactor)


async def serve(
    name: str, settings: Settings, wire: Wire, *, stop: asyncio.Event | None = None, redactor: Redactor | None = None
) -> None:
    """Run a service until `stop` is set: start outside in, stop inside out, finishing what is in hand.

    The operators' port opens first: a service that waits for its broker is alive, and says what it waits for.
    """
    stopped = asyncio.ensure_future((stop or asyncio.Event()).wait())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(surely_ended, stopped)
        health = Health(name, Metrics())
        health.metrics.service.labels(name, version("ml-connector")).set(1)
        inside = Door(settings.host, settings.port, settings.port_file)
        await _open(health, inside, health.routes(), settings, stack)
        starting = asyncio.ensure_future(_runtime(name, settings, health.metrics, redactor or Redactor(), stack))
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            await surely_ended(starting)
            log.info("service_stopped", started=False)
            return
        runtime = starting.result()
        wiring = await wire(runtime)
        workers = None
        if wiring.per_connection is not None:
            workers = ConnectionWorkers(
                runtime.connections,
                wiring.per_connection,
                pause=settings.timings.refresh / 5,
                running=runtime.metrics.running,
                left=runtime.metrics.forget,
            )
            stack.push_async_callback(workers.stop)
        loops = [runtime.connections.keep_fresh, *wiring.background, *([workers.keep_running] if workers else [])]
        if wiring.routes:
            # What connections are called and what they do is nobody's business who may only push.
            outside = Door(
                settings.public_host, settings.public_port, settings.public_port_file, most_connections=MOST_CONNECTIONS
            )
            await _open(health, outside, wiring.routes, settings, stack)
        health.started(runtime.nats, runtime.durables, workers)
        tasks = [asyncio.ensure_future(loop()) for loop in loops]
        ends = [asyncio.ensure_future(each.ended()) for each in health.listeners]
        log.info("service_started", version=version("ml-connector"))
        try:
            done, _ = await asyncio.wait([*ends, *tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()
        finally:
            log.info("service_stopping")
            await surely_ended(*ends, *tasks)
            if workers is not None:
                await workers.stop()
    log.info("service_stopped")


async def _open(
    health: Health, door: Door, routes: Sequence[BaseRoute], settings: Settings, stack: AsyncExitStack
) -> None:
    # A redirect for a slash would send the caller to whatever host the caller named.
    served = listening(Router(routes, redirect_slashes=False), door, graceful=settings.timings.graceful)
    health.listeners.append(await stack.enter_async_context(served))


async def _runtime(
    name: str, settings: Settings, metrics: Metrics, redactor: Redactor, stack: AsyncExitStack
) -> Runtime:
    exported = start_metrics(name, settings, metrics.registry)
    stack.push_async_callback(asyncio.to_thread, exported.shutdown)
    engine = make_engine(settings.database_url)
    stack.push_async_callback(engine.dispose)
    connections = Connections(
        engine,
        lambda: master_keys(settings),
        refresh_seconds=settings.timings.refresh,
        on_load=lambda found: redactor.learn(_secrets(found.values())),
    )
    outages = Outages()
    broker = make_broker(name, settings, outages=outages)
    nats = await broker.connect()
    stack.push_async_callback(leave, broker, nats)
    stack.callback(setattr, outages, "expected", True)
    await broker.start()
    await connections.refresh()
    return Runtime(
        name=name,
        settings=settings,
        broker=broker,
        nats=nats,
        log=EventLog(nats, timeout=settings.timings.publish),
        engine=engine,
        connections=connections,
        metrics=metrics,
        redactor=redactor,
        now=lambda: datetime.now(UTC),
        outages=outages,
    )


def _secrets(connections: Iterable[Connection]) -> Iterator[str]:
    for connection in connections:
        for values in connection.credentials.values():
            yield from (value.get_secret_value() for value in values)


def master_keys(settings: Settings) -> MasterKeys:
    """The master keys the settings name, from the file when there is one.

    Raises:
        VaultError: there are none, or they are not of the right form.
    """
    if settings.master_keys_file is not None:
        return MasterKeys.parse(SecretStr(settings.master_keys_file.read_text()))
    return MasterKeys.parse(settings.master_keys or SecretStr(""))
