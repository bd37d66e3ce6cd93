"""Invoices that must be refused, each with a name that says why."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mlc_sandbox.samples import american
from mlc_sandbox.samples.approved import TODAY
from mlc_sandbox.samples.compose import Case, compose

_CENT = Decimal("0.01")
_GOOD_ROWS = "6100-10-200 120.40 US-IL Paper\n6120-10-200 79.60 US-IL Forms"


def bad_invoices(today: date = TODAY) -> dict[str, dict[str, Any]]:
    """Bodies by name of the defect. `duplicate_number` takes vendor and number of the first approved invoice."""
    return {
        "unknown_vendor": _made(Case("BAD-1001", "99999", "Unknown vendor", _GOOD_ROWS), today),
        "inactive_vendor": _made(Case("BAD-1002", "10571", "Inactive vendor", _GOOD_ROWS), today),
        "inactive_account": _made(Case("BAD-1003", "10490", "Inactive account", _with("6720-50-610")), today),
        "unknown_account": _made(Case("BAD-1004", "10490", "Unknown account", _with("6199-10-200")), today),
        "totals_off_by_a_cent": _header_off(_made(Case("BAD-1005", "10490", "Totals", _GOOD_ROWS), today)),
        "rows_off_by_a_cent": _row_off(_made(Case("BAD-1006", "10490", "A row short", _GOOD_ROWS), today)),
        "no_coding_rows": _made(Case("BAD-1007", "10490", "No coding", _GOOD_ROWS), today) | {"codingRows": []},
        "null_coding_rows": _made(Case("BAD-1008", "10490", "No coding", _GOOD_ROWS), today) | {"codingRows": None},
        "duplicate_number": _duplicate(today),
        "several_defects": _several(today),
    }


def _made(case: Case, today: date) -> dict[str, Any]:
    return compose(case, invoice_date=today - timedelta(days=12), today=today)


def _with(account: str) -> str:
    return f"{_GOOD_ROWS}\n{account} 55.00 US-IL Coded to a place that takes nothing"


def _header_off(body: dict[str, Any]) -> dict[str, Any]:
    """Net and gross of the header are a cent more than the rows; gross = net + tax still holds."""
    return body | {name: body[name] + _CENT for name in ("netSum", "grossSum")}


def _row_off(body: dict[str, Any]) -> dict[str, Any]:
    """One row is a cent less than the header needs."""
    first, *others = body["codingRows"]
    short = first | {name: first[name] - _CENT for name in ("netTotal", "grossTotal")}
    return body | {"codingRows": [short, *others]}


def _duplicate(today: date) -> dict[str, Any]:
    """Another document, another amount, but the number that the vendor has used before."""
    earlier = american.CASES[0]
    body = _made(Case(f"{earlier.number}-again", earlier.supplier, "Number used twice", _GOOD_ROWS), today)
    return body | {"invoiceNumber": earlier.number}


def _several(today: date) -> dict[str, Any]:
    """Inactive vendor, unknown and inactive account, and totals that do not add up."""
    rows = f"{_GOOD_ROWS}\n6199-10-200 10.00 US-IL Unknown\n6720-50-610 20.00 US-IL Inactive"
    return _header_off(_made(Case("BAD-1010", "10580", "Several defects", rows), today))
