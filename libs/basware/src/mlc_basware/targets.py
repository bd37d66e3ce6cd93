"""The record types of Basware's master data: where each is posted, how many at once, and what it may hold. Pure.

Basware API reference, §7 (limits) and §8 (schemas).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mlc_basware.masterdata import Account, CostCentre, ExchangeRate, PaymentTerm, Project, Record, TaxCode, Vendor
from mlc_basware.masterdata_orders import ListItem, Order, OrderLine, fits
from mlc_common.masterdata_kinds import Kinds

_WORDS = {
    "missing": "it is missing",
    "string_too_long": "it has more than {max_length} characters",
    "string_too_short": "it has fewer than {min_length} characters",
    "greater_than": "it is not above {gt}",
    "string_pattern_mismatch": "it has another form than Basware takes",
}


@dataclass(frozen=True)
class Target:
    """One record type.

    Args:
        path: below the API's address, for example `/v1/vendors`.
        entity_type: its name in request statuses and error feedbacks.
        most: records Basware takes in one request.
        scope: the API's name in OAuth2 scopes; `.read` and `.write` follow.
        envelope: the member that holds the records of a list.
        model: what a record may hold.
        list_key: of a generic list.
    """

    path: str
    entity_type: str
    most: int
    scope: str
    envelope: str
    model: type[Record]
    list_key: str | None = None

    def objection(self, entity: Mapping[str, Any]) -> str | None:
        """Why Basware would not take the record, as one sentence without its values, or None."""
        try:
            self.model.model_validate(entity)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            said = _WORDS.get(first["type"], "{msg}").format(**first.get("ctx", {}), msg=first["msg"])
            return f"{where}: {said}" if where else said
        return None if self.list_key is None else fits(self.list_key, entity)


VENDORS = Target("/v1/vendors", "Vendor", 200, "vendors", "vendorEntities", Vendor)
ACCOUNTS = Target("/v1/accounts", "Account", 500, "accounts", "accounts", Account)
COST_CENTRES = Target("/v1/costCenters", "CostCenter", 500, "costCenters", "costCenters", CostCentre)
PROJECTS = Target("/v2/projects", "Project", 500, "projects", "projects", Project)
TAX_CODES = Target("/v1/taxCodes", "TaxCode", 500, "taxCodes", "taxCodes", TaxCode)
PAYMENT_TERMS = Target("/v1/paymentTerms", "PaymentTerm", 500, "paymentTerms", "paymentTerms", PaymentTerm)
EXCHANGE_RATES = Target("/v1/exchangeRates", "ExchangeRate", 500, "exchangeRates", "exchangeRates", ExchangeRate)
ORDERS = Target("/v1/matchingOrders", "MatchingOrder", 500, "matchingOrders", "matchingOrders", Order)
ORDER_LINES = Target(
    "/v1/matchingOrderLines", "MatchingOrderLine", 100, "matchingOrderLines", "matchingOrderLines", OrderLine
)


def generic_list(key: str) -> Target:
    """The list `key`, for example ACC_LIST_5."""
    return Target(f"/v1/lists/{key}", "GenericList", 500, "lists", "listItems", ListItem, list_key=key)


def target_of(kinds: Kinds, name: str) -> Target | None:
    """Where the records of a connection's kind go, or None when it has no such kind."""
    fixed = {
        "vendor": VENDORS,
        "account": ACCOUNTS,
        "project": PROJECTS,
        "tax_code": TAX_CODES,
        "payment_term": PAYMENT_TERMS,
        "exchange_rate": EXCHANGE_RATES,
        "order": ORDERS,
        "order_line": ORDER_LINES,
    }
    dimension = kinds.dimensions.get(name)
    if dimension is None:
        return fixed.get(name)
    return {"costCenters": COST_CENTRES, "projects": PROJECTS}.get(dimension.to) or generic_list(dimension.to)
