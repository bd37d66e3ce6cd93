"""Epicor vendors become Basware vendors (Basware API reference, vendors; Epicor reference, Vendor). Pure."""

from __future__ import annotations

import re
import uuid
from typing import Any

from masterdata_sync.kind import Entity, Kind, Owner, Row, Source, Untranslatable
from mlc_basware.targets import VENDORS

LONGEST_CODE = 25
LONGEST_EXTERNAL_CODE = 36
LONGEST_NAME = 250
LONGEST_EMAIL = 200
LONGEST_ADDRESS_PART = 50
LONGEST_VALUE = 200

_IN_A_PATH = re.compile(r"[A-Za-z0-9._-]+")
_NAMESPACE = uuid.UUID("6f2a7d0e-6f5c-5b0e-9a44-1f7f5d1c2b10")


def translate(row: Row, owner: Owner) -> Entity | Untranslatable:
    """The complete Basware vendor of an Epicor vendor: Basware overwrites the whole record with it.

    Left to Basware's own upkeep: e-invoicing identifiers, ordering format, bank accounts.
    """
    code, name = _text(row, "VendorID"), _text(row, "Name")
    if not code or len(code) > LONGEST_CODE:
        return Untranslatable(code, f"the vendor's code must have 1 to {LONGEST_CODE} characters")
    if not name:
        return Untranslatable(code, "the vendor has no name")
    entity: Entity = {
        "externalCode": external_code(owner.company, code),
        "vendorCode": code,
        "name": name[:LONGEST_NAME],
        "sourceSystem": owner.source_system,
        "addresses": [_address(row, owner, code)],
        "processingStatus": {"active": not row.get("Inactive"), "paymentDenied": bool(row.get("PayHold"))},
        "companies": [{"companyCode": owner.company, "inheritToChildUnits": False}],
    }
    return entity | _contacts(row) | _terms(row, owner)


def external_code(company: str, code: str, suffix: str = "") -> str:
    """The record's key in Basware: readable when it fits and may stand in a URL, else derived from the same text."""
    readable = f"{company}_{code}{suffix}"
    if len(readable) <= LONGEST_EXTERNAL_CODE and _IN_A_PATH.fullmatch(readable):
        return readable
    return str(uuid.uuid5(_NAMESPACE, readable))


def _address(row: Row, owner: Owner, code: str) -> Entity:
    # P2P does not use addressLine1-3 and countryId: the street goes to streetName, the country to an additional field.
    country = _text(row, "Country")
    parts = {
        "streetName": _text(row, "Address1"),
        "cityName": _text(row, "City"),
        "postalZone": _text(row, "ZIP"),
        "countrySubEntity": _text(row, "State"),
    }
    more = {"AdditionalStreetName": _text(row, "Address2"), "Country": country}
    address: Entity = {
        "externalCode": external_code(owner.company, code, "_POSTAL"),
        "name": "Main address",
        "addressType": "PostalAddress",
        "default": True,
    }
    address |= {member: text[:LONGEST_ADDRESS_PART] for member, text in parts.items() if text}
    fields = [{"key": key, "value": text[:LONGEST_VALUE]} for key, text in more.items() if text]
    return address | ({"additionalAddressFields": fields} if fields else {})


def _contacts(row: Row) -> Entity:
    email = _text(row, "EMailAddress")
    if not email or len(email) > LONGEST_EMAIL:
        return {}
    return {"contacts": [{"name": "AP contact", "email": email, "role": "PrimaryContact"}]}


def _terms(row: Row, owner: Owner) -> Entity:
    terms = _text(row, "TermsCode")
    return {"paymentTerms": {"paymentTermCode": owner.terms.get(terms, terms)}} if terms else {}


def _text(row: Row, field: str) -> str:
    value: Any = row.get(field)
    return "" if value is None else str(value).strip()


def code(row: Row) -> str:
    """What people know the vendor by."""
    return _text(row, "VendorID")


def retire(entity: Entity) -> Entity:
    """The vendor, no longer active; Basware knows no flag of it per company (Basware API reference, §7)."""
    return entity | {"processingStatus": {**entity.get("processingStatus", {}), "active": False}}


KIND = Kind(
    name="vendor",
    source=Source(
        service="Erp.BO.VendorSvc",
        entity_set="Vendors",
        table="Vendor",
        key=("VendorNum",),
        columns=(
            *("VendorNum", "VendorID", "Name", "Address1", "Address2", "City", "State", "ZIP", "Country"),
            *("TermsCode", "EMailAddress", "Inactive", "PayHold"),
        ),
    ),
    details=(),
    target=VENDORS,
    needs=(),
    code=code,
    translate=translate,
    retire=retire,
)
