"""What documents are sought by, and the question to the read model. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from mlc_common.tables import document_status
from operator_console.view import Phase

ANYTHING = "*"


@dataclass(frozen=True)
class Sought:
    """All of these must hold; None is not asked for.

    Attributes:
        number: the supplier's invoice number, without regard to case; with * at its end what begins so.
        amount: the gross sum, signed, in invoice currency.
        order: a purchase order that header or coding rows name.
        voucher: the voucher, or the AP invoice group in Epicor.
        reason: the code of the first reason.
        since, until: when something last happened to the document.
    """

    phase: Phase | None = None
    connection: str | None = None
    number: str | None = None
    supplier: str | None = None
    amount: Decimal | None = None
    order: str | None = None
    batch: str | None = None
    voucher: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def question(sought: Sought, *, limit: int) -> Select[Any]:
    """The documents that are sought, the last changed first."""
    columns = document_status.c
    found = select(document_status).where(*conditions(sought))
    return found.order_by(columns.last_change.desc(), columns.invoice_id).limit(limit)


def conditions(sought: Sought) -> Iterator[ColumnElement[bool]]:
    """What must hold of a row of the read model."""
    columns = document_status.c
    same = {
        columns.phase: sought.phase,
        columns.connection: sought.connection,
        columns.supplier_code: sought.supplier,
        columns.gross: sought.amount,
        columns.batch: sought.batch,
        columns.reason_code: sought.reason,
    }
    yield from (column == value for column, value in same.items() if value is not None)
    if sought.number is not None:
        yield _number(sought.number.lower())
    if sought.order is not None:
        yield columns.orders.contains([sought.order])
    if sought.voucher is not None:
        yield (columns.voucher == sought.voucher) | (columns.group_id == sought.voucher)
    if sought.since is not None:
        yield columns.last_change >= sought.since
    if sought.until is not None:
        yield columns.last_change < sought.until


def _number(number: str) -> ColumnElement[bool]:
    held = func.lower(document_status.c.invoice_number)
    if number.endswith(ANYTHING):
        return held.startswith(number.removesuffix(ANYTHING), autoescape=True)
    return held == number
