"""A small collector for OTLP over HTTP: it decodes what services send, and remembers it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Figure = tuple[str, frozenset[tuple[str, str]]]
"""A metric's name and its labels."""


@dataclass(frozen=True)
class Told:
    """One span as it arrived; `parent` is empty for the first of a trace."""

    service: str
    trace: bytes
    id: bytes
    parent: bytes
    name: str
    kind: str
    about: dict[str, str] = field(hash=False)
    links: int = 0


@dataclass
class Collector:
    """What arrived, by the service that sent it."""

    endpoint: str
    spans: list[Told] = field(default_factory=list)
    figures: dict[str, set[Figure]] = field(default_factory=dict)

    def take(self, path: str, body: bytes) -> None:
        """Decode one request."""
        if path == "/v1/traces":
            for traced in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = _texts(traced.resource.attributes)["service.name"]
                self.spans += [_told(service, span) for scope in traced.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                seen = self.figures.setdefault(_texts(measured.resource.attributes)["service.name"], set())
                for metric in (metric for scope in measured.scope_metrics for metric in scope.metrics):
                    points = metric.gauge.data_points or metric.sum.data_points
                    seen |= {(metric.name, frozenset(_texts(point.attributes).items())) for point in points}

    def trace(self, trace: bytes) -> list[Told]:
        """Every span of a trace."""
        return [each for each in self.spans if each.trace == trace]


def _told(service: str, span: Span) -> Told:
    kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
    return Told(
        service,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.name,
        kind,
        _texts(span.attributes),
        len(span.links),
    )


def _texts(attributes: Iterator[KeyValue]) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens while inside."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_about: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
