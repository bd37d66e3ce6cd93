"""A code that is on its way to Basware is waited for; an unknown one is refused with its own history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from epicor_writer.gate import on_their_way, told_more, wait_for
from mlc_common.catalogue import finding
from mlc_common.events import RecordAccepted, RecordChanged, RecordRefused, RecordSent
from mlc_common.failures import TransientError

AT = datetime(2026, 3, 5, tzinfo=UTC)
VENDOR = ("vendor", "10432")


def about(kind: str = "vendor", code: str = "10432") -> dict[str, Any]:
    return {"connection": "demo", "at": AT, "kind": kind, "company": "US01", "code": code, "digest": "d"}


CHANGED = RecordChanged(**about(), record="{}", run=1)
GONE = CHANGED.model_copy(update={"gone": True})
SENT, ACCEPTED = RecordSent(**about()), RecordAccepted(**about())
REFUSED = RecordRefused(
    **about(), by="p2p", finding=finding("RECORD_NOT_SAVED", kind="vendor", record="10432", why="no term")
)


@pytest.mark.parametrize(
    ("facts", "waits"),
    [
        ([CHANGED], True),
        ([CHANGED, SENT], True),
        ([CHANGED, SENT, ACCEPTED], False),
        ([CHANGED, SENT, REFUSED], False),
        ([SENT, ACCEPTED, GONE], False),
    ],
)
def test_a_code_is_waited_for_while_it_is_on_its_way(facts: list[Any], waits: bool) -> None:
    found = on_their_way({VENDOR: facts})

    assert found == ([VENDOR] if waits else [])
    if waits:
        with pytest.raises(TransientError, match="has not accepted vendor 10432 yet"):
            wait_for(found)


def test_an_unknown_code_is_refused_with_its_history() -> None:
    unknown = finding("UNKNOWN_VENDOR", field="supplierCode", vendor="10432", company="NWM")

    (told,) = told_more([unknown], [VENDOR], {VENDOR: [ACCEPTED, GONE]})

    assert told.sentence.startswith(unknown.sentence)
    assert "Basware has accepted it on 2026-03-05. It was gone from Epicor on 2026-03-05." in told.sentence
    assert told_more([unknown], [VENDOR], {}) == (unknown,)


def test_an_unknown_account_tells_of_its_segments() -> None:
    unknown = finding("UNKNOWN_ACCOUNT", field="accountCode", account="6100-10", company="NWM")
    cost_centre = ("cost_center", "10")

    (told,) = told_more([unknown], [VENDOR, cost_centre], {cost_centre: [ACCEPTED, GONE], VENDOR: [REFUSED]})

    assert "cost_center 10: Basware has accepted it" in told.sentence
    assert "no term" not in told.sentence
