"""Purchasing terms become payment terms (Epicor reference, §8.5, PurTerms; Basware API reference, §8.7). Pure."""

from __future__ import annotations

from decimal import Decimal

from masterdata_sync.kind import Detail, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import (
    FIRST_DAY,
    LAST_DAY,
    checked,
    external_code,
    inactive,
    inherited,
    names,
    number,
    text,
)
from mlc_basware.targets import PAYMENT_TERMS

BY_HAND, BY_FIELDS, BY_RULES = 0, 1, 2
_CALENDAR = ("NumberOfMonths", "DueOnDay", "MinimumDays")


def code(row: Row) -> str:
    """Epicor's code."""
    return text(row, "TermsCode")


def translate(row: Row, owner: Owner) -> Entity | Untranslatable:
    """The term. What Basware cannot compute alike (instalments, days of a month) it is told to leave to people."""
    theirs = owner.terms.get(code(row), code(row))
    key = external_code(owner.company, theirs)
    entity = {
        "externalCode": key,
        "paymentTermCode": theirs,
        "paymentTermNames": names(theirs, text(row, "Description")),
        "validFrom": FIRST_DAY,
        "validTo": LAST_DAY,
        "companies": inherited(owner, active=True),
    }
    return checked(PAYMENT_TERMS, code(row), entity | _due(row) | _discounts(row, key))


def _due(row: Row) -> Entity:
    days = int(number(row, "DueDays"))
    in_parts = row.get("Monthly") or number(row, "NumberOfPayments") > 1
    if days < 0 or in_parts or any(number(row, column) for column in ("NumberOfDays", *_CALENDAR)):
        return {"dueDateCalc": BY_HAND}
    return {"dueDateCalc": BY_FIELDS, "dueDateDays": days, "dueDateEom": 0}


def _discounts(row: Row, key: str) -> Entity:
    """By its detail rows; the term's own percentage is obsolete and counts where there are none."""
    steps = row.get("discounts", ())
    if any(number(step, column) for step in steps for column in _CALENDAR):
        return {"cashDueDateCalc": BY_HAND}
    found = {(int(number(step, "NumberOfDays")), number(step, "DiscountPercent")) for step in steps}
    if not found:
        found = {(int(number(row, "DiscountDays")), number(row, "DiscountPercent"))}
    found = {(days, percent) for days, percent in found if percent > 0 and days >= 0}
    if not found:
        return {"cashDueDateCalc": BY_HAND}
    if len(found) == 1:
        ((days, percent),) = found
        return {"cashDueDateCalc": BY_FIELDS, "cashDueDateDays": days, "cashDiscount": percent}
    return {"cashDueDateCalc": BY_RULES, "paymentTermDiscountRules": [_rule(key, *each) for each in sorted(found)]}


def _rule(key: str, days: int, percent: Decimal) -> Entity:
    rule = external_code(key, f"{days}_{format(percent, 'f')}")
    return {"externalCode": rule, "discountDays": days, "discountPercent": percent, "active": True}


KIND = Kind(
    name="payment_term",
    source=Source(
        service="Erp.BO.PurTermsSvc",
        entity_set="PurTerms",
        table="PurTerms",
        key=("TermsCode",),
        columns=(
            *("TermsCode", "Description", "DueDays", "DiscountDays", "DiscountPercent", "NumberOfPayments", "Monthly"),
            *("NumberOfDays", "NumberOfMonths", "MinimumDays", "DueOnDay"),
        ),
    ),
    details=(
        Detail(
            name="discounts",
            source=Source(
                service="Erp.BO.PurTermsSvc",
                entity_set="PurTermsDtls",
                table="PurTermsDtl",
                key=("TermsCode", "TermsSeq"),
                columns=(
                    *("TermsCode", "TermsSeq", "DiscountPercent", "NumberOfDays", "NumberOfMonths", "MinimumDays"),
                    "DueOnDay",
                ),
            ),
            on=("TermsCode",),
        ),
    ),
    target=PAYMENT_TERMS,
    needs=(),
    code=code,
    translate=translate,
    retire=inactive,
)
