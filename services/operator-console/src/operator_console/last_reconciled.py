"""What the last reconciliation of each connection found, as metrics: counts by class, and when it was."""

from __future__ import annotations

from collections.abc import Container, Iterable

from mlc_common.eventlog import EventLog
from mlc_common.events import ReconciliationDone
from mlc_common.streams import OPERATIONS
from mlc_common.telemetry import Metrics
from operator_console.reconciliation.breaks import BREAKS

EVERY = "operations.*.reconciled"

INCOMPLETE = "not read to its end"
"""The class of sides that could not be read: what is wrong there is not known."""


async def last_reconciled(log: EventLog) -> list[ReconciliationDone]:
    """The last run of every connection.

    Raises:
        TransientError: the broker is away.
        PermanentError: one was recorded by a newer version, which this one cannot read.
    """
    found = [recorded.event for recorded in await log.last(OPERATIONS, EVERY)]
    return [event for event in found if isinstance(event, ReconciliationDone)]


def show_reconciled(runs: Iterable[ReconciliationDone], connections: Container[str], metrics: Metrics) -> None:
    """Set the metrics; every class is told of a connection that was ever reconciled, those of gone ones disappear."""
    gauges = metrics.gauges
    gauges.breaks.clear()
    gauges.reconciled.clear()
    for run in runs:
        if run.connection not in connections:
            continue
        counts = dict.fromkeys((kind.group for kind in BREAKS.values()), 0) | {INCOMPLETE: len(run.incomplete)}
        for code, number in run.breaks.items():
            group = BREAKS[code].group if code in BREAKS else code
            counts[group] = counts.get(group, 0) + number
        for group, number in counts.items():
            gauges.breaks.labels(run.connection, group).set(number)
        gauges.reconciled.labels(run.connection).set(run.at.timestamp())
