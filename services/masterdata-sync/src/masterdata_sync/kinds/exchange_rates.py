"""Exchange rates (Epicor reference, §8.5, CurrExRate; Basware API reference, §8.8). Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from masterdata_sync.kind import Condition, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import checked, day, external_code, flagged, inactive, number, plain, text
from mlc_basware.targets import EXCHANGE_RATES
from mlc_common.masterdata_kinds import Rates

_DIGITS = Decimal("0.0000000001")


def kind(rules: Rates) -> Kind:
    """The rates of one rate group."""
    since = (Condition("EffectiveDate", "ge", rules.since),) if rules.since else ()
    return Kind(
        name="exchange_rate",
        source=Source(
            service="Erp.BO.CurrExRateSvc",
            entity_set="CurrExRates",
            table="CurrExRate",
            key=("RateGrpCode", "SourceCurrCode", "TargetCurrCode", "EffectiveDate"),
            columns=(
                *("RateGrpCode", "SourceCurrCode", "TargetCurrCode", "EffectiveDate", "CurrentRate"),
                *("SourceScaleFactor", "TargetScaleFactor"),
            ),
            where=(Condition("RateGrpCode", "eq", rules.rate_group), *since),
        ),
        details=(),
        target=EXCHANGE_RATES,
        needs=(),
        code=code,
        translate=partial(translate, quoted=rules.quoted),
        retire=inactive,
    )


def code(row: Row) -> str:
    """Both currencies and the day: a rate of another day is another record."""
    begins = (day(row, "EffectiveDate") or "")[:10].replace("-", "")
    return f"{text(row, 'SourceCurrCode')}_{text(row, 'TargetCurrCode')}_{begins}"


def translate(row: Row, owner: Owner, *, quoted: str = "target per source") -> Entity | Untranslatable:
    """The rate, by which an amount in the source currency is multiplied."""
    factors = {number(row, column) or Decimal(1) for column in ("SourceScaleFactor", "TargetScaleFactor")}
    if factors != {Decimal(1)}:
        return Untranslatable(code(row), "it is quoted by scale factors, of which it is not known how they count")
    rate = number(row, "CurrentRate")
    if rate <= 0:
        return Untranslatable(code(row), "its rate is not above 0")
    if quoted == "source per target":
        rate = plain((1 / rate).quantize(_DIGITS, ROUND_HALF_UP))
    source, target = text(row, "SourceCurrCode"), text(row, "TargetCurrCode")
    entity = {
        "externalCode": external_code(owner.company, code(row)),
        "rate": rate,
        "currencyCodeFrom": owner.currencies.get(source, source),
        "currencyCodeTo": owner.currencies.get(target, target),
        "validFrom": day(row, "EffectiveDate"),
        "companies": flagged(owner, active=True),
    }
    return checked(EXCHANGE_RATES, code(row), entity)
