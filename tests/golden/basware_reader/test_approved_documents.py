"""An accounting document becomes the fact that it was approved: a case per folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from basware_reader.approvals import Approve, Sight, decide, to_approved
from mlc_basware.documents import AccountingDocument, unknown_members
from mlc_common.events import parse_event
from mlc_common.http import dump_json, load_json

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/document.json"))
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_becomes_the_golden_fact(case: Path, golden: Callable[[Path, str], None]) -> None:
    text = dump_json(load_json((case / "document.json").read_bytes())).decode()
    document = AccountingDocument.parse(text)
    decision = decide(Sight.of(text, document), ())
    assert isinstance(decision, Approve)

    approved = to_approved(text, document, attempt=decision.attempt, connection="northwind", seen_by="push", at=AT)

    assert parse_event(approved.to_json()) == approved
    shown = {"id": approved.id, "subject": approved.subject} | approved.model_dump(mode="json", exclude_none=True)
    if unknown := sorted(unknown_members(document)):
        shown["unknown_members"] = unknown
    golden(case / "approved.json", json.dumps(shown, indent=1, ensure_ascii=False) + "\n")
