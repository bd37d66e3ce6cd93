"""What Epicor knows about the codes of one accounting document, as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from epicor_writer.codes import same_key as same_key
from epicor_writer.orders import Order


@dataclass(frozen=True)
class Vendor:
    """A supplier: `num` is Epicor's key, `vendor_id` the code people use, `terms` its own payment terms (may be "").

    `on_hold`: Epicor pays it nothing for now.
    """

    num: int
    vendor_id: str
    terms: str = ""
    inactive: bool = False
    on_hold: bool = False


@dataclass(frozen=True)
class Account:
    """A GL account and when it may be posted to."""

    active: bool = True
    first: date | None = None
    last: date | None = None

    def open_on(self, day: date | None) -> bool:
        """Whether it takes postings on this day; without a day, whether it is active at all."""
        return self.active and (day is None or ((self.first or day) <= day <= (self.last or day)))


@dataclass(frozen=True)
class Wanted:
    """The codes to look up in one Epicor company; `accounts` in internal form, as 6100|10|200.

    `validate_on`: the apply date for which Epicor shall validate the accounts as well; None asks it nothing.
    """

    company: str
    chart: str
    vendor_id: str
    accounts: frozenset[str] = frozenset()
    taxes: frozenset[str] = frozenset()
    terms: frozenset[str] = frozenset()
    validate_on: date | None = None
    orders: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reference:
    """What was found; keys as `same_key` makes them. `invalid`: what Epicor says against an account, by account."""

    vendor: Vendor | None = None
    accounts: Mapping[str, Account] = field(default_factory=dict)
    taxes: frozenset[str] = frozenset()
    terms: frozenset[str] = frozenset()
    invalid: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[int, Order] = field(default_factory=dict)
