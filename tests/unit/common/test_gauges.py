"""How things stand, in figures."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from mlc_common.gauges import Gauges

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_tokens_end_is_told_for_each_far_side() -> None:
    gauges = Gauges(registry := CollectorRegistry())

    gauges.basware_token("acme")(AT)
    gauges.epicor_token("acme", lambda: AT)(60.0)

    def told(far_side: str) -> float | None:
        about = {"connection": "acme", "far_side": far_side}
        return registry.get_sample_value("mlc_token_expires_timestamp_seconds", about)

    assert told("basware") == AT.timestamp()
    assert told("epicor") == AT.timestamp() + 60


def test_no_deadline_is_for_ever() -> None:
    gauges = Gauges(registry := CollectorRegistry())

    gauges.deadline("acme", AT)
    first = registry.get_sample_value("mlc_deadline_next_timestamp_seconds", {"connection": "acme"})
    gauges.deadline("acme", None)

    assert first == AT.timestamp()
    assert registry.get_sample_value("mlc_deadline_next_timestamp_seconds", {"connection": "acme"}) == math.inf
