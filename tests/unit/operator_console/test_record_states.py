"""Where a record stands by its last facts, and where two versions of one differ."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from mlc_common.catalogue import finding
from mlc_common.events import RecordAccepted, RecordChanged, RecordFact, RecordHeld, RecordRefused, RecordSent
from operator_console.record_states import State, differences, fields, standing

RECORD = {
    "connection": "demo",
    "at": datetime(2026, 3, 5, tzinfo=UTC),
    "kind": "vendor",
    "company": "US01",
    "code": "1",
}
UNFIT = finding("RECORD_UNFIT", kind="vendor", record="1", why="name: it is missing")
NOT_FOLLOWED = finding("RECORD_NOT_FOLLOWED", kind="vendor", record="1")

CHANGED = RecordChanged(**RECORD, digest="d2", record='{"externalCode":"US01_1","name":"New"}', run=2)
GONE = CHANGED.model_copy(update={"gone": True})
SENT = RecordSent(
    **RECORD, digest="d1", request_id="r1", external_code="US01_1", record='{"externalCode":"US01_1","name":"Old"}'
)
ACCEPTED = RecordAccepted(**RECORD, digest="d1", request_id="r1", warnings=("the e-mail was left out",))
REFUSED = RecordRefused(**RECORD, digest="why", by="rules", finding=UNFIT)
HELD = RecordHeld(**RECORD, digest="d1", finding=NOT_FOLLOWED)


@pytest.mark.parametrize(
    ("facts", "state", "why"),
    [
        ([CHANGED], "changed", None),
        ([SENT, ACCEPTED, CHANGED], "changed", None),
        ([CHANGED, SENT], "sent", None),
        ([CHANGED, SENT, ACCEPTED], "accepted", "the e-mail was left out"),
        ([GONE, SENT, ACCEPTED], "retired", "the e-mail was left out"),
        ([REFUSED], "refused", "vendor 1 is not sent to Basware: name: it is missing."),
        ([CHANGED, SENT, HELD], "held", "named no request"),
    ],
)
def test_the_last_fact_says_where_a_record_stands(facts: list[RecordFact], state: State, why: str | None) -> None:
    found = standing(facts)

    assert found.state == state
    assert (found.why or "").startswith(why or "") or why in (found.why or "")
    assert (found.why is None) == (why is None)


def test_what_epicor_has_and_what_was_sent_stand_side_by_side() -> None:
    found = standing([SENT, CHANGED])

    assert found.seen is not None
    assert found.sent is not None
    assert (found.seen["name"], found.sent["name"]) == ("New", "Old")
    assert (found.external_code, found.times_sent) == ("US01_1", 1)


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"),
    [
        ({"a": 1}, {"a": Decimal("1.0"), "lastUpdated": "x", "b": None, "c": [], "d": ""}, {}),
        ({"a": [{"b": "x"}, {"b": "y"}]}, {"a": [{"b": "x"}]}, {"a[1].b": ("y", None)}),
        ({"name": "Old"}, {"name": "New", "text1": "by hand"}, {"name": ("Old", "New"), "text1": (None, "by hand")}),
        ({"active": True}, {"active": False}, {"active": (True, False)}),
    ],
)
def test_differences_are_told_by_their_path(
    ours: dict[str, Any], theirs: dict[str, Any], apart: dict[str, Any]
) -> None:
    assert differences(ours, theirs) == apart


def test_every_field_has_a_path() -> None:
    assert dict(fields({"a": {"b": [Decimal("1.50"), True]}})) == {"a.b[0]": "1.5", "a.b[1]": True}
