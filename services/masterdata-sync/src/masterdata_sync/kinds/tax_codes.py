"""Sales taxes become tax codes (Epicor reference, §8.5, SalesTax and TaxRate; Basware API reference, §8.6). Pure."""

from __future__ import annotations

from datetime import date

from masterdata_sync.kind import Detail, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import calendar_day, checked, external_code, inactive, inherited, names, number, text
from mlc_basware.targets import TAX_CODES


def code(row: Row) -> str:
    """Epicor's code."""
    return text(row, "TaxCode")


def translate(row: Row, owner: Owner) -> Entity | Untranslatable:
    """The tax code with the percentage that holds today under the company's rate code."""
    rate = _rate(row, owner)
    if rate is None:
        return Untranslatable(code(row), f"it has no rate {owner.rate_code} that holds")
    theirs = owner.tax_codes.get(code(row), code(row))
    entity = {
        "externalCode": external_code(owner.company, theirs),
        "taxCode": theirs,
        "taxCodeNames": names(theirs, text(row, "Description")),
        "taxPercentage": number(rate, "TaxPercent"),
        "companies": inherited(owner, active=True),
    }
    return checked(TAX_CODES, code(row), entity)


def _rate(row: Row, owner: Owner) -> Row | None:
    mine = [each for each in row.get("rates", ()) if text(each, "RateCode").casefold() == owner.rate_code.casefold()]
    begun = [each for each in mine if owner.today is None or _begins(each) <= owner.today]
    return max(begun, key=_begins, default=None)


def _begins(rate: Row) -> date:
    return calendar_day(rate, "EffectiveFrom") or date.min


KIND = Kind(
    name="tax_code",
    source=Source(
        service="Erp.BO.SalesTaxSvc",
        entity_set="SalesTaxes",
        table="SalesTax",
        key=("TaxCode",),
        columns=("TaxCode", "Description"),
    ),
    details=(
        Detail(
            name="rates",
            source=Source(
                service="Erp.BO.SalesTaxSvc",
                entity_set="TaxRates",
                table="TaxRate",
                key=("TaxCode", "RateCode", "EffectiveFrom"),
                columns=("TaxCode", "RateCode", "EffectiveFrom", "TaxPercent"),
            ),
            on=("TaxCode",),
        ),
    ),
    target=TAX_CODES,
    needs=(),
    code=code,
    translate=translate,
    retire=inactive,
)
