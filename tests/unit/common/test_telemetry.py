"""Logs hold no secret, whatever way it comes in."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mlc_common.settings import Settings
from mlc_common.telemetry import HIDDEN, Redactor, span, start_logging

SECRET = "sandbox-only-secret"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    redactor = Redactor()
    redactor.learn([SECRET])
    stream = io.StringIO()
    start_logging("test", Settings(), redactor, stream=stream)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "value",
    [SECRET, f"key={SECRET}&x=1", {"inner": [SECRET]}, ("a", SECRET), ValueError(SECRET), SECRET.encode()],
)
def test_a_known_secret_is_hidden_wherever_it_stands(output: io.StringIO, value: object) -> None:
    structlog.stdlib.get_logger("x").info("event", detail=value)

    assert SECRET not in output.getvalue()
    assert HIDDEN in output.getvalue()


@pytest.mark.parametrize("key", ["client_secret", "password", "api_key", "x-api-key", "Authorization", "access_token"])
def test_a_value_under_a_telling_key_is_hidden(output: io.StringIO, key: str) -> None:
    structlog.stdlib.get_logger("x").info("event", **{key: "unknown-value"})

    assert "unknown-value" not in output.getvalue()


def test_credentials_are_hidden_by_their_form(output: io.StringIO) -> None:
    structlog.stdlib.get_logger("x").info(
        "event", a="Authorization: Basic YndsaW5rOnNhbmRib3g=", b="postgresql://user:hidden-word@host/db"
    )

    assert "YndsaW5rOnNhbmRib3g=" not in output.getvalue()
    assert "hidden-word" not in output.getvalue()


def test_a_librarys_log_and_a_traceback_pass_the_same_filter(output: io.StringIO) -> None:
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        logging.getLogger("some.library").exception("failed with %s", SECRET)

    entry = json.loads(output.getvalue())
    assert SECRET not in json.dumps(entry)
    assert entry["service"] == "test"
    assert "RuntimeError" in entry["exception"]


def test_a_failed_span_names_the_failure_and_none_of_its_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=SECRET), span("work", document="d1"):
        raise ValueError(SECRET)

    [finished] = spans.get_finished_spans()
    assert SECRET not in finished.to_json()
    assert finished.status.description == "ValueError"
