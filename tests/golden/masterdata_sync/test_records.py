"""A row of Epicor becomes a Basware record: a case per folder of its kind, as Basware's published schema allows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from masterdata_sync.kind import Kind, Owner, Untranslatable
from masterdata_sync.kinds import kinds_of
from mlc_common.connection import ConnectionDocument
from mlc_common.http import load_json
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.masterdata import KINDS

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/row.json"))
SCHEMAS = {kind.path: kind.schema for kind in KINDS}
PAIR = {
    "basware": "US01",
    "epicor": "NWM",
    "currency": "USD",
    "segments": [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}],
    "terms": {"2/10N30": "2-10NET30"},
}
EVERYTHING = {
    "vendors": {
        "contacts": True,
        "currency": True,
        "payment_means": {"2": "ACH"},
        "tax_identifier": "TaxID",
        "registration_identifier": "OrgNo",
        "ordering": "email",
    },
    "payment_terms": True,
    "tax_codes": True,
    "accounts": {"of": "segment values", "segment": 1},
    "dimensions": {
        "department": {"segment": 2, "to": "ACC_LIST_11"},
        "cost_center": {"segment": 3, "to": "costCenters"},
    },
    "projects": True,
    "exchange_rates": {"since": "2026-01-01"},
    "orders": {"units": {"US01": "US01-PUR"}},
}

OTHERWISE: dict[str, Any] = {
    "gl_account": {"accounts": {"of": "gl accounts"}},
    "vendor_with_banks": {"vendors": {"payment_means": {"2": "SEPA"}, "bank_accounts": "on"}},
    "phase": {"dimensions": {"phase": {"segment": 4, "to": "projects"}}},
}


def connection(**kinds: Any) -> ConnectionDocument:
    return ConnectionDocument.model_validate(
        {
            "name": "northwind",
            "epicor": {"base_url": "https://epicor.example/live"},
            "companies": [PAIR],
            "kinds": kinds or EVERYTHING,
        }
    )


def kinds(**chosen: Any) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds_of(connection(**chosen))}


def owner() -> Owner:
    return Owner.of(connection().companies[0], source_system="EPICOR")


def as_text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=_number) + "\n"


def _number(value: Any) -> Any:
    assert isinstance(value, Decimal)
    return int(value) if value == value.to_integral_value() else float(value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_row_becomes_the_golden_record(case: Path, golden: Callable[[Path, str], None]) -> None:
    name = {"gl_account": "account", "vendor_with_banks": "vendor"}.get(case.parent.name, case.parent.name)
    kind = kinds(**OTHERWISE.get(case.parent.name, {}))[name]
    row = load_json((case / "row.json").read_text(encoding="utf-8"))

    record = kind.translate(row, owner())

    if isinstance(record, Untranslatable):
        golden(case / "why_not.json", as_text({"code": record.code, "reason": record.reason, "out": record.left_out}))
        return
    assert violations(SCHEMAS[kind.target.path], record) == []
    assert violations(SCHEMAS[kind.target.path], kind.retire(record)) == []
    golden(case / "entity.json", as_text(record))


def test_every_kind_has_a_golden_case() -> None:
    assert {case.parent.name for case in CASES} == {*kinds(), *OTHERWISE}
