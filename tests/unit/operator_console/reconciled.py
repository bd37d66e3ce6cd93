"""One invoice on three sides, clean; tests change what they are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from operator_console.reconciliation.invoice_sides import Case, Claim, Here, InBasware, InEpicor, Posted, Rules, Told

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=5)
ID = "7c0d4a0be7f84a6d9b1d3b5a9e2f4c61"
CODE = "3d3c1a52-0d52-5f0a-9a2d-7f6f5e1b2c44"
RULES = Rules(
    quiet_since=NOW - timedelta(hours=1),
    today=NOW.date(),
    post_within=3,
    companies={"US01": "NWM", "FI01": "NWF"},
    payments=True,
    user="bwlink",
    prefixes={"NWM": "B", "NWF": "B"},
)
CLAIM = Claim("NWM", 101, "INV-1", "B2611200", Decimal("240.10"))
BASWARE = InBasware(
    invoice_id=ID,
    status="Transferred",
    company="US01",
    supplier="10432",
    supplier_name="Acme",
    currency="USD",
    number="INV-1",
    day=date(2026, 11, 20),
    gross=Decimal("240.10"),
    voucher="B2611200",
    batch="b1",
    codes=(CODE,),
    changed=BEFORE,
)
HERE = Here(
    invoice_id=ID,
    attempt="b1",
    company="US01",
    supplier="10432",
    supplier_name="Acme",
    currency="USD",
    moved=BEFORE,
    phase="posted",
    number="INV-1",
    day=date(2026, 11, 20),
    gross=Decimal("240.10"),
    batch="b1",
    sent=CLAIM,
    posted=Posted(CLAIM, "USD", "B2611200", lines=2),
    outcome="posted",
    told=Told(success=True, codes=(CODE,), arrived=True),
)
EPICOR = InEpicor(
    company="NWM",
    vendor_num=101,
    number="INV-1",
    currency="USD",
    total=Decimal("240.10"),
    external_id=ID,
    group="B2611200",
    entered_by="bwlink",
    control=Decimal("240.10"),
    balance=Decimal("240.10"),
    day=date(2026, 11, 20),
    apply_date=date(2026, 11, 20),
    posted=True,
    open=True,
)
CLEAN = Case(BASWARE, HERE, (EPICOR,))


def basware(case: Case = CLEAN, **changes: Any) -> Case:
    """The case with something else in Basware."""
    assert case.basware
    return replace(case, basware=replace(case.basware, **changes))


def here(case: Case = CLEAN, **changes: Any) -> Case:
    """The case with something else recorded here."""
    assert case.here
    return replace(case, here=replace(case.here, **changes))


def epicor(case: Case = CLEAN, **changes: Any) -> Case:
    """The case with something else in Epicor."""
    return replace(case, rows=(replace(case.rows[0], **changes),))


def waiting(case: Case = CLEAN, *, status: str = "TransferInProgress", **changes: Any) -> Case:
    """The case before its outcome: read, acknowledged, and nothing in Epicor."""
    facts: dict[str, Any] = {"outcome": None, "posted": None, "sent": None, "told": None, "phase": "approved"}
    return replace(here(basware(case, status=status, codes=(), voucher=None), **facts | changes), rows=())


def refused(case: Case = CLEAN, *, status: str = "TransferFailed", **changes: Any) -> Case:
    """The case refused, and Basware told so."""
    facts: dict[str, Any] = {"outcome": "refused", "posted": None, "sent": None, "phase": "refused"}
    told = Told(success=False, codes=(CODE,), arrived=True)
    return waiting(case, status=status, **facts | {"told": told} | changes)
