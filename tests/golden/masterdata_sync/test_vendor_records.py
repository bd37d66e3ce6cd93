"""An Epicor vendor becomes a Basware vendor: a case per folder, kept as Basware's published schema allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from masterdata_sync.kind import Owner
from masterdata_sync.kinds.vendors import translate
from mlc_sandbox.basware.fields import violations

CASES = sorted(path.parent for path in Path(__file__).parent.glob("vendors/*/row.json"))
OWNER = Owner(company="US01", source_system="EPICOR-US01")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_vendor_becomes_the_golden_record(case: Path, golden: Callable[[Path, str], None]) -> None:
    entity = translate(json.loads((case / "row.json").read_text(encoding="utf-8")), OWNER)

    assert isinstance(entity, dict)
    assert violations("VendorEntity", entity) == []
    golden(case / "entity.json", json.dumps(entity, indent=1, ensure_ascii=False) + "\n")
