"""How much waits in every durable, since when, and how many dead letters there are: asked from outside the readers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from nats.aio.client import Client

from mlc_common.broker_errors import BROKER_AWAY
from mlc_common.direct_get import direct_get
from mlc_common.failures import TransientError
from mlc_common.service import Runtime
from mlc_common.streams import DEADLETTERS, Durable, durables
from mlc_common.telemetry import Metrics

LOOK_EVERY = 15.0
"""Seconds; as often as metrics are usually collected."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Backlog:
    """What waits for one durable's readers: messages in all, and the age of the oldest unsettled one in seconds."""

    connection: str
    durable: str
    waiting: int
    age: float


@dataclass(frozen=True)
class Looked:
    """What one look found; `dead_letters` counts them by the durable that gave up."""

    backlogs: tuple[Backlog, ...]
    dead_letters: dict[str, int]


async def look(nats: Client, connections: Iterable[str], *, timeout: float, now: datetime) -> Looked:
    """Ask about every durable of these connections; one that is not declared is left out.

    Raises:
        TransientError: the broker is away.
    """
    try:
        backlogs = [
            found
            for name in connections
            for durable in durables(name)
            if (found := await _backlog(nats, name, durable, timeout=timeout, now=now)) is not None
        ]
        return Looked(tuple(backlogs), await _dead_letters(nats, timeout=timeout))
    except BROKER_AWAY as error:
        raise TransientError("The broker does not say how much waits.") from error


async def watch(runtime: Runtime) -> None:
    """Keep the metrics of what waits up to date for ever; while the broker is away they stay as last seen."""
    while True:
        try:
            looked = await look(
                runtime.nats,
                sorted(runtime.connections.current()),
                timeout=runtime.settings.timings.publish,
                now=runtime.now(),
            )
            show(looked, runtime.metrics)
        except TransientError as failure:
            log.info("backlog_unknown", why=str(failure))
        await asyncio.sleep(LOOK_EVERY)


def show(looked: Looked, metrics: Metrics) -> None:
    """Set the metrics; those of durables that are gone disappear."""
    for gauge in (metrics.gauges.backlog, metrics.gauges.backlog_age, metrics.gauges.dead_letters):
        gauge.clear()
    for each in looked.backlogs:
        metrics.gauges.backlog.labels(each.connection, each.durable).set(each.waiting)
        metrics.gauges.backlog_age.labels(each.connection, each.durable).set(each.age)
        metrics.gauges.dead_letters.labels(each.durable).set(0)  # a first dead letter must show as growth
    for durable, number in looked.dead_letters.items():
        metrics.gauges.dead_letters.labels(durable).set(number)


async def _backlog(nats: Client, connection: str, durable: Durable, *, timeout: float, now: datetime) -> Backlog | None:
    state = await _ask(nats, f"CONSUMER.INFO.{durable.stream}.{durable.name}", {}, timeout=timeout)
    if "error" in state:
        return None
    waiting = state["num_pending"] + state["num_ack_pending"]
    oldest = await _oldest(nats, durable, state["ack_floor"]["stream_seq"], timeout=timeout) if waiting else None
    age = max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
    return Backlog(connection, durable.name, waiting, age)


async def _oldest(nats: Client, durable: Durable, settled: int, *, timeout: float) -> datetime | None:
    """When the first message behind the settled ones was stored: nothing before the floor is unsettled."""
    stored = []
    for subject in durable.subjects:
        question = {"seq": settled + 1, "next_by_subj": subject, "batch": 1}
        for message in await direct_get(nats, durable.stream, question, timeout=timeout):
            stored.append(datetime.fromisoformat((message.headers or {})["Nats-Time-Stamp"]))
    return min(stored, default=None)


async def _dead_letters(nats: Client, *, timeout: float) -> dict[str, int]:
    question = {"subjects_filter": "deadletters.>"}
    state = await _ask(nats, f"STREAM.INFO.{DEADLETTERS}", question, timeout=timeout)
    counted: dict[str, int] = state.get("state", {}).get("subjects") or {}
    return {subject.partition(".")[2]: number for subject, number in counted.items()}


async def _ask(nats: Client, verb: str, question: dict[str, Any], *, timeout: float) -> dict[str, Any]:
    answer = await nats.request(f"$JS.API.{verb}", json.dumps(question).encode(), timeout=timeout)
    decoded: dict[str, Any] = json.loads(answer.data)
    return decoded
