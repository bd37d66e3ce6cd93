"""Lines of purchase orders with releases and receipts (Epicor reference, §8.5; Basware API reference, §8.12). Pure.

The line's own table spells its order PONUM, all others PONum.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from masterdata_sync.kind import Condition, Detail, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.kinds import orders
from masterdata_sync.members import checked, day, external_code, given, number, plain, text
from mlc_basware.targets import ORDER_LINES
from mlc_common.masterdata_kinds import Orders

PER = {"E": 1, "C": 100, "M": 1000}
"""What a unit cost is for, by CostPerCode: each, hundred, thousand."""

CODED = frozenset({"accountCode", "costCenterCode", "projectCode", *(f"dimCode{number}" for number in range(1, 6))})
LONGEST_PRODUCT = 250
LONGEST_DESCRIPTION = 1000
_CENT = Decimal("0.01")

ORDER = Detail(
    name="order",
    source=Source(
        service="Erp.BO.POSvc",
        entity_set="POes",
        table="POHeader",
        key=("PONum",),
        columns=("PONum", "ApprovalStatus", "VoidOrder", "CurrencyCode"),
        changed="ChangeDate",
    ),
    on=("PONum",),
)
RELEASES = Detail(
    name="releases",
    source=Source(
        service="Erp.BO.POSvc",
        entity_set="PORels",
        table="PORel",
        key=("PONum", "POLine", "PORelNum"),
        columns=("PONum", "POLine", "PORelNum", "RelQty", "VoidRelease", "DueDate", "DispGLAcct", "ProjectID"),
    ),
    on=("PONum", "POLine"),
)
RECEIPTS = Detail(
    name="receipts",
    source=Source(
        service="Erp.BO.ReceiptSvc",
        entity_set="RcvDtls",
        table="RcvDtl",
        key=("VendorNum", "PurPoint", "PackSlip", "PackLine"),
        columns=(
            *("VendorNum", "PurPoint", "PackSlip", "PackLine", "PONum", "POLine", "PORelNum", "VendorQty", "Received"),
            *("ReceiptDate", "PUM", "ChangeDate"),
        ),
        changed="ChangeDate",
    ),
    on=("PONum", "POLine"),
)


def kind(rules: Orders, *, needs: tuple[str, ...] = ("order",)) -> Kind:
    """The lines of orders that Basware has."""
    return Kind(
        name="order_line",
        source=Source(
            service="Erp.BO.POSvc",
            entity_set="PODetails",
            table="PODetail",
            key=("PONUM", "POLine"),
            columns=(
                *("PONUM", "POLine", "OpenLine", "VoidLine", "PartNum", "VenPartNum", "LineDesc", "OrderQty", "PUM"),
                *("DocUnitCost", "CostPerCode", "DocExtCost", "DueDate", "ChangeDate"),
            ),
            changed="ChangeDate",
            where=(Condition("OpenLine", "eq", True),),
        ),
        details=(ORDER, RELEASES, RECEIPTS),
        target=ORDER_LINES,
        needs=needs,
        code=code,
        translate=partial(translate, rules=rules),
        retire=retire,
    )


def code(row: Row) -> str:
    """Order and line."""
    return f"{text(row, 'PONUM')}/{text(row, 'POLine')}"


def retire(entity: Entity) -> Entity:
    """The line, closed; it is not deleted, for an invoice may still come."""
    return entity | {"isClosed": True}


def translate(row: Row, owner: Owner, *, rules: Orders) -> Entity | Untranslatable:
    """The complete line with all its receipts."""
    order = next(iter(row.get("order", ())), None)
    if order is None:
        return Untranslatable(code(row), "its order was not found")
    refused = orders.refusal(order)
    if refused is not None:
        return Untranslatable(code(row), refused.reason, left_out=True)
    per = PER.get(text(row, "CostPerCode") or "E")
    if per is None:
        return Untranslatable(code(row), f"the cost is per {text(row, 'CostPerCode')}, which is not known")
    price = plain(number(row, "DocUnitCost") / per)
    currency = text(order, "CurrencyCode")
    entity = given(
        {
            "externalCode": _key(row, owner),
            "orderExternalCode": orders.key_of(owner, text(row, "PONUM")),
            "lineNumber": text(row, "POLine"),
            "sortNumber": int(number(row, "POLine")),
            "quantity": number(row, "OrderQty"),
            "netPrice": price,
            "netSum": number(row, "DocExtCost"),
            "currencyCode": owner.currencies.get(currency, currency),
            "matchingMode": "Standard",
            "isReceiptRequired": rules.receipts,
            "isReceiptBasedMatching": rules.receipts,
            "isClosed": not row.get("OpenLine", True),
            "isDeleted": bool(row.get("VoidLine")),
            "uom": text(row, "PUM"),
            "priceUnit": text(row, "PUM"),
            "productCode": text(row, "VenPartNum", LONGEST_PRODUCT) or text(row, "PartNum", LONGEST_PRODUCT),
            "buyerProductCode": text(row, "PartNum", LONGEST_PRODUCT),
            "description": text(row, "LineDesc", LONGEST_DESCRIPTION),
            "requestedDeliveryDate": day(row, "DueDate"),
            "orderLineCoding": list(_coding(row, owner)) if rules.coding else [],
            "goodsReceipts": list(_receipts(row, owner, price)) if rules.receipts else [],
        }
    )
    return checked(ORDER_LINES, code(row), entity)


def _key(row: Row, owner: Owner) -> str:
    return external_code(owner.company, f"PO_{text(row, 'PONUM')}_{text(row, 'POLine')}")


def _coding(row: Row, owner: Owner) -> Iterator[Entity]:
    """A share for every release, when its account falls into as many values as the connection has segments."""
    for release in row.get("releases", ()):
        values = text(release, "DispGLAcct").split("-")
        if release.get("VoidRelease") or len(values) != len(owner.segments) or not number(release, "RelQty"):
            continue
        place = text(release, "PORelNum")
        coded = {member: value for member, value in zip(owner.segments, values, strict=True) if member in CODED}
        yield {
            "externalCode": external_code(owner.company, f"PO_{text(row, 'PONUM')}_{text(row, 'POLine')}_C{place}"),
            "rowIndex": int(number(release, "PORelNum")),
            "allocatedQuantity": number(release, "RelQty"),
        } | coded


def _receipts(row: Row, owner: Owner, price: Decimal) -> Iterator[Entity]:
    """What has come for the line; goods that have arrived without being received do not count yet."""
    for receipt in row.get("receipts", ()):
        if receipt.get("Received") is False:
            continue
        slip, place = text(receipt, "PackSlip"), text(receipt, "PackLine")
        whose = f"{text(receipt, 'VendorNum')}_{text(receipt, 'PurPoint')}"
        quantity = number(receipt, "VendorQty")
        yield given(
            {
                "externalCode": external_code(owner.company, f"GR_{whose}_{slip}_{place}"),
                "goodsReceiptNumber": slip,
                "goodsReceiptLineNumber": place,
                "quantity": quantity,
                "netPrice": price,
                "netSum": plain((quantity * price).quantize(_CENT, ROUND_HALF_UP)),
                "unitOfMeasure": text(receipt, "PUM"),
                "deliveryDate": day(receipt, "ReceiptDate"),
                "deliveryNoteNumber": slip,
                "isDeleted": False,
            }
        )
