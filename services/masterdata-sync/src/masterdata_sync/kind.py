"""What a kind of master data is: where its rows come from and how one becomes a Basware record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from mlc_basware.targets import Target

Row = Mapping[str, Any]
"""One row of Epicor by dataset names (GLAccount, not GLAccount1); under a detail's name its rows, as a tuple."""

Entity = dict[str, Any]
"""One complete Basware record, in the vendor's spelling."""

Value = str | int | Decimal | bool | date


class Condition(NamedTuple):
    """What every row that is read has to meet, for example `Condition("OpenOrder", "eq", True)`."""

    column: str
    operator: Literal["eq", "ne", "gt", "ge", "lt", "le"]
    value: Value


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Args:
        service: business object, for example `Erp.BO.VendorSvc`.
        entity_set: its OData entity set, `Vendors`.
        table: its table in a GetRows tableset, `Vendor`.
        key: the full key without Company, in order.
        columns: what is read. All names are those of the dataset.
        aliases: dataset name -> OData name, where they differ (GLAccount -> GLAccount1).
        changed: the column of the last change, where the row type has one (ChangeDate).
        where: conditions that are always asked for.
    """

    service: str
    entity_set: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    changed: str | None = None
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Detail:
    """Rows of another table that belong to a row, read per page by the parent's key.

    `on` are the detail's columns that hold the leading key columns of the parent, in the parent's order: a line's
    releases are `on=("PONum", "POLine")` where the line's key is ("PONUM", "POLine").
    """

    name: str
    source: Source
    on: tuple[str, ...]


@dataclass(frozen=True)
class Owner:
    """Whose record it is: the Basware company, and the system it comes from (at most 36 characters).

    `terms` are Epicor's payment terms that Basware knows under another code.
    """

    company: str
    source_system: str
    terms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Untranslatable:
    """A row that cannot become a Basware record, and why."""

    code: str
    reason: str


@dataclass(frozen=True)
class Kind:
    """One kind of master data.

    Args:
        name: in events and subjects.
        source: where its rows come from, with `details` of other tables.
        target: where its records go.
        needs: the kinds whose records Basware must have before.
        code: the code people know a row's record by; one record per company and code.
        translate: a row to a complete record, or why not.
        retire: the record with its `active` flag off.
    """

    name: str
    source: Source
    details: tuple[Detail, ...]
    target: Target
    needs: tuple[str, ...]
    code: Callable[[Row], str]
    translate: Callable[[Row, Owner], Entity | Untranslatable]
    retire: Callable[[Entity], Entity]
