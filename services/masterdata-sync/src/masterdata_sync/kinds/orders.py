"""Headers of open, approved purchase orders (Epicor reference, §8.5, POHeader; Basware API reference, §8.12). Pure."""

from __future__ import annotations

from functools import partial

from masterdata_sync.kind import Condition, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import checked, day, external_code, given, text
from mlc_basware.targets import ORDERS
from mlc_common.masterdata_kinds import Orders

APPROVED = "A"
LONGEST_TYPE = 25
LONGEST_SUPPLIER_NAME = 250


def kind(rules: Orders, *, needs: tuple[str, ...] = ()) -> Kind:
    """The headers; lines are a kind of their own, which needs this one."""
    return Kind(
        name="order",
        source=Source(
            service="Erp.BO.POSvc",
            entity_set="POes",
            table="POHeader",
            key=("PONum",),
            columns=(
                *("PONum", "OrderDate", "OpenOrder", "VoidOrder", "ApprovalStatus", "VendorNum", "VendorVendorID"),
                *("VendorName", "TermsCode", "CurrencyCode", "POType", "DueDate", "ChangeDate"),
            ),
            changed="ChangeDate",
            where=(
                Condition("OpenOrder", "eq", True),
                Condition("VoidOrder", "eq", False),
                Condition("ApprovalStatus", "eq", APPROVED),
            ),
        ),
        details=(),
        target=ORDERS,
        needs=needs,
        code=code,
        translate=partial(translate, rules=rules),
        retire=retire,
    )


def code(row: Row) -> str:
    """The order's number."""
    return text(row, "PONum")


def key_of(owner: Owner, number: str) -> str:
    """The header's key in Basware, which its lines name."""
    return external_code(owner.company, f"PO_{number}")


def retire(entity: Entity) -> Entity:
    """The order, closed."""
    return entity | {"isClosed": True}


def refusal(row: Row) -> Untranslatable | None:
    """Why an order is not for Basware (Epicor reference, §8.5): it is not approved, or void."""
    if text(row, "ApprovalStatus") != APPROVED:
        return Untranslatable(code(row), "the order is not approved", left_out=True)
    return Untranslatable(code(row), "the order is void", left_out=True) if row.get("VoidOrder") else None


def translate(row: Row, owner: Owner, *, rules: Orders) -> Entity | Untranslatable:
    """The complete header."""
    refused = refusal(row)
    if refused is not None:
        return refused
    terms, currency = text(row, "TermsCode"), text(row, "CurrencyCode")
    entity = given(
        {
            "externalCode": key_of(owner, code(row)),
            "orderNumber": code(row),
            "sourceSystem": owner.source_system,
            "companyCode": owner.company,
            "organizationElementCode": rules.units.get(owner.company, owner.company),
            "orderTypeCode": text(row, "POType", LONGEST_TYPE),
            "currencyCode": owner.currencies.get(currency, currency),
            "created": day(row, "OrderDate"),
            "isClosed": not row.get("OpenOrder", True),
            "supplierCode": text(row, "VendorVendorID"),
            "supplierName": text(row, "VendorName", LONGEST_SUPPLIER_NAME),
            "requestedDeliveryDate": day(row, "DueDate"),
            "paymentTermCode": owner.terms.get(terms, terms),
        }
    )
    return checked(ORDERS, code(row), entity)
