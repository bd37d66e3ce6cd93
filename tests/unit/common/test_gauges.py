"""How things stand, in figures."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from mlc_common.gauges import Gauges
from mlc_common.telemetry import Metrics

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_tokens_end_is_told_for_each_far_side() -> None:
    gauges = Gauges(registry := CollectorRegistry())

    renewed = gauges.basware_token("acme", AT)
    first = registry.get_sample_value(
        "mlc_token_expires_timestamp_seconds", {"connection": "acme", "far_side": "basware"}
    )
    renewed(AT + timedelta(minutes=5))
    gauges.epicor_token("acme", lambda: AT)(60.0)

    def told(far_side: str) -> float | None:
        about = {"connection": "acme", "far_side": far_side}
        return registry.get_sample_value("mlc_token_expires_timestamp_seconds", about)

    assert first == AT.timestamp(), "who never gets a first token is found out as well"
    assert told("basware") == AT.timestamp() + 300
    assert told("epicor") == AT.timestamp() + 60


def test_no_deadline_is_for_ever() -> None:
    gauges = Gauges(registry := CollectorRegistry())

    gauges.deadline("acme", AT)
    first = registry.get_sample_value("mlc_deadline_next_timestamp_seconds", {"connection": "acme"})
    gauges.deadline("acme", None)

    assert first == AT.timestamp()
    assert registry.get_sample_value("mlc_deadline_next_timestamp_seconds", {"connection": "acme"}) == math.inf


def test_how_things_stood_with_a_connection_is_forgotten_and_what_happened_is_not() -> None:
    metrics = Metrics()
    for name in ("acme", "other"):
        gauges = metrics.gauges
        gauges.basware_token(name, AT)
        gauges.epicor_token(name, lambda: AT)(60.0)
        gauges.epicor_slots(name, 8)
        gauges.deadline(name, AT)
        gauges.swept.labels(name).set(1)
        metrics.breaker_open.labels(name, "epicor").set(1)
        metrics.masterdata.success.labels(name, "vendor", "US01", "full").set(1)
        metrics.masterdata.stopped.labels(name, "vendor", "US01").set(1)
        metrics.drift.labels(name).inc()

    metrics.forget("acme")

    left = {
        name: {
            sample.name for family in metrics.registry.collect() for sample in family.samples if name in told(sample)
        }
        for name in ("acme", "other")
    }
    assert left["acme"] == {"mlc_drift_total", "mlc_drift_created"}
    assert len(left["other"]) == len(left["acme"]) + 8


def told(sample: Sample) -> set[str]:
    """Everything that a sample's labels say."""
    return set(sample.labels.values())
