"""masterdata-sync: Epicor's vendors become Basware's vendors, at the start and on a timer. The wiring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.handlers import Sides, bring_up_to_date
from masterdata_sync.kind import Kind
from masterdata_sync.kinds import KINDS
from masterdata_sync.payments.service import payments_watched
from masterdata_sync.schedule import elected, keep_running
from masterdata_sync.sent import Journal
from mlc_basware.client import open_client
from mlc_common.connections import Connection
from mlc_common.database import make_engine
from mlc_common.ending import surely_ended
from mlc_common.service import Runtime, Wiring, run
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots

log = structlog.stdlib.get_logger(__name__)

SESSIONS = 2
"""Database sessions of a connection: one for its slot at Epicor, one to be the only replica that runs."""


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
    """Keep one connection's master data up to date while the block lasts."""
    timings = runtime.settings.timings
    engine = make_engine(
        runtime.settings.database_url, pool_size=SESSIONS, application_name=f"masterdata-sync {connection.name}"
    )
    try:
        async with (
            payments_watched(runtime, connection, ended),
            open_sides(runtime, connection, engine) as sides,
        ):
            task = asyncio.create_task(
                keep_running("vendors", lambda: one_run(sides, engine), every=timings.vendors, timings=timings)
            )
            task.add_done_callback(ended)
            try:
                yield
            finally:
                await surely_ended(task)
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_sides(runtime: Runtime, connection: Connection, engine: AsyncEngine) -> AsyncIterator[Sides]:
    """Both far sides of a connection and what was sent before.

    Raises:
        MissingCredentialError: a credential is not set yet.
    """
    timings, epicor = runtime.settings.timings, connection.document.epicor
    timeout = httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect)
    async with (
        httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=SESSIONS)) as http,
        open_client(connection, timings=timings, now=runtime.now) as basware,
    ):
        signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used)
        runtime.redactor.learn(signed.secrets)
        yield Sides(
            document=connection.document,
            epicor=EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write),
            basware=basware,
            slots=Slots(engine, connection.name, cap=epicor.calls_in_flight),
            journal=Journal(connection.name, runtime.nats, runtime.log, timeout=timings.publish, now=runtime.now),
        )


async def one_run(sides: Sides, engine: AsyncEngine, kinds: tuple[Kind, ...] = KINDS) -> None:
    """Every kind once, if no other replica is at it."""
    name = sides.document.name
    async with elected(engine, f"masterdata {name}") as ours:
        for kind in kinds if ours else ():
            brought = await bring_up_to_date(kind, sides)
            counts = {"read": brought.read, "sent": brought.sent, "refused": brought.refused}
            log.info(
                "kind_up_to_date", connection=name, kind=kind.name, untranslatable=brought.untranslatable, **counts
            )


def main() -> None:
    """The console script."""
    run("masterdata-sync", wire)
