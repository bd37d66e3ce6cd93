"""Spans of messages by OpenTelemetry's messaging conventions: one where a message is sent, one where it is processed.

The sender's context travels in the message's headers, so a push, its posting and its answer are one trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from nats.aio.msg import Msg
from opentelemetry import propagate, trace
from opentelemetry.context import Context

from mlc_common.broker_errors import MESSAGE_ID
from mlc_common.streams import Durable, template_of
from mlc_common.telemetry import span_of


def sending(subject: str, message_id: str) -> AbstractContextManager[trace.Span]:
    """Around publishing one message; headers made inside carry this span."""
    about = _about("send", subject, message_id)
    return span_of(_name(about), about, kind=trace.SpanKind.PRODUCER)


@contextmanager
def processing(message: Msg, durable: Durable) -> Iterator[trace.Span]:
    """Around handling one message of a durable, child of the span that sent it."""
    headers = message.headers or {}
    about = _about("process", message.subject, headers.get(MESSAGE_ID))
    about["messaging.consumer.group.name"] = durable.name
    sender = propagate.extract(headers)
    with span_of(_name(about), about, kind=trace.SpanKind.CONSUMER, context=sender) as current:
        yield current


def behind(traceparent: str | None) -> Context | None:
    """Where a span belongs that follows from a stored fact; None for the current span."""
    return propagate.extract({"traceparent": traceparent}) if traceparent else None


def _name(about: Mapping[str, str | int | bool]) -> str:
    """Of few values: documents and records are in the attributes only."""
    return f"{about['messaging.operation.name']} {about['messaging.destination.template']}"


def _about(operation: str, subject: str, message_id: str | None) -> dict[str, str | int | bool]:
    about: dict[str, str | int | bool] = {
        "messaging.system": "nats",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": subject,
        "messaging.destination.template": template_of(subject),
    }
    return about | ({"messaging.message.id": message_id} if message_id else {})
