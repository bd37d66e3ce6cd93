"""Look-up tables: which Epicor value a Basware value means, on a day and in a company. Pure."""

from __future__ import annotations

from datetime import date

from mlc_common.company_rules import LookUpRow, LookUpTable


def looked_up(table: LookUpTable, value: str, *, company: str, day: date | None) -> str | None:
    """The value that `value` means; None when the table refuses what stands in none of its rows.

    Args:
        company: Basware's company code; a row that names it goes before one for all.
        day: the apply date; without one, validity is not looked at.
    """
    rows = [row for row in table.rows_for(value) if _holds(row, company, day)]
    row = max(rows, key=lambda each: bool(each.companies), default=None)
    if row is not None:
        return row.to
    match table.otherwise:
        case "keep":
            return value
        case "default":
            return table.default
        case "refuse":
            return None


def _holds(row: LookUpRow, company: str, day: date | None) -> bool:
    if row.companies and company not in row.companies:
        return False
    return day is None or row.first <= day <= row.last
