"""Prometheus gauges: how things stand now. Labels name connections, durables and far sides, never a document."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge


class Gauges:
    """The gauges of a process; a service sets those it knows about."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.backlog = Gauge(
            "mlc_backlog_messages",
            "Messages of a durable that are not settled yet",
            ["connection", "durable"],
            registry=registry,
        )
        self.backlog_age = Gauge(
            "mlc_backlog_age_seconds",
            "Age of the oldest message of a durable that is not settled yet, on purpose or not",
            ["connection", "durable"],
            registry=registry,
        )
        self.untouched_age = Gauge(
            "mlc_backlog_untouched_age_seconds",
            "Age of the oldest message of a durable that no reader has had yet; 0 while people have paused its flow",
            ["connection", "durable"],
            registry=registry,
        )
        self.paused = Gauge(
            "mlc_flow_paused", "1 while people have paused a flow", ["connection", "flow"], registry=registry
        )
        self.dead_letters = Gauge(
            "mlc_dead_letters", "Dead letters ever, by the durable that gave up", ["durable"], registry=registry
        )
        self.next_deadline = Gauge(
            "mlc_deadline_next_timestamp_seconds",
            "When Basware gives up the next transfer that has no answer; +Inf when none waits",
            ["connection"],
            registry=registry,
        )
        self.swept = Gauge(
            "mlc_sweep_last_timestamp_seconds",
            "When the last sweep ended well; before the first one, when sweeping began",
            ["connection"],
            registry=registry,
        )
        self.epicor_calls = Gauge(
            "mlc_epicor_calls_in_flight",
            "Slots at Epicor held by this process, one call at a time each",
            ["connection"],
            registry=registry,
        )
        self.epicor_cap = Gauge(
            "mlc_epicor_calls_cap", "Slots at Epicor that all processes share", ["connection"], registry=registry
        )
        self.token_expires = Gauge(
            "mlc_token_expires_timestamp_seconds",
            "When the newest access token expires; before Basware gave the first one, when it was first needed",
            ["connection", "far_side"],
            registry=registry,
        )
        self.chain_broken = Gauge(
            "mlc_chain_broken",
            "1 when a stream is not what it was when it was chained",
            ["stream"],
            registry=registry,
        )
        self.breaks = Gauge(
            "mlc_reconciliation_breaks",
            "Breaks that the last reconciliation of a connection found, by class",
            ["connection", "class"],
            registry=registry,
        )
        self.reconciled = Gauge(
            "mlc_reconciliation_last_timestamp_seconds",
            "When a connection was last reconciled",
            ["connection"],
            registry=registry,
        )

    def deadline(self, connection: str, due: datetime | None) -> None:
        """Note when the next transfer is given up; None when none waits."""
        self.next_deadline.labels(connection).set(due.timestamp() if due else math.inf)

    def epicor_slots(self, connection: str, cap: int) -> Callable[[], AbstractContextManager[object]]:
        """What counts a slot at Epicor while it is held."""
        self.epicor_cap.labels(connection).set(cap)
        return self.epicor_calls.labels(connection).track_inprogress

    def basware_token(self, connection: str, now: datetime) -> Callable[[datetime], None]:
        """What notes when a new token expires; until there is one, it counts as expired since `now`."""
        expires = self.token_expires.labels(connection=connection, far_side="basware")
        expires.set(now.timestamp())
        return lambda expires_at: expires.set(expires_at.timestamp())

    def epicor_token(self, connection: str, now: Callable[[], datetime]) -> Callable[[float], None]:
        """What notes how many seconds a new token lives."""
        expires = self.token_expires.labels(connection=connection, far_side="epicor")
        return lambda life: expires.set(now().timestamp() + life)
