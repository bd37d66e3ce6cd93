"""The record types of Basware's master data: where each is posted and how many at once. Pure.

Basware API reference, §7 (limits) and §8 (schemas).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One record type.

    Args:
        path: below the API's address, for example `/v1/vendors`.
        entity_type: its name in request statuses and error feedbacks.
        most: records Basware takes in one request.
        scope: the API's name in OAuth2 scopes; `.read` and `.write` follow.
    """

    path: str
    entity_type: str
    most: int
    scope: str


VENDORS = Target("/v1/vendors", "Vendor", 200, "vendors")
ACCOUNTS = Target("/v1/accounts", "Account", 500, "accounts")
COST_CENTRES = Target("/v1/costCenters", "CostCenter", 500, "costCenters")
PROJECTS = Target("/v2/projects", "Project", 500, "projects")
TAX_CODES = Target("/v1/taxCodes", "TaxCode", 500, "taxCodes")
PAYMENT_TERMS = Target("/v1/paymentTerms", "PaymentTerm", 500, "paymentTerms")
EXCHANGE_RATES = Target("/v1/exchangeRates", "ExchangeRate", 500, "exchangeRates")
ORDERS = Target("/v1/matchingOrders", "MatchingOrder", 500, "matchingOrders")
ORDER_LINES = Target("/v1/matchingOrderLines", "MatchingOrderLine", 100, "matchingOrderLines")


def generic_list(key: str) -> Target:
    """The list `key`, for example ACC_LIST_5."""
    return Target(f"/v1/lists/{key}", "GenericList", 500, "lists")
