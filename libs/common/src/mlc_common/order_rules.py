"""How rows of purchase orders are posted: the section `posting.orders`. Pure."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlc_common.far_side_names import RowMember
from mlc_common.rule_values import Action
from mlc_common.section import Section

Percent = Annotated[Decimal, Field(ge=0, le=100)]
Absolute = Annotated[Decimal, Field(ge=0, le=Decimal(1_000_000))]


class Unmatched(StrEnum):
    """What to do with a row that cannot become a line of its order.

    `expense` enters it as a plain expense line on the row's own account, `hold` does the same and enters the invoice on
    hold, so that nobody can pay it before a person has released it in Epicor.
    """

    EXPENSE = "expense"
    HOLD = "hold"
    REFUSE = "refuse"


class Tolerance(Section):
    """How far an invoice may be from its order; each limit that is named is kept, and 0 percent is the default."""

    percent: Percent | None = Field(default=None, description="of what the order says")
    absolute: Absolute | None = Field(default=None, description="in the order's unit, or in invoice currency a line")
    action: Action = Field(default=Action.HOLD, description="for what is beyond it")

    def accepts(self, difference: Decimal, *, expected: Decimal) -> bool:
        """Whether a difference, in either direction, is within every limit that is named."""
        limits = [] if self.absolute is None else [self.absolute]
        if self.percent is not None or not limits:
            limits.append(abs(expected) * (self.percent or Decimal(0)) / 100)
        return abs(difference) <= min(limits)


Unit = Annotated[str, Field(min_length=1)]


class Orders(Section):
    """How coding rows that name a purchase order are posted: as lines of that order, or not at all."""

    receipts: Literal["as named", "first"] = Field(
        default="as named",
        description="which rows are invoiced from goods receipts: those that name one, or all as far as there are "
        "uninvoiced receipts, the oldest first",
    )
    unnamed_receipts: Action = Field(
        default=Action.HOLD, description="a row names no receipt, but its order line has uninvoiced ones"
    )
    account: Literal["row", "epicor"] = Field(
        default="row", description="whose account a line gets: the row's if it carries one, or always the order's"
    )
    release_member: RowMember | None = Field(
        default=None, description="coding-row member that holds the release number; none lets the rule choose"
    )
    units: dict[Unit, Unit] = Field(default_factory=dict, description="Basware unit -> Epicor unit, if different")
    quantity: Tolerance = Field(
        default=Tolerance(), description="more is invoiced than was received, or than is left of the order"
    )
    price: Tolerance = Field(default=Tolerance(), description="another price than the order's, in either direction")
    unknown: Unmatched = Field(
        default=Unmatched.REFUSE, description="no order or line that Epicor knows, or no quantity"
    )
    several: Unmatched = Field(default=Unmatched.REFUSE, description="one row names several orders")
    other_vendor: Unmatched = Field(default=Unmatched.REFUSE, description="the order is another supplier's")
    not_open: Unmatched = Field(
        default=Unmatched.REFUSE, description="the order, its line or its release is closed, void or not approved"
    )
    credit_notes: Unmatched = Field(
        default=Unmatched.HOLD, description="a credit note, or a row of less than nothing, that names an order"
    )
    header_only: Unmatched = Field(
        default=Unmatched.REFUSE, description="the document names orders, but none of its coding rows does"
    )

    @model_validator(mode="after")
    def _release_is_no_order(self) -> Self:
        if self.release_member in ("orderNumber", "orderLineNumber"):
            raise ValueError("release_member names another member than order and line")
        return self
