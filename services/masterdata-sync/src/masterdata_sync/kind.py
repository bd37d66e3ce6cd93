"""What a kind of master data is: where its rows come from and how one becomes a Basware record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from mlc_basware.targets import Target
from mlc_common.company_rules import CompanyPair

LONGEST_SOURCE_SYSTEM = 36

Row = Mapping[str, Any]
"""One row of Epicor by dataset names (GLAccount, not GLAccount1); under a detail's name its rows, as a tuple."""

Entity = dict[str, Any]
"""One complete Basware record, in the vendor's spelling."""

Approval = Literal["none", "of changes", "always"]
"""Of bank accounts, by a person: never (the kind has none), all but a new record's first ones, or those too."""

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
    """Whose record it is, and what translating needs of that company.

    Args:
        company: Basware's companyCode.
        source_system: the system it comes from, at most 36 characters.
        terms: Epicor's payment terms that Basware knows under another code; so with `tax_codes` and `currencies`.
        chart: Epicor's COACode; a row of another chart is left out.
        rate_code: the tax rate whose percentage Basware gets.
        segments: the coding-row field of every segment of a GL account, in order; empty when it cannot be told.
        today: tells which of several tax rates holds; None takes the latest.
    """

    company: str
    source_system: str
    terms: Mapping[str, str] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    chart: str = "MAIN"
    rate_code: str = "STD"
    segments: tuple[str, ...] = ()
    today: date | None = None

    @classmethod
    def of(cls, pair: CompanyPair, *, source_system: str, today: date | None = None) -> Owner:
        """The owner of the records of a company pair; of two codes that mean one in Epicor the first is taken."""
        fixed = [segment for segment in pair.segments if not segment.dynamic]
        told = all(segment.table is None and (segment.field or segment.constant is not None) for segment in fixed)
        return cls(
            company=pair.basware,
            source_system=f"{source_system}-{pair.basware}"[:LONGEST_SOURCE_SYSTEM],
            terms=_reversed(pair.terms),
            tax_codes=_reversed(pair.tax_codes),
            currencies=_reversed(pair.currencies),
            chart=pair.chart,
            rate_code=pair.rate_code,
            segments=tuple(segment.field or "" for segment in fixed) if told else (),
            today=today,
        )


def _reversed(codes: Mapping[str, str]) -> dict[str, str]:
    return {epicor: basware for basware, epicor in reversed(tuple(codes.items()))}


@dataclass(frozen=True)
class Untranslatable:
    """A row that does not become a Basware record, and why.

    `left_out`: it is not meant for Basware at all (another chart's account, a line of an order that is not approved):
    nobody has to hear of it, and it counts as if the row were not there.
    """

    code: str
    reason: str
    left_out: bool = False


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
        approval: what has to be approved of it.
    """

    name: str
    source: Source
    details: tuple[Detail, ...]
    target: Target
    needs: tuple[str, ...]
    code: Callable[[Row], str]
    translate: Callable[[Row, Owner], Entity | Untranslatable]
    retire: Callable[[Entity], Entity]
    approval: Approval = "none"
