"""What a service says of itself on the operators' port: alive, ready or what is missing, and its metrics."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from importlib.metadata import version

from nats.aio.client import Client
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mlc_common.broker import ack_wait_of
from mlc_common.connection_workers import ConnectionWorkers
from mlc_common.failures import TransientError
from mlc_common.listening import Listener
from mlc_common.streams import Durable
from mlc_common.telemetry import Metrics

PATIENCE = 2.0
"""Seconds for the broker to say whether a durable is there."""


class Health:
    """One service's state. It is alive from the start, and ready when it can do all that the connections need.

    A connection that cannot be worked for, such as one without its credentials, does not make the service unready:
    the others go on, and a roll-out that brings the mend must not wait for what it mends.
    """

    def __init__(self, service: str, metrics: Metrics) -> None:
        self.metrics = metrics
        self.listeners: list[Listener] = []
        self._service = service
        self._nats: Client | None = None
        self._durables: AbstractSet[Durable] = frozenset()
        self._workers: ConnectionWorkers | None = None

    def started(self, nats: Client, durables: AbstractSet[Durable], workers: ConnectionWorkers | None) -> None:
        """From now on it depends on these whether the service is ready."""
        self._nats, self._durables, self._workers = nats, durables, workers

    def routes(self) -> list[BaseRoute]:
        """`/healthz`, `/readyz` and `/metrics`."""
        return [Route("/healthz", self._alive), Route("/readyz", self._ready), Route("/metrics", self._metrics)]

    async def _alive(self, _request: Request) -> Response:
        started = self._nats is not None
        return JSONResponse({"service": self._service, "version": version("ml-connector"), "started": started})

    async def _ready(self, _request: Request) -> Response:
        missing = await self._missing()
        missing += [f"port {each.port} does not listen" for each in self.listeners if not each.accepting]
        idle = sorted(self._workers.idle) if self._workers else []
        answer = {"ready": not missing, "missing": missing, "connections_not_running": idle}
        return JSONResponse(answer, status_code=503 if missing else 200)

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def _missing(self) -> list[str]:
        if self._nats is None:
            return ["it has not started: broker or database do not answer yet"]
        if not self._nats.is_connected:
            return ["the broker is away"]
        missing = []
        try:
            for durable in list(self._durables):
                if await ack_wait_of(self._nats, durable, timeout=PATIENCE) is None:
                    missing.append(f"durable {durable.name} is gone; run `ml-connector topology`")
        except TransientError as failure:
            missing.append(str(failure))
        if self._workers is not None:
            missing += [f"connection {name} is being started" for name in sorted(self._workers.starting)]
        return missing
