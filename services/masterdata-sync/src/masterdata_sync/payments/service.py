"""The wiring of watching payments: one loop per connection, one replica at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.payments.watch_list import WatchList
from masterdata_sync.payments.watching import Watch, watch_payments
from masterdata_sync.schedule import elected, pause
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.ending import surely_ended
from mlc_common.failures import FailureError
from mlc_common.service import Runtime
from mlc_common.settings import Timings
from mlc_epicor.client import EpicorClient
from mlc_epicor.payment_reader import PaymentReader
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)

SESSIONS = 3
"""Database sessions of a connection: its slot at Epicor, being the only replica, and the watch list."""


@asynccontextmanager
async def payments_watched(
    runtime: Runtime, connection: Connection, ended: Callable[[asyncio.Task[None]], None]
) -> AsyncIterator[None]:
    """Watch one connection's payments while the block lasts, if it wants that.

    Raises:
        MissingCredentialError: a credential is not set yet.
    """
    rules = connection.document.payments
    if rules.mode == "off" or Flow.PAYMENTS in connection.paused:
        yield
        return
    timings = runtime.settings.timings
    engine = make_engine(
        runtime.settings.database_url, pool_size=SESSIONS, application_name=f"payments {connection.name}"
    )
    try:
        async with open_watch(runtime, connection, engine) as watch:
            task = asyncio.create_task(
                _keep_watching(lambda: one_run(watch, engine), every=rules.minutes * 60, timings=timings)
            )
            task.add_done_callback(ended)
            try:
                yield
            finally:
                await surely_ended(task)
    finally:
        await engine.dispose()


async def _keep_watching(run: Callable[[], Awaitable[None]], *, every: float, timings: Timings) -> None:
    """Run for ever, so many seconds apart; after a failure sooner, with growing pauses."""
    failures = 0
    while True:
        try:
            await run()
            failures = 0
        except FailureError as failure:
            failures += 1
            log.warning("run_failed", run="payments", why=str(failure), failures=failures)
        await asyncio.sleep(min(every, pause(failures, timings=timings)) if failures else every)


@asynccontextmanager
async def open_watch(runtime: Runtime, connection: Connection, engine: AsyncEngine) -> AsyncIterator[Watch]:
    """What it takes to watch a connection; `engine` has `SESSIONS` sessions.

    Raises:
        MissingCredentialError: a credential is not set yet.
    """
    document, timings = connection.document, runtime.settings.timings
    timeout = httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect)
    async with httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=1)) as http:
        signed = sign_in(document.epicor, connection.secret, http=http, life_used=timings.token_life_used)
        runtime.redactor.learn(signed.secrets)
        client = EpicorClient(http, document.epicor, sign_in=signed, write_patience=timings.epicor_write)
        cap = document.epicor.calls_in_flight
        held = runtime.metrics.gauges.epicor_slots(connection.name, cap)
        slots = Slots(engine, connection.name, cap=cap, held=held)
        yield Watch(
            connection=connection.name,
            companies=tuple(dict.fromkeys(pair.epicor for pair in document.companies)),
            rules=document.payments,
            reader=PaymentReader(client, slots, document.payments),
            list=WatchList(engine, connection.name),
            nats=runtime.nats,
            log=runtime.log,
            metrics=runtime.metrics,
            now=runtime.now,
            patience=timings.publish,
        )


async def one_run(watch: Watch, engine: AsyncEngine) -> None:
    """One run, if no other replica is at it."""
    async with elected(engine, f"payments {watch.connection}") as ours:
        if ours:
            await watch_payments(watch)
