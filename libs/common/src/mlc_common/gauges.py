"""Prometheus gauges: how things stand now. Labels name connections, durables and far sides, never a document."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry, Gauge


class Gauges:
    """The gauges of a process; a service sets those it knows about."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, registry=registry)
        self.backlog = gauge(
            "mlc_backlog_messages", "Messages of a durable that are not settled yet", ["connection", "durable"]
        )
        self.backlog_age = gauge(
            "mlc_backlog_age_seconds",
            "Age of the oldest message of a durable that is not settled yet, on purpose or not",
            ["connection", "durable"],
        )
        self.untouched_age = gauge(
            "mlc_backlog_untouched_age_seconds",
            "Age of the oldest message of a durable that no reader has had yet; 0 while people have paused its flow",
            ["connection", "durable"],
        )
        self.paused = gauge("mlc_flow_paused", "1 while people have paused a flow", ["connection", "flow"])
        self.dead_letters = gauge("mlc_dead_letters", "Dead letters ever, by the durable that gave up", ["durable"])
        self.next_deadline = gauge(
            "mlc_deadline_next_timestamp_seconds",
            "When Basware gives up the next transfer that has no answer; +Inf when none waits",
            ["connection"],
        )
        self.swept = gauge(
            "mlc_sweep_last_timestamp_seconds",
            "When the last sweep ended well; before the first one, when sweeping began",
            ["connection"],
        )
        self.epicor_calls = gauge(
            "mlc_epicor_calls_in_flight",
            "Slots at Epicor held by this process, one call at a time each",
            ["connection"],
        )
        self.epicor_cap = gauge("mlc_epicor_calls_cap", "Slots at Epicor that all processes share", ["connection"])
        self.token_expires = gauge(
            "mlc_token_expires_timestamp_seconds",
            "When the newest access token expires; before Basware gave the first one, when it was first needed",
            ["connection", "far_side"],
        )
        self.chain_broken = gauge(
            "mlc_chain_broken", "1 when a stream is not what it was when it was chained", ["stream"]
        )
        self.breaks = gauge(
            "mlc_reconciliation_breaks",
            "Breaks that the last reconciliation of a connection found, by class",
            ["connection", "class"],
        )
        self.reconciled = gauge(
            "mlc_reconciliation_last_timestamp_seconds", "When a connection was last reconciled", ["connection"]
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
