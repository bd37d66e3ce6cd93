"""The Prometheus metrics, sent by OTLP as well when an endpoint is set: one set of figures, two ways out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from mlc_common.settings import Settings
from mlc_common.telemetry import resource_of

EVERY_MILLISECONDS = 15_000
PATIENCE = 5.0
"""Seconds for one export, its retries included; a collector that is away must not hold up the end of a service."""


def start_metrics(service: str, settings: Settings, registry: CollectorRegistry) -> MeterProvider:
    """Send every metric of the registry on a timer; without an endpoint, or when the settings say so, nothing is sent.

    Shut it down at the end. A metric that is registered later does not leave: `Metrics` makes them all.
    A histogram goes as two counters, of how many and how much: its buckets are for Prometheus.
    """
    if not settings.otlp_endpoint or not settings.otlp_metrics:
        return MeterProvider()
    exporter = OTLPMetricExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/metrics", timeout=PATIENCE)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=EVERY_MILLISECONDS)
    provider = MeterProvider(metric_readers=[reader], resource=resource_of(service))
    meter = provider.get_meter("mlc")
    for family in registry.collect():
        for name in _names(family):
            make = meter.create_observable_gauge if family.type == "gauge" else meter.create_observable_counter
            make(name, callbacks=[_observing(registry, family.name, name)], description=family.documentation)
    return provider


def _names(family: Metric) -> tuple[str, ...]:
    match family.type:
        case "counter":
            return (f"{family.name}_total",)
        case "histogram":
            return (f"{family.name}_count", f"{family.name}_sum")
    return (family.name,)


def _observing(
    registry: CollectorRegistry, family: str, name: str
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(sample.value, dict(sample.labels))
            for found in registry.restricted_registry([name]).collect()
            if found.name == family
            for sample in found.samples
            if sample.name == name and math.isfinite(sample.value)
        ]

    return observe
