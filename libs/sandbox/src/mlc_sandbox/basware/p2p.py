"""What P2P makes of a record that the API took: saved, skipped as unchanged, refused, or silently lost. Pure.

The API's own check is of form only; what a record means is looked at here (Basware API reference, §§7-9).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlc_sandbox.faults import Fault

Held = dict[str, dict[str, dict[str, Any]]]

_COLUMNS = (
    ("ACC_LIST_", 1, 10, (5, 250, 3, 0)),
    ("ACC_LIST_", 11, 20, (5, 50, 3, 0)),
    ("ACC_LIST_", 21, 30, (10, 250, 5, 5)),
    ("ACC_LIST_", 31, 35, (25, 250, 10, 10)),
    ("INV_LIST_", 1, 10, (5, 250, 0, 0)),
    ("INV_LIST_", 11, 20, (10, 250, 5, 5)),
    ("CUST_RESOLVER_", 1, 5, (15, 250, 15, 15)),
)
"""Lists from and to a number: text columns, characters in one, numbers, dates."""

_NAMES = ("accountNames", "costCenterNames", "taxCodeNames", "paymentTermNames")


@dataclass(frozen=True)
class Place:
    """Where a record was posted, whether it is the `same` as the API held, and whether P2P looks at references."""

    path: str
    same: bool
    checks_references: bool


@dataclass(frozen=True)
class Fate:
    """What is told of one record; `told` is False for one that nobody will ever hear of."""

    external_code: str
    status: str
    message: str = ""
    category: str = "DataValidation"
    told: bool = True


def settle(held: Held, place: Place, record: dict[str, Any], *, fault: Fault | None) -> Fate:
    """Put a record into P2P, or not. An unchanged one is skipped, whether P2P has it or not."""
    code = record["externalCode"]
    said = fault.body if fault is not None and fault.kind == "record" and isinstance(fault.body, dict) else {}
    meant = code in said.get("codes", [code]) if said else False
    if meant and said.get("status") == "Lost":
        return Fate(code, "InProgress", told=False)
    if place.same:
        return Fate(code, "NotProcessed")
    if meant:
        status = said.get("status", "Error")
        if status in ("Success", "Warning"):
            held.setdefault(place.path, {})[code] = record
        return Fate(code, status, said.get("message", "Not saved"), said.get("category", "Technical"))
    wrong = next(_objections(held, place, record), None)
    if wrong:
        return Fate(code, "Error", wrong)
    held.setdefault(place.path, {})[code] = record
    return Fate(code, "Success")


def _objections(held: Held, place: Place, record: dict[str, Any]) -> Iterator[str]:
    for member in _NAMES:
        if member in record and "en-US" not in {each["language"] for each in record[member]}:
            yield f"{member} has no en-US"
    if place.path.startswith("/v1/lists/"):
        yield from _columns(place.path.rsplit("/", 1)[-1], record)
    if place.path == "/v1/matchingOrderLines" and record["quantity"] <= 0:
        yield "quantity must be above 0"
    if place.checks_references:
        yield from _references(held, place, record)


def _columns(key: str, record: dict[str, Any]) -> Iterator[str]:
    prefix, number = key.rsplit("_", 1)
    texts, longest, numbers, dates = next(
        columns for name, first, last, columns in _COLUMNS if name == f"{prefix}_" and first <= int(number) <= last
    )
    there = {"text": texts, "number": numbers, "dateValue": dates}
    for member, value in record.items():
        kind, _, place = member.partition("_")
        if kind in there and place.isdigit() and value is not None:
            if int(place) > there[kind]:
                yield f"{key} has no column {member}"
            elif kind == "text" and len(value) > longest:
                yield f"{member} is longer than {longest}"


def _references(held: Held, place: Place, record: dict[str, Any]) -> Iterator[str]:
    def known(path: str, member: str) -> set[Any]:
        return {each[member] for each in held.get(path, {}).values()}

    term = (record.get("paymentTerms") or {}).get("paymentTermCode") if place.path == "/v1/vendors" else None
    if term and term not in known("/v1/paymentTerms", "paymentTermCode"):
        yield f"Payment term {term} not found"
    if place.path == "/v1/matchingOrders" and record["supplierCode"] not in known("/v1/vendors", "vendorCode"):
        yield f"Supplier {record['supplierCode']} not found"
    if place.path == "/v1/matchingOrderLines" and record["orderExternalCode"] not in held.get("/v1/matchingOrders", {}):
        yield f"Order {record['orderExternalCode']} not found"
