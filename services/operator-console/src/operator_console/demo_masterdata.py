"""What Basware must hold of Epicor's master data before the first invoice of the demo is offered. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from operator_console.demo_scenario import EPICOR_COMPANY, Scenario

Held = Mapping[str, Collection[str]]
"""External codes of the records that P2P took, by the path of their kind."""

VENDORS, ACCOUNTS, COST_CENTRES, DEPARTMENTS = "/v1/vendors", "/v1/accounts", "/v1/costCenters", "/v1/lists/ACC_LIST_1"
WORDS = {
    "/v1/paymentTerms": "payment terms",
    "/v1/taxCodes": "tax codes",
    VENDORS: "vendors",
    ACCOUNTS: "accounts",
    DEPARTMENTS: "departments",
    COST_CENTRES: "cost centres",
    "/v1/matchingOrders": "purchase orders",
    "/v1/matchingOrderLines": "order lines",
}


def counted(held: Held) -> dict[str, int]:
    """How many records of each kind P2P took, by the kind's name."""
    return {word: len(held.get(path, ())) for path, word in WORDS.items()}


def missing(plan: Scenario, held: Held) -> list[str]:
    """What Basware does not hold and must: every kind, and every code that the good invoices are coded with."""
    kinds = [f"Basware holds no {word}" for word, count in counted(held).items() if not count]
    codes = {place for each in plan.posted for place in _codes(each.company, each.vendor, each.bookings)}
    return kinds + [
        f"Basware does not hold {code} among its {WORDS[path]}"
        for path, code in sorted(codes)
        if code not in held.get(path, ())
    ]


def _codes(company: str, vendor: str, bookings: Collection[tuple[str, object]]) -> list[tuple[str, str]]:
    ours = next(basware for basware, epicor in EPICOR_COMPANY.items() if epicor == company)
    found = [(VENDORS, vendor)]
    for account, _ in bookings:
        found += zip((ACCOUNTS, DEPARTMENTS, COST_CENTRES), account.split("|"), strict=True)
    return [(path, f"{ours}_{code}") for path, code in found]
