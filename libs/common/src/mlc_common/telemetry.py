"""Logs, traces and metrics: structured JSON without secrets, one trace from push to answer, Prometheus counters."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial
from os import getpid
from socket import gethostname
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mlc_common.gauges import Gauges
from mlc_common.settings import Settings

HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(r"secret|password|passwd|token|api[-_]?key|authorization|master_key", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{6,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_SHORTEST_SECRET = 6


class Redactor:
    """Removes secrets from log entries: by key, by form, and every known secret wherever it stands."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these values from now on; shorter ones than six characters would hide ordinary words."""
        self._known |= {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}

    def __call__(self, _logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in list(entry.items()):
            entry[key] = HIDDEN if _SECRET_KEY.search(key) and isinstance(value, str) else self.clean(value)
        return entry

    def clean(self, value: Any) -> Any:
        """The value without secrets, to any depth."""
        match value:
            case str():
                return self._clean_text(value)
            case dict():
                return {
                    key: HIDDEN if _SECRET_KEY.search(str(key)) else self.clean(item) for key, item in value.items()
                }
            case list() | tuple():
                return [self.clean(item) for item in value]
            case bool() | int() | None:
                return value
            case _:
                return self._clean_text(str(value))

    def _clean_text(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return _SECRET_TEXT.sub(HIDDEN, text)


def start_logging(service: str, settings: Settings, redactor: Redactor, *, stream: TextIO = sys.stderr) -> None:
    """Send every log entry of this process, libraries included, to `stream` as one JSON object a line."""

    def add_trace(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            entry["trace"] = format(context.trace_id, "032x")
        entry["service"] = service
        return entry

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        add_trace,
        redactor,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("httpx", "httpcore", "uvicorn.access", "uvicorn.error", "nats"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def resource_of(service: str) -> Resource:
    """Who tells: the service, and which of its replicas, or the figures of two would be taken for one's."""
    return Resource.create({"service.name": service, "service.instance.id": f"{gethostname()}-{getpid()}"})


def start_tracing(service: str, settings: Settings) -> TracerProvider:
    """The process's tracer; spans leave by OTLP over HTTP when an endpoint is set, else they only carry the ids."""
    resource = resource_of(service)
    if not settings.otlp_endpoint:
        # Nobody would see what a span records; the ids are made all the same.
        return TracerProvider(resource=resource, sampler=ALWAYS_OFF)
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@lru_cache(maxsize=1)
def _tracer(provider: trace.TracerProvider) -> trace.Tracer:
    """The tracer of the process's provider: making one for every span is a tenth of what a push costs."""
    return provider.get_tracer("mlc")


def span(name: str, **attributes: str | int | bool) -> AbstractContextManager[trace.Span]:
    """A span around a piece of work, child of the current one."""
    return span_of(name, attributes)


@contextmanager
def span_of(
    name: str,
    attributes: Mapping[str, str | int | bool],
    *,
    kind: trace.SpanKind = trace.SpanKind.INTERNAL,
    context: Context | None = None,
    links: Sequence[trace.Link] = (),
) -> Iterator[trace.Span]:
    """A span of any kind, child of the current one or of the one that `context` names; `links` are what it follows.

    A failure leaves the name of its class and nothing of its text, which nobody has searched for secrets.
    """
    current = _tracer(trace.get_tracer_provider()).start_span(name, context, kind, attributes, links)
    before = attach(trace.set_span_in_context(current, context))
    try:
        yield current
    finally:
        if (failure := sys.exc_info()[1]) is not None:
            current.set_status(trace.StatusCode.ERROR, type(failure).__name__)
        detach(before)
        current.end()


class MasterDataMetrics:
    """What became of Epicor's master data."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "mlc_masterdata_records_total",
            "Master records by what became of them: changed, sent, refused, gone",
            ["connection", "kind", "how"],
            registry=registry,
        )
        self.success = Gauge(
            "mlc_masterdata_last_success_seconds",
            "When a kind was last brought up to date, in seconds since 1970, by mode",
            ["connection", "kind", "company", "mode"],
            registry=registry,
        )
        self.stopped = Gauge(
            "mlc_masterdata_stopped",
            "1 while a kind's runs end because too many records are gone, or none is there",
            ["connection", "kind", "company"],
            registry=registry,
        )


class PushMetrics:
    """What became of pushes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        self.refused = counter("mlc_pushes_refused_total", "Pushes refused, by reason", ["reason"])
        self.stored = counter(
            "mlc_pushes_stored_total",
            "Pushes stored, by connection and matching signature form",
            ["connection", "variant"],
        )
        self.repeated = counter("mlc_pushes_repeated_total", "Pushes that stood in the stream already", ["connection"])
        self.observed = counter(
            "mlc_pushes_observed_total",
            "Pushes taken in observe mode, by what enforcing would have said",
            ["connection", "reason"],
        )
        self.tested = counter("mlc_pushes_tests_total", "Connection tests answered")


class Metrics:
    """The process's Prometheus metrics, on a registry of their own; labels never hold an invoice or a secret.

    All are made here, before anything is measured: what is sent by OTLP is found out once, at the start.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        self.service = Gauge(
            "mlc_service_info",
            "1: this service is there, in this version",
            ["service", "version"],
            registry=self.registry,
        )
        self.handled = counter(
            "mlc_messages_handled_total",
            "Messages settled, by durable and how; `again` failed, `waits` does so on purpose",
            ["durable", "how"],
        )
        self.handling = Histogram(
            "mlc_message_seconds", "Time a message was in hand", ["durable"], registry=self.registry
        )
        self.outcomes = counter(
            "mlc_outcomes_total", "Outcomes of invoices, by connection and reason", ["connection", "reason"]
        )
        self.pushes = PushMetrics(self.registry)
        self.running = Gauge(
            "mlc_connection_running",
            "1 while the service works for an active connection, 0 while it cannot",
            ["connection"],
            registry=self.registry,
        )
        self.unannounced = counter(
            "mlc_documents_unannounced_total", "Documents the sweep found that no push announced", ["connection"]
        )
        self.deadlines = counter(
            "mlc_deadlines_total",
            "Transfers near their deadline (near) or answered `still working` (interim)",
            ["connection", "how"],
        )
        self.deliveries = counter(
            "mlc_answers_followed_total",
            "Answers by what became of them in Basware: delivered, undelivered, unconfirmed",
            ["connection", "how"],
        )
        self.waiting_for_a_person = counter(
            "mlc_documents_for_a_person_total",
            "Documents in a status that only a person can answer, and documents withdrawn",
            ["connection", "status"],
        )
        self.payments_seen, self.payments_followed = _of_payments(self.registry)
        self.drift = counter("mlc_drift_total", "Unknown members and statuses of documents", ["connection"])
        self.group_unlock_failures = counter(
            "mlc_group_unlock_failures_total", "AP invoice groups left locked", ["connection"]
        )
        self.breaker_open = Gauge(
            "mlc_breaker_open",
            "1 while a far side is left alone after failures in a row; only epicor-writer does that, with Epicor",
            ["connection", "far_side"],
            registry=self.registry,
        )
        self.gauges = Gauges(self.registry)
        self.masterdata = MasterDataMetrics(self.registry)

    def forget(self, connection: str) -> None:
        """How things stood with a connection that is not worked for any more: a rule must not read it as how they do.

        Counters stay: they say what happened.
        """
        for gauge in (
            *(self.gauges.swept, self.gauges.next_deadline, self.gauges.token_expires),
            *(self.gauges.epicor_calls, self.gauges.epicor_cap, self.breaker_open),
            *(self.masterdata.success, self.masterdata.stopped),
        ):
            gauge.remove_by_labels({"connection": connection})


def _of_payments(registry: CollectorRegistry) -> tuple[Counter, Counter]:
    """What was seen of payments in Epicor, and what became of telling Basware."""
    return (
        Counter(
            "mlc_payments_seen_total",
            "Changed pictures of payment, by where the invoice stands; `unclear` wants a person",
            ["connection", "standing"],
            registry=registry,
        ),
        Counter(
            "mlc_payment_answers_followed_total",
            "Payment responses by what became of them in Basware: payment_delivered, payment_undelivered",
            ["connection", "how"],
            registry=registry,
        ),
    )
