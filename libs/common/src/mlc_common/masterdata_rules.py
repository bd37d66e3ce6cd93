"""How and when Epicor's master data is read: the connection's section `masterdata`. Pure.

What is imported, and how a row becomes a record, is the section `kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from mlc_common.rule_values import TimeZone
from mlc_common.section import Section

_SOME_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - only to see whether an expression can be read


def _readable(expression: str) -> str:
    if len(expression.split()) != 5:
        raise ValueError("a cron expression has five fields: minute hour day month weekday")
    try:
        CronSim(expression, _SOME_DAY)
    except CronSimError as error:
        raise ValueError(f"not a cron expression: {error}") from error
    return expression


class Schedule(Section):
    """When a run is due: so many seconds after the last one, or by a cron expression."""

    every: float | None = Field(default=None, gt=0, description="seconds from one run to the next")
    cron: Annotated[str, AfterValidator(_readable)] | None = Field(
        default=None, description="minute hour day month weekday, in `masterdata.time_zone`"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError("give either every or cron")
        return self


class Baq(Section):
    """A BAQ that shows a kind's rows; its columns are `Table_Column` unless they are named."""

    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$", description="the BAQ's id; it must be shared")
    columns: dict[str, str] = Field(default_factory=dict, description="Epicor's column -> the BAQ's column")
    changed_parameter: str | None = Field(
        default=None, description="the BAQ's parameter that takes the lowest date of change"
    )


class Reading(Section):
    """How a kind is read."""

    way: Literal["odata", "getrows", "baq"] = Field(default="odata", description="entity set, GetRows, or a BAQ")
    baq: Baq | None = Field(default=None, description="for the way `baq`")
    paging: Literal["key", "skip"] = Field(
        default="key", description="of odata and baq: by the last key, or by counting where such a filter is not taken"
    )
    details: Literal["same way", "odata", "getrows"] = Field(
        default="same way", description="how rows of other tables that belong to it are read; beside a BAQ by odata"
    )
    page_size: int = Field(default=500, ge=1, le=5000, description="rows asked for at once; Epicor may give fewer")
    pause: float = Field(default=0, ge=0, le=60, description="seconds between two pages, to be gentle")
    full: Schedule = Field(
        default=Schedule(every=3600), description="when everything is read and compared; only this notices what is gone"
    )
    delta: Schedule | None = Field(
        default=None, description="when only changed rows are read, where Epicor can tell (ChangeDate, SysRevID)"
    )
    revisions: bool = Field(
        default=False,
        description="find changed rows by SysRevID where there is no ChangeDate; full runs stay the truth",
    )
    revision_overlap: int = Field(default=1000, ge=0, description="revisions that are read again")
    overlap: float = Field(
        default=600, ge=0, le=1_000_000, description="seconds of changes that are read again; a day at least for dates"
    )
    largest_removal: float = Field(
        default=0.05, ge=0, le=1, description="share of a kind's records that one run may retire without being asked"
    )
    paused: bool = Field(default=False, description="not read on schedule")

    @model_validator(mode="after")
    def _a_baq_is_named(self) -> Self:
        if (self.way == "baq") != (self.baq is not None):
            raise ValueError("the way `baq` needs `baq`, and only it")
        return self


class CompanySchedule(Section):
    """What one company has otherwise; what is not named stays as the kind has it."""

    full: Schedule | None = Field(default=None, description="when everything is read")
    delta: Schedule | None = Field(default=None, description="when only changed rows are read")
    paused: bool | None = Field(default=None, description="not read on schedule")


class KindReading(Reading):
    """How one kind is read, and what its companies have otherwise."""

    companies: dict[str, CompanySchedule] = Field(default_factory=dict, description="by Basware company code")


class MasterData(Section):
    """How and when master data is read; `kinds` has what differs from `default`, whole."""

    time_zone: TimeZone = Field(default="UTC", description="of cron expressions")
    date_form: Literal["found out", "plain", "zulu", "datetime"] = Field(
        default="found out", description="how Epicor takes dates in filters: 2026-11-22T00:00:00, with Z, datetime'...'"
    )
    default: Reading = Field(default=Reading(), description="how a kind is read that is not named in `kinds`")
    kinds: dict[str, KindReading] = Field(default_factory=dict, description="by kind: vendor, account, ...")

    def reading(self, kind: str, company: str | None = None) -> Reading:
        """The rules of a kind, those of a company on top."""
        rules = self.kinds.get(kind, self.default)
        own = rules.companies.get(company) if company and isinstance(rules, KindReading) else None
        given: Mapping[str, object] = {} if own is None else {k: v for k, v in own if v is not None}
        return rules.model_copy(update=dict(given)) if given else rules
