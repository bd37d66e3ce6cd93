"""What the private entry program hands a service: a clock that is moved, and events as a newer version writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos.service import ADDED, MovedClock
from mlc_common.events import DocumentAcknowledged, parse_event

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_the_clock_is_moved_by_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock = MovedClock(file)

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    file.write_text("7200")
    assert abs(clock.now() - datetime.now(UTC) - timedelta(hours=2)) < timedelta(seconds=5)
    file.write_text("")
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_what_a_newer_version_adds_is_survived_by_this_one() -> None:
    event = DocumentAcknowledged(connection="acme", at=AT, invoice_id="doc-1", attempt="1", already=False)

    read = parse_event(json.dumps(json.loads(event.to_json()) | ADDED).encode())

    assert read == event.model_copy(update={"schema_version": 2})
