"""Values of a segment of the chart become accounts, cost centres, projects or items of a list. Pure.

Epicor reference, §8.5 (COASegValues); Basware API reference, §8.2-8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from masterdata_sync.kind import Condition, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import (
    FIRST_DAY,
    LAST_DAY,
    checked,
    external_code,
    flagged,
    inactive,
    inherited,
    names,
    text,
)
from mlc_basware.masterdata_orders import LIST_COLUMNS
from mlc_basware.targets import ACCOUNTS, COST_CENTRES, PROJECTS, Target, generic_list
from mlc_common.masterdata_kinds import Dimension

Compose = Callable[[Row, Owner], Entity]

LONGEST_PROJECT = 100


def source(segment: int) -> Source:
    """The values of one segment, of every chart."""
    return Source(
        service="Erp.BO.COASegValuesSvc",
        entity_set="COASegValues",
        table="COASegValues",
        key=("COACode", "SegmentNbr", "SegmentCode"),
        columns=("COACode", "SegmentNbr", "SegmentCode", "SegmentName", "SegmentDesc", "ActiveFlag"),
        where=(Condition("SegmentNbr", "eq", segment),),
    )


def kind(name: str, segment: int, *, target: Target, compose: Compose) -> Kind:
    """The values of a segment as records of a target."""
    return Kind(
        name=name,
        source=source(segment),
        details=(),
        target=target,
        needs=(),
        code=code,
        translate=partial(translate, target=target, compose=compose),
        retire=inactive,
    )


def accounts(segment: int) -> Kind:
    """The natural accounts."""
    return kind("account", segment, target=ACCOUNTS, compose=_account)


def dimension(name: str, rules: Dimension) -> Kind:
    """A further dimension; two of them may go to one record type, so its name is part of a list item's key."""
    match rules.to:
        case "costCenters":
            return kind(name, rules.segment, target=COST_CENTRES, compose=_cost_centre)
        case "projects":
            return kind(name, rules.segment, target=PROJECTS, compose=_project)
    compose = partial(
        _list_item, columns=(rules.code_column, rules.name_column), longest=LIST_COLUMNS[rules.to].longest
    )
    return kind(name, rules.segment, target=generic_list(rules.to), compose=compose)


def code(row: Row) -> str:
    """The segment's value."""
    return text(row, "SegmentCode")


def translate(row: Row, owner: Owner, *, target: Target, compose: Compose) -> Entity | Untranslatable:
    """The record of a segment's value; a value of another chart is not this company's."""
    if text(row, "COACode") != owner.chart:
        return Untranslatable(code(row), f"it is of the chart {text(row, 'COACode')}", left_out=True)
    return checked(target, code(row), {"externalCode": external_code(owner.company, code(row))} | compose(row, owner))


def _name(row: Row) -> str:
    return text(row, "SegmentName") or text(row, "SegmentDesc")


def _active(row: Row) -> bool:
    return bool(row.get("ActiveFlag", True))


def _account(row: Row, owner: Owner) -> Entity:
    return {
        "accountCode": code(row),
        "accountNames": names(code(row), _name(row)),
        "companies": inherited(owner, active=_active(row)),
    }


def _cost_centre(row: Row, owner: Owner) -> Entity:
    return {
        "costCenterCode": code(row),
        "costCenterNames": names(code(row), _name(row)),
        "companies": flagged(owner, active=_active(row)),
    }


def _project(row: Row, owner: Owner) -> Entity:
    return {
        "projectCode": code(row),
        "projectName": (_name(row) or code(row))[:LONGEST_PROJECT],
        "validFrom": FIRST_DAY,
        "validUntil": LAST_DAY,
        "companies": flagged(owner, active=_active(row)),
    }


def _list_item(row: Row, owner: Owner, *, columns: tuple[int, int], longest: int) -> Entity:
    """A name is cut to what the list takes; a code that does not fit is refused, for it would be another one."""
    values = {f"text_{columns[1]}": (_name(row) or code(row))[:longest]} | {f"text_{columns[0]}": code(row)}
    return values | {"companies": flagged(owner, active=_active(row))}
