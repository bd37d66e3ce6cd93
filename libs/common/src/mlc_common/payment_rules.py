"""Whether and how Epicor's payments are watched and told to Basware: the connection's rules. Pure."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlc_common.section import Section

Column = Annotated[str, Field(pattern=r"^\w{1,100}$")]


class PaymentBaq(Section):
    """A BAQ that returns one row for every AP transaction (APTran), joined with its payment (CheckHed)."""

    id: str = Field(pattern=r"^[\w-]{1,100}$", description="the BAQ's id; it is shared, and in the API key's scope")
    since: Column = Field(default="LastChange", description="its parameter: rows with ChangeDate from this instant on")
    columns: dict[Column, Column] = Field(
        default_factory=dict,
        description="APTran.<column> or CheckHed.<column> as `APTran_X` -> the BAQ's own name for it, where different",
    )


class Payments(Section):
    """What is done when Epicor pays.

    Of each invoice the whole picture is read anew whenever one of its transactions has changed, and now and then
    without an occasion, since a void comes later and may not show as a change.
    """

    mode: Literal["off", "follow"] = Field(default="off", description="whether payments are watched and told")
    read: Literal["APTranSearches", "APTrans", "GetRows", "BAQ"] = Field(
        default="APTranSearches",
        description="where transactions are read: one of two entity sets, the search service's GetRows, or a BAQ",
    )
    baq: PaymentBaq | None = Field(default=None, description="the BAQ, when `read` is BAQ")
    minutes: float = Field(default=15, gt=0, le=1440, description="between two looks for changed transactions")
    overlap_minutes: float = Field(
        default=10,
        ge=0,
        le=100_000,
        description="how far before the newest change seen the next look begins; 1500 where ChangeDate is a day only",
    )
    date_literal: Literal["probed", "local", "zoned"] = Field(
        default="probed", description="how a filter writes an instant: 2026-01-31T08:00:00, or the same with Z"
    )
    look_again_hours: float = Field(
        default=24, gt=0, le=1000, description="between two looks at an invoice that nobody announced"
    )
    days_after_paid: float = Field(
        default=90, ge=0, le=3650, description="how long a settled invoice is still looked at without an occasion"
    )
    others: Literal["no", "external id"] = Field(
        default="no",
        description="invoices that this product did not post: left alone, or followed where ExternalID is a Basware id",
    )

    @model_validator(mode="after")
    def _baq_is_named(self) -> Self:
        if (self.read == "BAQ") != (self.baq is not None):
            raise ValueError("name `baq` exactly when `read` is BAQ")
        return self
