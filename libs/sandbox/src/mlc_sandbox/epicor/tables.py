"""The columns of Epicor's tables (fields.json): what a row may hold, and what an empty column looks like."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from mlc_sandbox.epicor.wire import KineticError, Row

AP_INVOICE_TABLES = (
    "APInvHed", "APInvHedAttch", "APIHAPInvExp", "APIHAPInvExpTGLC", "APIHAPInvMsc", "RcvMisc", "APIHAPLnTax",
    "APInvDtl", "APInvDtlAttch", "APInvDtlDEASch", "APInvExp", "APInvExpTGLC", "GlbAPIETGLC", "APInvJob", "APInvMsc",
    "APInvLnMscTax", "APInvPB", "APLnTax", "APInvDtlTGLC", "APInvHedMscTax", "APInvSched", "APInvTax", "PESUNATDtl",
    "EntityGLC", "PEAPInvTax", "AdditionalForms_ParametersView", "LegalNumGenOpts", "SupplierXRef", "TaxConnectStatus",
    "ExtensionTables",
)  # fmt: skip
"""The 30 tables of APInvoiceTableset."""

ROW_MODS = frozenset({"", "A", "U", "D"})

OF_THE_TENANT = "_c"

_EMPTY: Mapping[str, Any] = {"string": "", "number": 0, "boolean": False, "date": None}


@cache
def columns(table: str) -> Mapping[str, str]:
    """Column name -> string | number | boolean | date. Raises KeyError for a table that the sandbox does not hold."""
    return _tables()[table]


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    text = resources.files(__package__).joinpath("fields.json").read_text(encoding="utf-8")
    tables: Mapping[str, Mapping[str, str]] = json.loads(text)
    return {
        table: {name: kind for kind, names in kinds.items() for name in names.split()}
        for table, kinds in tables.items()
    }


def empty(table: str, column: str) -> Any:
    """What a column holds when nobody has put anything there."""
    return _EMPTY[columns(table)[column]]


def full(table: str, row: Row) -> Row:
    """The row with every column of its table."""
    return {**{name: _EMPTY[kind] for name, kind in columns(table).items()}, **row}


def checked_row(table: str, value: Any, *, tenant_columns: str = "refuse") -> Row:
    """The row as sent, dates brought to one form. Raises KineticError for a column or a value that cannot be.

    Epicor's names are case-sensitive: `vendornum` is an unknown column. A column of the tenant's own ends in `_c`.
    """
    if not isinstance(value, dict):
        raise KineticError(f"A row of {table} must be an object.", table=table)
    added = {
        name: found for name, found in value.items() if name.endswith(OF_THE_TENANT) and name not in columns(table)
    }
    if tenant_columns != "refuse":
        value = {name: found for name, found in value.items() if name not in added}
    for name in value:
        if name not in columns(table):
            message = f"Could not find a property named '{name}' on type 'Erp.{table}'."
            raise KineticError(message, table=table, field=name)
    if value.get("RowMod", "") not in ROW_MODS:
        raise KineticError("RowMod must be A, U, D or empty.", table=table, field="RowMod")
    kept = added if tenant_columns == "keep" else {}
    return {name: _checked(table, name, found) for name, found in value.items()} | kept


def _checked(table: str, name: str, found: Any) -> Any:
    kind = columns(table)[name]
    if kind == "date" and isinstance(found, str):
        return _checked_date(table, name, found)
    fits = {
        "string": isinstance(found, str) or found is None,
        "number": isinstance(found, int | Decimal) and not isinstance(found, bool),
        "boolean": isinstance(found, bool),
        "date": found is None,
    }
    if not fits[kind]:
        raise KineticError(f"The value of {table}.{name} is not a {kind}.", table=table, field=name)
    return "" if kind == "string" and found is None else found


def _checked_date(table: str, name: str, found: str) -> str | None:
    if not found:
        return None
    try:
        moment = datetime.fromisoformat(found)
    except ValueError:
        raise KineticError(f"The value of {table}.{name} is not a date.", table=table, field=name) from None
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def date_of(value: str) -> date:
    """The calendar date of a stored date column."""
    return datetime.fromisoformat(value).date()
