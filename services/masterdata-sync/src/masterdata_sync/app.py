"""masterdata-sync: Epicor's master data becomes Basware's, on schedule and on demand. The wiring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from masterdata_sync.following import Follower
from masterdata_sync.kinds import kinds_of
from masterdata_sync.opening import open_sides
from masterdata_sync.payments.service import payments_watched
from masterdata_sync.requests import Requests
from masterdata_sync.rota import Rota
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.ending import surely_ended
from mlc_common.retries import Handler
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import Durable, following_durable, sync_durable


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
    """Keep one connection's master data up to date, and watch its payments, unless people have paused that."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(payments_watched(runtime, connection, ended))
        if Flow.MASTERDATA in connection.paused:
            yield
            return
        sides = await stack.enter_async_context(open_sides(runtime, connection))
        kinds = kinds_of(connection.document)
        timings = runtime.settings.timings
        follower = Follower(sides, {kind.name: kind for kind in kinds}, timings)
        handlers: list[tuple[Durable, Handler]] = [
            (following_durable(connection.name), follower.handle),
            (sync_durable(connection.name), Requests(kinds, sides).handle),
        ]
        for durable, handler in handlers:
            await stack.enter_async_context(runtime.consuming(durable, handler, workers=1))
        task = asyncio.create_task(_for_ever(Rota(kinds, sides, timings), every=timings.masterdata))
        task.add_done_callback(ended)
        stack.push_async_callback(surely_ended, task)
        yield


async def _for_ever(rota: Rota, *, every: float) -> None:
    while True:
        await rota.look()
        await asyncio.sleep(every)


def main() -> None:
    """The console script."""
    run("masterdata-sync", wire)
