"""masterdata-sync: Epicor's master data becomes Basware's, on schedule and on demand. The wiring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import httpx

from masterdata_sync.following import Follower
from masterdata_sync.journal import Journal
from masterdata_sync.kinds import kinds_of
from masterdata_sync.requests import Requests
from masterdata_sync.rota import Rota
from masterdata_sync.sides import Sides
from masterdata_sync.writing import Spacing, Writer
from mlc_basware.client import open_client
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.ending import surely_ended
from mlc_common.groupcommit import GroupCommit
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import following_durable, sync_durable
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots
from mlc_epicor.ways import Dates

SESSIONS = 6
"""Database sessions of a connection: for a run on schedule and one on demand, each a slot at Epicor, the election, and
what is remembered."""


async def wire(runtime: Runtime) -> Wiring:
    """One loop per connection; a bug in one ends the service, so that it is seen and started again."""
    broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (bug := task.exception()) is not None and not broken.done():
            broken.set_exception(bug)

    async def until_broken() -> None:
        await asyncio.shield(broken)

    return Wiring(
        per_connection=lambda connection: synchronising(runtime, connection, ended), background=(until_broken,)
    )


@asynccontextmanager
async def synchronising(
    runtime: Runtime, connection: Connection, ended: Callable[[asyncio.Task[None]], None]
) -> AsyncIterator[None]:
    """Keep one connection's master data up to date while the block lasts, unless people have paused that."""
    if Flow.MASTERDATA in connection.paused:
        yield
        return
    async with AsyncExitStack() as stack:
        sides = await stack.enter_async_context(open_sides(runtime, connection))
        kinds = kinds_of(connection.document)
        timings = runtime.settings.timings
        follower = Follower(sides, {kind.name: kind for kind in kinds}, timings)
        consuming = partial(runtime.consuming, workers=1)
        await stack.enter_async_context(consuming(following_durable(connection.name), follower.handle))
        await stack.enter_async_context(consuming(sync_durable(connection.name), Requests(kinds, sides).handle))
        task = asyncio.create_task(_for_ever(Rota(kinds, sides, timings), every=timings.masterdata))
        task.add_done_callback(ended)
        stack.push_async_callback(surely_ended, task)
        yield


async def _for_ever(rota: Rota, *, every: float) -> None:
    while True:
        await rota.look()
        await asyncio.sleep(every)


@asynccontextmanager
async def open_sides(runtime: Runtime, connection: Connection) -> AsyncIterator[Sides]:
    """Both far sides of a connection, and what is remembered.

    Raises:
        MissingCredentialError: a credential is not set yet.
    """
    timings, epicor, name = runtime.settings.timings, connection.document.epicor, connection.name
    timeout = httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect)
    said = connection.document.masterdata.date_form
    async with AsyncExitStack() as stack:
        engine = make_engine(
            runtime.settings.database_url, pool_size=SESSIONS, application_name=f"masterdata-sync {name}"
        )
        stack.push_async_callback(engine.dispose)
        limits = httpx.Limits(max_connections=epicor.calls_in_flight)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=timeout, limits=limits))
        basware = await stack.enter_async_context(open_client(connection, timings=timings, now=runtime.now))
        group = await stack.enter_async_context(GroupCommit(runtime.nats, timeout=timings.publish, largest_batch=128))
        signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used)
        runtime.redactor.learn(signed.secrets)
        journal = Journal(name, runtime.nats, runtime.log, group, timings.publish)
        yield Sides(
            document=connection.document,
            epicor=EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write),
            writer=Writer(name, basware, journal.append, runtime.now, Spacing(runtime.now)),
            slots=Slots(engine, name, cap=epicor.calls_in_flight),
            dates=Dates(None if said == "found out" else said),
            journal=journal,
            engine=engine,
            metrics=runtime.metrics,
            now=runtime.now,
        )


def main() -> None:
    """The console script."""
    run("masterdata-sync", wire)
