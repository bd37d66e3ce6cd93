"""The same figures leave by OTLP."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from mlc_common.otlp_metrics import start_metrics
from mlc_common.settings import Settings
from mlc_common.telemetry import Metrics


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_about: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def figures(body: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    request = ExportMetricsServiceRequest.FromString(body)
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        points = metric.gauge.data_points or metric.sum.data_points
        found[metric.name] = [
            ({each.key: each.value.string_value for each in point.attributes}, point.as_double) for point in points
        ]
    return found


def test_counters_gauges_and_histograms_leave_by_otlp(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    address, received = collector
    metrics = Metrics()
    provider = start_metrics("test", Settings(otlp_endpoint=address), metrics.registry)
    metrics.outcomes.labels("acme", "posted").inc(3)
    metrics.handling.labels("d").observe(0.5)
    metrics.gauges.backlog.labels("acme", "d").set(7)
    metrics.gauges.deadline("acme", None)

    provider.shutdown()

    path, body = received[-1]
    assert path == "/v1/metrics"
    assert figures(body)["mlc_outcomes_total"] == [({"connection": "acme", "reason": "posted"}, 3.0)]
    assert figures(body)["mlc_message_seconds_count"] == [({"durable": "d"}, 1.0)]
    assert figures(body)["mlc_message_seconds_sum"] == [({"durable": "d"}, 0.5)]
    assert figures(body)["mlc_backlog_messages"] == [({"connection": "acme", "durable": "d"}, 7.0)]
    assert "mlc_deadline_next_timestamp_seconds" not in figures(body)  # OTLP backends do not like infinity


def test_a_replica_has_a_name_of_its_own(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    address, received = collector
    start_metrics("test", Settings(otlp_endpoint=address), Metrics().registry).shutdown()

    resource = ExportMetricsServiceRequest.FromString(received[-1][1]).resource_metrics[0].resource
    about = {each.key: each.value.string_value for each in resource.attributes}
    assert about["service.name"] == "test"
    assert about["service.instance.id"] == f"{socket.gethostname()}-{os.getpid()}"


def test_metrics_stay_here_where_only_traces_are_to_leave(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    address, received = collector

    start_metrics("test", Settings(otlp_endpoint=address, otlp_metrics=False), Metrics().registry).shutdown()

    assert received == []


def test_without_an_endpoint_nothing_is_sent(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    start_metrics("test", Settings(), Metrics().registry).shutdown()

    assert collector[1] == []
