"""Which columns of an AP invoice a connection may fill by itself, and how a value stands in one. Pure.

Epicor reference, AP invoice data model: beside the vendor's own there are a tenant's columns, which end in `_c`.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from mlc_epicor.datasets import APInvDtlRow, APInvHedRow, _Row

Value = str | Decimal | date | bool

SHOWN_OF_ALIKE = (
    "VendorNum",
    "InvoiceNum",
    "InvoiceDate",
    "DocInvoiceAmt",
    "CurrencyCode",
    "DebitMemo",
    "ExternalID",
    "GroupID",
    "EntryPerson",
    "Posted",
)
"""Columns of APInvHed by which invoices that look alike are told apart."""

_OF_THE_TENANT = "_c"
_MONEY = re.compile(r"Amt|Amount|Bal$|Cost|Disc|Qty|Rate|Variance|Tax|Withhold")
_KEYS_AND_STATE = frozenset((
    "Company", "VendorNum", "InvoiceNum", "InvoiceLine", "GroupID", "RowMod", "SysRevID", "SysRowID", "BitFlag",
    "OpenPayable", "Posted", "PostedDate", "DebitMemo", "CorrectionInv", "CancellationInv", "RefCancelledby",
    "InvoiceRef", "ScrInvoiceRef", "InvoiceType", "TranDocTypeID", "SEBankRef", "RateGrpCode", "CurrencyCode",
    "LockRate", "ReadyToCalc", "FiscalYear", "FiscalPeriod", "FiscalYearSuffix", "FiscalCalendarID", "GLControlType",
    "GLControlCode", "CPay", "REFPONum", "PONum", "POLine", "PORelNum", "PackSlip", "PackLine", "PurPoint", "LineType",
    "EntryPerson", "ChangedBy", "ChangeDate", "LegalNumber",
))  # fmt: skip


def header_is_ours(name: str) -> bool:
    """Whether the connector, or Epicor by what the connector sends, fills this column of APInvHed."""
    return _is_ours(name, APInvHedRow)


def line_is_ours(name: str) -> bool:
    """The same of APInvDtl."""
    return _is_ours(name, APInvDtlRow)


def _is_ours(name: str, row: type[_Row]) -> bool:
    if name.endswith(_OF_THE_TENANT):
        return False
    owned = {each.casefold() for each in (*row.model_fields, *_KEYS_AND_STATE)}
    return name.casefold() in owned or bool(_MONEY.search(name))


def same_value(meant: object, held: object) -> bool:
    """Whether a column holds what was meant; one that Epicor does not return is blank."""
    match meant:
        case bool():
            return bool(held) is meant
        case Decimal():
            return _number(held) == meant
        case date():
            return str(held)[:10] == meant.isoformat()
        case _:
            return ("" if held is None else str(held)).strip() == str(meant).strip()


def _number(held: object) -> Decimal | None:
    if held is None:
        return Decimal(0)
    return Decimal(held) if isinstance(held, int | Decimal) else None
