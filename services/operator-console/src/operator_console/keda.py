"""ScaledObjects for KEDA: each service that has durables scales by itself on their lag. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlc_common.permissions import durables_of
from mlc_common.streams import Durable
from operator_console.nats_accounts import ACCOUNT

MONITORING = "nats-headless.nats.svc.cluster.local:8222"
"""Where the official chart, released as `nats` in the namespace `nats`, tells about its streams."""


@dataclass(frozen=True)
class Scaling:
    """How one service scales.

    Args:
        fewest, most: replicas. Two at least, so that one may fail.
        lag: messages of one durable for each replica.
    """

    fewest: int
    most: int
    lag: int


SCALING: Mapping[str, Scaling] = {
    "basware-reader": Scaling(2, 6, 100),
    # More writers bring nothing: the calls to one Epicor stay under its cap, whatever their number.
    "epicor-writer": Scaling(2, 4, 100),
    # A request is a whole run, and runs of one kind are done one after the other.
    "masterdata-sync": Scaling(2, 3, 2),
}

WAITING_ON_PURPOSE = frozenset(
    {"basware-deliveries", "basware-payments", "basware-attachments", "masterdata-following"}
)
"""Jobs whose messages look again later in ordinary work, up to a day. KEDA's lag is what was not handed out yet and
what was handed out and not settled, so these would be lag all that time, and no replica would shorten it."""


def counting(service: str, connection: str) -> list[Durable]:
    """The durables of a connection whose lag scales this service."""
    return [each for each in durables_of(service, connection) if each.name.partition("_")[0] not in WAITING_ON_PURPOSE]


def scaled_objects(connections: Iterable[str]) -> list[dict[str, Any]]:
    """One per service, because KEDA lets only one scale a Deployment; a trigger per durable, the largest lag counts."""
    names = sorted(set(connections))
    return [_scaled_object(service, scaling, names) for service, scaling in SCALING.items()]


def _scaled_object(service: str, scaling: Scaling, connections: list[str]) -> dict[str, Any]:
    durables = [durable for name in connections for durable in counting(service, name)]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": service},
        "spec": {
            "scaleTargetRef": {"name": service},
            "minReplicaCount": scaling.fewest,
            "maxReplicaCount": scaling.most,
            "pollingInterval": 15,
            "cooldownPeriod": 300,
            "fallback": {"failureThreshold": 3, "replicas": scaling.fewest},
            "triggers": [_trigger(each.stream, each.name, lag=scaling.lag) for each in durables],
        },
    }


def _trigger(stream: str, durable: str, *, lag: int) -> dict[str, Any]:
    return {
        "type": "nats-jetstream",
        "name": durable.replace("_", "-"),
        "metadata": {
            "natsServerMonitoringEndpoint": MONITORING,
            "account": ACCOUNT,
            "stream": stream,
            "consumer": durable,
            "lagThreshold": str(lag),
            "useHttps": "false",
        },
    }
