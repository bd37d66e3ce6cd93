"""Events: what is stored can be read for ever, ids follow from causes, and the shape is a golden file."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.catalogue import finding
from mlc_common.events import DocumentApproved, Event, InvoicePosted, InvoiceRefused, UnheardOfError, parse_event
from mlc_common.failures import PermanentError

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "events"


def posted(total: Decimal = Decimal("1240.00")) -> InvoicePosted:
    return InvoicePosted(
        connection="demo",
        at=NOW,
        invoice_id="7c0d",
        attempt="b1",
        cause="demo/7c0d/b1/approved",
        connection_version=3,
        company="NWM",
        vendor_num=101,
        vendor_id="10432",
        invoice_num="INV-1",
        group_id="B2611220",
        voucher="B2611220",
        total=total,
        currency="USD",
        lines=2,
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_an_amount_survives_the_stream_to_the_last_digit(total: Decimal) -> None:
    read = parse_event(posted(total).to_json())

    assert isinstance(read, InvoicePosted)
    assert str(read.total) == str(total)


def test_a_reaction_has_the_same_id_each_time() -> None:
    assert posted().id == "demo/7c0d/b1/posted"
    assert posted().subject == "documents.demo.7c0d.posted.b1"


def test_findings_come_back_as_they_were() -> None:
    refused = InvoiceRefused(
        connection="demo",
        at=NOW,
        invoice_id="7c0d",
        attempt="b1",
        connection_version=1,
        findings=(finding("UNKNOWN_VENDOR", field="supplierCode", vendor="X", company="NWM"),),
    )

    assert parse_event(refused.to_json()) == refused


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", b'{"kind":"posted"}', b"\xff"])
def test_what_is_no_event_is_a_permanent_failure(payload: bytes) -> None:
    with pytest.raises(PermanentError):
        parse_event(payload)


def test_a_fact_of_another_type_is_waited_with_since_a_newer_version_may_know_it() -> None:
    stored = json.loads(posted().to_json()) | {"type": "invoice_reconsidered"}

    with pytest.raises(UnheardOfError, match="knows no fact of the type invoice_reconsidered"):
        parse_event(json.dumps(stored).encode())


def test_a_newer_optional_field_does_not_hurt_an_older_reader() -> None:
    stored = json.loads(posted().to_json()) | {"added_later": "yes"}

    assert parse_event(json.dumps(stored).encode()) == posted()


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_what_may_be_missing_is_not_required_since_nothing_is_stored_of_it(kind: type[DocumentApproved]) -> None:
    shape = kind.model_json_schema()
    parts = [shape, *shape.get("$defs", {}).values()]
    nullable = [
        name
        for part in parts
        for name in part.get("required", ())
        if {"type": "null"} in part["properties"][name].get("anyOf", ())
    ]

    assert nullable == []


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_the_shape_of_every_event_is_the_golden_one(kind: type[DocumentApproved]) -> None:
    expected = GOLDEN / f"{kind.__name__}.schema.json"
    shape = json.dumps(kind.model_json_schema(), indent=1, sort_keys=True) + "\n"
    if os.environ.get("MLC_GOLDEN") == "write":
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text(shape)

    assert expected.read_text() == shape


@pytest.mark.parametrize("stored", sorted((GOLDEN / "version-1").glob("*.json")), ids=lambda path: path.stem)
def test_events_stored_by_version_1_are_read_for_ever(stored: Path) -> None:
    event = parse_event(stored.read_bytes())

    assert json.loads(event.to_json()) == json.loads(stored.read_bytes())


def test_every_kind_of_event_has_a_stored_example() -> None:
    examples = {json.loads(path.read_bytes())["type"] for path in (GOLDEN / "version-1").glob("*.json")}

    assert examples == {kind.model_fields["type"].default for kind in get_args(Event)}
