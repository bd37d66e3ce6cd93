"""Company pairs and look-up tables: which Epicor company and which codes a Basware code means. Pure."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlc_common.posting_rules import PostingOverrides
from mlc_common.section import Section


class LookUpRow(Section):
    """One line of a look-up table: a Basware value and the Epicor value it means, for some days and companies.

    `companies` are Basware company codes; none means all. A row that names the company goes before one that does not.
    """

    given: str = Field(alias="from", min_length=1)
    to: str
    valid_from: date | None = Field(default=None, description="first day, of the apply date; none means always")
    valid_to: date | None = Field(default=None, description="last day, of the apply date; none means for ever")
    companies: tuple[str, ...] = ()


class LookUpTable(Section):
    """A look-up table; what stands in no row is kept, refused, or becomes `default`."""

    rows: tuple[LookUpRow, ...] = Field(max_length=50_000)
    otherwise: Literal["keep", "refuse", "default"] = "keep"
    default: str | None = None

    @model_validator(mode="after")
    def _default_is_named(self) -> Self:
        if (self.otherwise == "default") != (self.default is not None):
            raise ValueError("name default exactly when otherwise is `default`")
        return self


class Segment(Section):
    """One segment of the GL account, in the chart's physical order: taken from a coding-row field, or constant."""

    field: str | None = Field(
        default=None, description="coding-row field, in Basware's spelling: accountCode, dimCode1, text1"
    )
    constant: str | None = None
    default: str | None = Field(default=None, description="used when the coding row leaves the field empty")
    table: str | None = Field(default=None, description="look-up table the value goes through, before padding")
    pad_to: int = Field(default=0, ge=0, le=50, description="left-pad with zeros to this length")
    dynamic: bool = Field(
        default=False, description="a dynamic segment: it stands in SegValueN only, not in the GL account itself"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.field is None) == (self.constant is None):
            raise ValueError("a segment has either a field or a constant")
        return self


Codes = dict[Annotated[str, Field(min_length=1)], str]


class CompanyPair(Section):
    """One Basware company and the Epicor company its invoices are posted in."""

    basware: str = Field(min_length=1, max_length=32)
    epicor: str = Field(min_length=1, max_length=8)
    currency: str = Field(min_length=3, max_length=3, description="base currency of the Epicor company")
    chart: str = "MAIN"
    book: str = "MAIN"
    segments: tuple[Segment, ...] = Field(min_length=1, max_length=20)
    rate_code: str = Field(default="STD", description="Epicor tax rate code for taxes as Basware gave them")
    tax_region: str | None = Field(
        default=None, description="Epicor tax liability (TaxRegionCode) of every invoice; none leaves the vendor's"
    )
    tax_codes: Codes = Field(default_factory=dict, description="Basware tax code -> Epicor tax code, if different")
    terms: Codes = Field(default_factory=dict, description="Basware payment term -> Epicor terms, if different")
    currencies: Codes = Field(default_factory=dict, description="Basware currency -> Epicor currency, if different")
    posting: PostingOverrides = Field(
        default=PostingOverrides(), description="rules of `posting` that are different in this company"
    )
