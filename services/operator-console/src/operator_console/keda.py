"""ScaledObjects for KEDA: each service that has durables scales by itself on their lag. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlc_common.permissions import durables_of
from operator_console.nats_accounts import ACCOUNT

MONITORING = "nats-headless.nats.svc.cluster.local:8222"
"""Where the official chart, released as `nats` in the namespace `nats`, tells about its streams."""

REPLICAS = {"basware-reader": (2, 6), "epicor-writer": (2, 4)}
"""Fewest and most replicas. One at least must stay: messages that wait for their next try are nobody's lag. More
writers bring nothing: the calls to one Epicor stay under its cap, whatever their number."""

LAG = 100
"""Messages of one durable that call for another replica."""


def scaled_objects(connections: Iterable[str]) -> list[dict[str, Any]]:
    """One per service, because KEDA lets only one scale a Deployment; a trigger per durable, the largest lag counts."""
    names = sorted(set(connections))
    return [_scaled_object(service, names) for service in REPLICAS]


def _scaled_object(service: str, connections: list[str]) -> dict[str, Any]:
    fewest, most = REPLICAS[service]
    durables = [durable for name in connections for durable in durables_of(service, name)]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": service},
        "spec": {
            "scaleTargetRef": {"name": service},
            "minReplicaCount": fewest,
            "maxReplicaCount": most,
            "pollingInterval": 15,
            "cooldownPeriod": 300,
            "fallback": {"failureThreshold": 3, "replicas": fewest},
            "triggers": [_trigger(each.stream, each.name) for each in durables],
        },
    }


def _trigger(stream: str, durable: str) -> dict[str, Any]:
    return {
        "type": "nats-jetstream",
        "name": durable.replace("_", "-"),
        "metadata": {
            "natsServerMonitoringEndpoint": MONITORING,
            "account": ACCOUNT,
            "stream": stream,
            "consumer": durable,
            "lagThreshold": str(LAG),
            "useHttps": "false",
        },
    }
