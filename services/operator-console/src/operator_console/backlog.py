"""How much waits in every durable, since when, what people have paused, and how many dead letters there are.

It is asked from outside the readers: what they do not do, they do not tell.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from nats.aio.client import Client

from mlc_common.broker_errors import BROKER_AWAY
from mlc_common.connection_flows import Flow
from mlc_common.connections import Connection
from mlc_common.direct_get import direct_get
from mlc_common.failures import FailureError, TransientError
from mlc_common.service import Runtime
from mlc_common.streams import DEADLETTERS, Durable, durables
from mlc_common.telemetry import Metrics
from operator_console.last_reconciled import last_reconciled, show_reconciled

LOOK_EVERY = 15.0
"""Seconds; as often as metrics are usually collected."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Backlog:
    """What waits for one durable's readers: messages in all, and ages in seconds.

    Attributes:
        age: of the oldest unsettled one. Many wait on purpose: a held document, an answer that has a day to arrive.
        untouched: of the oldest one that no reader has had; 0 where people have paused the flow.
    """

    connection: str
    durable: str
    waiting: int
    age: float
    untouched: float = 0.0


@dataclass(frozen=True)
class Looked:
    """What one look found; `dead_letters` counts them by the durable that gave up."""

    backlogs: tuple[Backlog, ...]
    dead_letters: dict[str, int]


async def look(nats: Client, connections: Mapping[str, AbstractSet[Flow]], *, timeout: float, now: datetime) -> Looked:
    """Ask about every durable of these connections, each with its paused flows; one that is not declared is left out.

    Raises:
        TransientError: the broker is away.
    """
    try:
        backlogs = [
            found
            for name, paused in sorted(connections.items())
            for durable in durables(name)
            if (found := await _backlog(nats, name, durable, paused, timeout=timeout, now=now)) is not None
        ]
        return Looked(tuple(backlogs), await _dead_letters(nats, timeout=timeout))
    except BROKER_AWAY as error:
        raise TransientError("The broker does not say how much waits.") from error


async def watch(runtime: Runtime) -> None:
    """Keep the metrics of what waits up to date for ever; while the broker is away they stay as last seen."""
    timeout = runtime.settings.timings.publish
    while True:
        paused = {name: paused_flows(each) for name, each in runtime.connections.current().items()}
        show_paused(paused, runtime.metrics)
        try:
            show(await look(runtime.nats, paused, timeout=timeout, now=runtime.now()), runtime.metrics)
            show_reconciled(await last_reconciled(runtime.log), paused, runtime.metrics)
        except FailureError as failure:
            log.info("backlog_unknown", why=str(failure))
        await asyncio.sleep(LOOK_EVERY)


def show(looked: Looked, metrics: Metrics) -> None:
    """Set the metrics; those of durables that are gone disappear."""
    gauges = metrics.gauges
    for gauge in (gauges.backlog, gauges.backlog_age, gauges.untouched_age, gauges.dead_letters):
        gauge.clear()
    for each in looked.backlogs:
        gauges.backlog.labels(each.connection, each.durable).set(each.waiting)
        gauges.backlog_age.labels(each.connection, each.durable).set(each.age)
        gauges.untouched_age.labels(each.connection, each.durable).set(each.untouched)
        gauges.dead_letters.labels(each.durable).set(0)  # a first dead letter must show as growth
    for durable, number in looked.dead_letters.items():
        gauges.dead_letters.labels(durable).set(number)


def show_paused(paused: Mapping[str, AbstractSet[Flow]], metrics: Metrics) -> None:
    """Tell of every flow of these connections whether people have paused it."""
    metrics.gauges.paused.clear()
    for name, flows in paused.items():
        for flow in Flow:
            metrics.gauges.paused.labels(name, flow).set(flow in flows)


def paused_flows(connection: Connection) -> AbstractSet[Flow]:
    """The flows that people have paused: all of them with the connection."""
    return frozenset(Flow) if connection.document.paused else connection.paused


async def _backlog(
    nats: Client, connection: str, durable: Durable, paused: AbstractSet[Flow], *, timeout: float, now: datetime
) -> Backlog | None:
    state = await _ask(nats, f"CONSUMER.INFO.{durable.stream}.{durable.name}", {}, timeout=timeout)
    if "error" in state:
        return None
    waiting = state["num_pending"] + state["num_ack_pending"]

    async def age(behind: dict[str, int], number: int) -> float:
        oldest = await _oldest(nats, durable, behind["stream_seq"], timeout=timeout) if number else None
        return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0

    untouched = 0 if durable.flow in paused else state["num_pending"]
    return Backlog(
        connection,
        durable.name,
        waiting,
        age=await age(state["ack_floor"], waiting),
        untouched=await age(state["delivered"], untouched),
    )


async def _oldest(nats: Client, durable: Durable, behind: int, *, timeout: float) -> datetime | None:
    """When the durable's first message behind this sequence was stored."""
    stored = []
    for subject in durable.subjects:
        question = {"seq": behind + 1, "next_by_subj": subject, "batch": 1}
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
