"""Which of Epicor's master data Basware gets, and how it is told. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mlc_common.section import Place, Section, located

_LISTS = (("ACC_LIST_", 35), ("INV_LIST_", 20), ("CUST_RESOLVER_", 5))
LIST_KEYS = frozenset(f"{name}{number}" for name, last in _LISTS for number in range(1, last + 1))
PLAIN_TARGETS = frozenset({"costCenters", "projects"})
TAKEN_NAMES = frozenset(
    {"vendor", "account", "payment_term", "tax_code", "project", "exchange_rate", "order", "order_line"}
)


def _plain_words(value: Any) -> Any:
    """YAML reads `off` as false and `on` as true."""
    if value in (False, "off"):
        return "off"
    return {} if value in (True, "on") else value


def _target(name: str) -> str:
    if name not in LIST_KEYS | PLAIN_TARGETS:
        raise ValueError("give costCenters, projects, or a list: ACC_LIST_1 to 35, INV_LIST_1 to 20, CUST_RESOLVER_1-5")
    return name


def _free(name: str) -> str:
    if name in TAKEN_NAMES:
        raise ValueError(f"`{name}` is a kind of its own; call the dimension otherwise")
    return name


class BankAccounts(Section):
    """Bank accounts of vendors (VendBank); a changed one is sent when a person has approved it."""

    approve_first: bool = Field(
        default=True,
        description="a vendor that Basware has not been sent yet goes without bank accounts until they are approved; "
        "false sends its first ones with it",
    )


class Vendors(Section):
    """Vendors, with postal address, terms, currency, tax ids and contacts."""

    contacts: bool = Field(default=False, description="the vendor's people too, by their e-mail (VendCnt)")
    currency: bool = Field(
        default=False, description="the vendor's currency; it has to be active in P2P, else P2P refuses the vendor"
    )
    payment_means: dict[str, Annotated[str, Field(min_length=1, max_length=25)]] = Field(
        default_factory=dict, description="Epicor payment method (PMUID) -> code of the payment means in P2P"
    )
    other_payment_means: Annotated[str, Field(min_length=1, max_length=25)] = Field(
        default="DEFAULT", description="code of the payment means of a vendor whose method is not listed"
    )
    tax_identifier: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="identifier key in P2P that takes TaxPayerID; none sends no tax id"
    )
    registration_identifier: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="identifier key in P2P that takes OrgRegCode; none sends no such number"
    )
    ordering: Literal["left alone", "none", "email"] = Field(
        default="left alone", description="how purchase orders reach vendors, unless P2P keeps that itself"
    )
    bank_accounts: Annotated[Literal["off"] | BankAccounts, BeforeValidator(_plain_words)] = Field(
        default="off", description="`on` sends them too, changed ones after a person's approval"
    )


class Accounts(Section):
    """Accounts: the values of the natural account's segment, or whole GL accounts."""

    of: Literal["segment values", "gl accounts"] = Field(
        default="segment values", description="what an account in Basware is"
    )
    segment: int = Field(default=1, ge=1, le=20, description="the natural account's SegmentNbr in Epicor")


class Dimension(Section):
    """Values of one segment of the chart: where they go in Basware."""

    segment: int = Field(ge=1, le=20, description="SegmentNbr in Epicor")
    to: Annotated[str, AfterValidator(_target)] = Field(description="costCenters, projects or the key of a list")
    code_column: int = Field(default=1, ge=1, le=25, description="text column of a list that takes the code")
    name_column: int = Field(default=2, ge=1, le=25, description="text column of a list that takes the name")


class Rates(Section):
    """Exchange rates."""

    rate_group: str = Field(default="MAIN", min_length=1, description="Epicor's RateGrpCode whose rates are sent")
    since: date | None = Field(default=None, description="rates of earlier days are left out")
    quoted: Literal["target per source", "source per target"] = Field(
        default="target per source", description="what Epicor's CurrentRate counts; see it on one pair before you start"
    )


class Orders(Section):
    """Open, approved purchase orders with lines, releases and receipts."""

    units: dict[str, Annotated[str, Field(min_length=2, max_length=25)]] = Field(
        default_factory=dict,
        description="Basware company -> organizationElementCode that decides who sees its orders; the company itself "
        "where none is named",
    )
    receipts: bool = Field(default=True, description="an invoice is matched with what was received")
    coding: bool = Field(default=True, description="send the GL account of a release as the line's coding")


DimensionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$"), AfterValidator(_free)]


class Kinds(Section):
    """What is imported into Basware. A kind that is not named is not read; `true` takes it as it comes."""

    vendors: Vendors | None = Field(default=Vendors(), description="null leaves vendors out")
    payment_terms: bool = Field(default=False, description="purchasing terms (PurTerms)")
    tax_codes: bool = Field(default=False, description="tax codes with the percentage of the company's rate_code")
    accounts: Accounts | None = Field(default=None, description="the chart's accounts")
    dimensions: dict[DimensionName, Dimension] = Field(
        default_factory=dict, description="further segments, by a name of your own: cost_center, department"
    )
    projects: bool = Field(default=False, description="Epicor's projects")
    exchange_rates: Rates | None = Field(default=None, description="currency exchange rates")
    orders: Orders | None = Field(default=None, description="open purchase orders, for matching in Basware")
    gate_posting: bool = Field(
        default=False,
        description="an invoice waits while a code of it is on its way to Basware; one that Epicor does not know is "
        "refused with the record's history",
    )

    @model_validator(mode="after")
    def _one_kind_a_target(self) -> Self:
        """Two kinds in one record type would overwrite each other's records of the same code."""
        taken = {"projects"} if self.projects else set()
        mistakes: list[tuple[Place, object, str]] = []
        for name, dimension in self.dimensions.items():
            if dimension.to in taken:
                mistakes.append((("dimensions", name, "to"), dimension.to, "another kind goes there already"))
            if dimension.code_column == dimension.name_column:
                mistakes.append((("dimensions", name, "name_column"), dimension.name_column, "the code stands there"))
            taken.add(dimension.to)
        if mistakes:
            raise located("Kinds", mistakes)
        return self

    def scopes(self) -> Iterator[str]:
        """The APIs of Basware that are written, by their names in OAuth2 scopes."""
        on = {
            "vendors": self.vendors,
            "paymentTerms": self.payment_terms,
            "taxCodes": self.tax_codes,
            "accounts": self.accounts,
            "projects": self.projects,
            "exchangeRates": self.exchange_rates,
            "matchingOrders": self.orders,
            "matchingOrderLines": self.orders,
        }
        yield from (name for name, wanted in on.items() if wanted)
        targets = {dimension.to for dimension in self.dimensions.values()}
        yield from sorted({name if name in PLAIN_TARGETS else "lists" for name in targets} - {n for n in on if on[n]})
