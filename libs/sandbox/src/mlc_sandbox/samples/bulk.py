"""Many invoices quickly, for load."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mlc_sandbox import company
from mlc_sandbox.chart import active_accounts
from mlc_sandbox.samples.approved import TODAY
from mlc_sandbox.samples.compose import COMPANIES, Case, Row, document

_TAXES: dict[str, tuple[str | None, ...]] = {"US01": ("US-IL", None), "FI01": ("VAT24", "VAT14", "VAT0")}


def bulk_invoices(n: int, *, seed: int = 1, today: date = TODAY) -> list[dict[str, Any]]:
    """`n` valid expense invoices with one to four coding rows; the same ones for the same seed.

    Numbers of different seeds do not meet: `BULK-<seed>-<counter>`.
    """
    chance = random.Random(seed)  # noqa: S311 - sample data, nothing secret
    suppliers = {
        code: [v.vendor_id for v in company.VENDORS if v.company == erp and not (v.inactive or v.pay_hold)]
        for code, erp in COMPANIES.items()
    }
    accounts = [account.display for account in active_accounts()]
    return [_one(index, seed, chance, suppliers=suppliers, accounts=accounts, today=today) for index in range(n)]


def _one(
    index: int, seed: int, chance: random.Random, *, suppliers: dict[str, list[str]], accounts: list[str], today: date
) -> dict[str, Any]:
    code = chance.choice(tuple(suppliers))
    case = Case(f"BULK-{seed}-{index:06d}", chance.choice(suppliers[code]), "Bulk sample", "", code)
    rows = [
        Row(chance.choice(accounts), Decimal(chance.randint(100, 500_000)) / 100, tax, f"Bulk row {number}")
        for number, tax in enumerate(chance.choices(_TAXES[code], k=chance.randint(1, 4)), 1)
    ]
    return document(case, rows, invoice_date=today - timedelta(days=chance.randint(2, 57)), today=today)
