"""`ml-connector replay`: plan which transfers are taken up anew; with --commit request it, at a set rate.

A replay is resumed by its name: what was requested under it stands in the documents' own histories.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from mlc_common.broker_errors import BROKER_AWAY
from mlc_common.eventlog import EventLog, stream_of
from mlc_common.events import Event, Redelivery, ReplayRequested, ReplayStarted, ReplayStopped
from mlc_common.settings import Settings
from mlc_common.streams import OPERATIONS, durables, token
from operator_console.connection_commands import operator
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker
from operator_console.replaying import ACTS, Planned, Replay, Verdict, redelivery, replays
from operator_console.selecting import PAGE, Selection, plan
from operator_console.stream_reader import StreamReader

SEVERAL = "*"
"""Stands for the connection of a replay that is about several."""


@dataclass(frozen=True)
class Order:
    """How a replay is done: under which name, why, and at how many transfers a second at most."""

    name: str
    reason: str
    per_second: float


async def commit(
    settings: Settings, selection: Selection, order: Order, *, progress: Callable[[int, int], None]
) -> Replay:
    """Request that every transfer of the plan that has something left to do is taken up anew.

    Args:
        progress: told how many transfers were requested, and how many there are.

    Raises:
        CommandError: a replay of that name was cancelled or has finished, a document is not known, or a durable does
            not take messages again.
    """
    todo = [each async for each in plan(settings, selection) if each.verdict in ACTS]
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        reader = StreamReader(client, log, timeout=settings.timings.publish)
        before = (await known(reader)).get(order.name)
        if before is not None and before.state in ("cancelled", "finished"):
            raise CommandError(f"The replay {order.name} was {before.state}; take another name.", code=Exit.REFUSED)
        await _ready(client, todo, timeout=settings.timings.publish)
        connections = {each.status.connection for each in todo}
        about = {
            "connection": connections.pop() if len(connections) == 1 else SEVERAL,
            "by": operator(),
            "reason": order.reason,
            "replay": order.name,
        }
        started = ReplayStarted(
            **about,
            at=_now(),
            selection=selection.in_words(),
            documents=len(todo),
            per_second=order.per_second,
        )
        run = _Run(log, reader, order, seen=(await log.append(started)).sequence)
        try:
            how = "finished" if await run.through(todo, progress) else None
        except asyncio.CancelledError:
            how = "paused"
            raise
        finally:
            if how is not None:
                await log.append(ReplayStopped(**about, at=_now(), how=how, requested=run.requested))
        return (await known(reader))[order.name]


class _Run:
    """One run over the transfers of a replay; `seen` is the last operation that was looked at."""

    def __init__(self, log: EventLog, reader: StreamReader, order: Order, *, seen: int) -> None:
        self.requested = 0
        self._log = log
        self._reader = reader
        self._order = order
        self._seen = seen

    async def through(self, todo: Sequence[Planned], progress: Callable[[int, int], None]) -> bool:
        """Request one after another, what an earlier run has requested counting too; False when somebody stopped it."""
        for each in todo:
            if await self._stopped():
                return False
            new = await _request(self._log, each, self._order)
            self.requested += 1
            progress(self.requested, len(todo))
            if new:
                await asyncio.sleep(1 / self._order.per_second)
        return True

    async def _stopped(self) -> bool:
        batch = await self._reader.after(OPERATIONS, self._seen, most=PAGE)
        self._seen = batch[-1].sequence if batch else self._seen
        return any(isinstance(e.event, ReplayStopped) and e.event.replay == self._order.name for e in batch)


async def _request(log: EventLog, planned: Planned, order: Order) -> bool:
    """Request one transfer or message, unless it was requested under this name already."""
    if planned.verdict is Verdict.AGAIN and planned.buried is not None:
        return await _hand_out(
            log, redelivery(planned, planned.buried, order.name, by=operator(), reason=order.reason, at=_now())
        )
    status = planned.status
    history = await log.history(status.connection, status.invoice_id)
    requests = (each.event for each in history if isinstance(each.event, ReplayRequested))
    if any(each.replay == order.name and each.attempt == status.attempt for each in requests):
        return False
    await log.append(
        ReplayRequested(
            connection=status.connection,
            at=_now(),
            invoice_id=status.invoice_id,
            attempt=status.attempt,
            by=operator(),
            reason=order.reason,
            replay=order.name,
            read_again=(planned.verdict is Verdict.READ) or None,
        )
    )
    return True


async def _hand_out(log: EventLog, request: Redelivery) -> bool:
    """Have a message handed out again, unless somebody did since it was buried."""
    last = [each.event for each in await log.last(stream_of(request), request.subject)]
    if any(isinstance(each, Redelivery) and each.letter >= request.letter for each in last):
        return False
    return not (await log.append(request)).already


async def _ready(client: Client, todo: Sequence[Planned], *, timeout: float) -> None:
    """Every durable that messages are to go to again takes them: what it does not read it would never see.

    Raises:
        CommandError: one does not, or is not there.
    """
    again = {
        (each.status.connection, each.buried.durable) for each in todo if each.verdict is Verdict.AGAIN and each.buried
    }
    for connection, service in sorted(again):
        durable = next(each for each in durables(connection) if each.name == f"{service}_{token(connection)}")
        try:
            held = (await client.jetstream(timeout=timeout).consumer_info(durable.stream, durable.name)).config
        except (NotFoundError, *BROKER_AWAY):
            held = None
        if held is None or not {*durable.subjects} <= {*(held.filter_subjects or ())}:
            sentence = f"{durable.name} does not take messages out again yet; run `ml-connector topology` first."
            raise CommandError(sentence, code=Exit.REFUSED)


async def listing(settings: Settings) -> list[Replay]:
    """Every replay there was."""
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        return list((await known(StreamReader(client, log, timeout=settings.timings.publish))).values())


async def stop(settings: Settings, name: str, *, how: str, reason: str) -> Replay:
    """Pause or cancel a replay that runs elsewhere; it stops before its next transfer.

    Raises:
        CommandError: no such replay runs.
    """
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        reader = StreamReader(client, log, timeout=settings.timings.publish)
        replay = (await known(reader)).get(name)
        if replay is None:
            raise CommandError(f"There is no replay {name}.", code=Exit.USAGE)
        if replay.state in ("finished", "cancelled"):
            raise CommandError(f"The replay {name} was {replay.state} already.", code=Exit.REFUSED)
        await log.append(
            ReplayStopped.model_validate(
                {
                    "connection": replay.connection, "at": _now(), "by": operator(), "reason": reason,
                    "replay": name, "how": how, "requested": replay.requested,
                }
            )
        )  # fmt: skip
        return (await known(reader))[name]


async def known(reader: StreamReader) -> dict[str, Replay]:
    """Every replay that the stream tells of, by its name."""
    found: list[Event] = []
    after = 0
    while batch := await reader.after(OPERATIONS, after, most=PAGE):
        found += [each.event for each in batch if each.event is not None]
        after = batch[-1].sequence
    return replays(found)


def _now() -> datetime:
    return datetime.now(UTC)  # the edge: a person acts now
