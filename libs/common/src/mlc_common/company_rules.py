"""Company pairs and look-up tables: which Epicor company and which codes a Basware code means. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, model_validator

from mlc_common.far_side_names import KnownNames, RowMember
from mlc_common.posting_rules import PostingOverrides
from mlc_common.section import Place, Section, located


class LookUpRow(Section):
    """One line of a look-up table: a Basware value and the Epicor value it means, for some days and companies.

    `companies` are Basware company codes; none means all. A row that names the company goes before one that does not.
    """

    given: str = Field(
        alias="from", min_length=1, description="the Basware value; case and blanks at its ends do not count"
    )
    to: str = Field(description="the Epicor value; empty leaves the place blank")
    valid_from: date | None = Field(default=None, description="first day, of the apply date; none means always")
    valid_to: date | None = Field(default=None, description="last day, of the apply date; none means for ever")
    companies: tuple[str, ...] = Field(default=(), description="Basware company codes it is for; none means all")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.first > self.last:
            raise ValueError("valid_to is before valid_from")
        return self

    @property
    def first(self) -> date:
        """The first day it is valid on."""
        return self.valid_from or date.min

    @property
    def last(self) -> date:
        """The last day it is valid on."""
        return self.valid_to or date.max


class LookUpTable(Section):
    """A look-up table; what stands in no row is kept, refused, or becomes `default`."""

    rows: tuple[LookUpRow, ...] = Field(max_length=50_000, description="at most one a value, company and day")
    otherwise: Literal["keep", "refuse", "default"] = Field(default="keep", description="what stands in no row")
    default: str | None = Field(default=None, description="what stands in no row becomes, when otherwise is `default`")

    def rows_for(self, value: str) -> tuple[LookUpRow, ...]:
        """The rows of a Basware value, compared as Epicor compares codes: without case and blanks at the ends."""
        return self._by_value.get(_key(value), ())

    @cached_property
    def _by_value(self) -> Mapping[str, tuple[LookUpRow, ...]]:
        found: dict[str, list[LookUpRow]] = {}
        for row in self.rows:
            found.setdefault(_key(row.given), []).append(row)
        return {value: tuple(rows) for value, rows in found.items()}

    @model_validator(mode="after")
    def _default_is_named(self) -> Self:
        if (self.otherwise == "default") != (self.default is not None):
            raise ValueError("name default exactly when otherwise is `default`")
        return self

    @model_validator(mode="after")
    def _one_row_a_day(self) -> Self:
        mistakes = list(_two_at_once(self.rows))
        if mistakes:
            raise located("LookUpTable", mistakes)
        return self


def _key(value: str) -> str:
    return value.strip().casefold()


def _two_at_once(rows: tuple[LookUpRow, ...]) -> Iterator[tuple[Place, object, str]]:
    """Rows that say a value a second time on one day, for one company or for all that none names."""
    last: dict[tuple[str, str], tuple[date, int]] = {}
    told = set()
    for number, row in sorted(enumerate(rows), key=lambda each: (each[1].first, each[0])):
        for company in set(row.companies) or {""}:
            key = (_key(row.given), company)
            until, other = last.get(key, (None, 0))
            if until is not None and row.first <= until and number not in told:
                told.add(number)
                whose = f"company {company}" if company else "every company"
                allowed = f"rows[{other}] has it for {whose} on some of the same days; keep one row a day"
                yield ("rows", number, "from"), row.given, allowed
            if until is None or row.last > until:
                last[key] = (row.last, number)


class Segment(Section):
    """One segment of the GL account, in the chart's physical order: taken from a coding-row field, or constant."""

    field: RowMember | None = Field(
        default=None, description="coding-row field, in Basware's spelling: accountCode, dimCode1, text1"
    )
    constant: str | None = Field(default=None, description="the same value in every account")
    default: str | None = Field(
        default=None, description="Epicor's value when the coding row leaves the field empty; it is looked up nowhere"
    )
    table: str | None = Field(default=None, description="look-up table the field goes through, before padding")
    pad_to: int = Field(default=0, ge=0, le=50, description="left-pad with zeros to this length")
    dynamic: bool = Field(
        default=False, description="a dynamic segment: it stands in SegValueN only, not in the GL account itself"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.field is None) == (self.constant is None):
            raise ValueError("a segment has either a field or a constant")
        return self

    @model_validator(mode="after")
    def _a_constant_stands_alone(self, info: ValidationInfo) -> Self:
        """Asked when a file is applied only: in a version stored before, the constant was taken all the same."""
        more = self.table or self.default is not None or self.pad_to
        if self.constant is not None and more and isinstance(info.context, KnownNames):
            raise ValueError("a constant is taken as it stands: leave out table, default and pad_to")
        return self


Codes = dict[Annotated[str, Field(min_length=1)], str]


class CompanyPair(Section):
    """One Basware company and the Epicor company its invoices are posted in."""

    basware: str = Field(min_length=1, max_length=32, description="Basware's companyCode")
    epicor: str = Field(min_length=1, max_length=8, description="Epicor's Company")
    currency: str = Field(min_length=3, max_length=3, description="base currency of the Epicor company")
    chart: str = Field(default="MAIN", description="Epicor's chart of accounts (COACode)")
    book: str = Field(default="MAIN", description="Epicor's main book (BookID)")
    segments: tuple[Segment, ...] = Field(
        min_length=1, max_length=20, description="segments of the GL account, in the chart's physical order"
    )
    rate_code: str = Field(default="STD", description="Epicor tax rate code for taxes as Basware gave them")
    tax_region: str | None = Field(
        default=None, description="Epicor tax liability (TaxRegionCode) of every invoice; none leaves the vendor's"
    )
    tax_codes: Codes = Field(default_factory=dict, description="Basware tax code -> Epicor tax code, if different")
    tax_categories: Codes = Field(
        default_factory=dict,
        description="Basware tax code -> Epicor tax category (TaxCatID) of a line, where Epicor computes the tax",
    )
    terms: Codes = Field(default_factory=dict, description="Basware payment term -> Epicor terms, if different")
    currencies: Codes = Field(default_factory=dict, description="Basware currency -> Epicor currency, if different")
    posting: PostingOverrides = Field(
        default=PostingOverrides(), description="rules of `posting` that are different in this company"
    )
