"""Epicor vendors become Basware vendors (Basware API reference, §8.1; Epicor reference, §8.5). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from masterdata_sync.kind import Approval, Detail, Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import checked, external_code, given, text
from mlc_basware.masterdata import LOWER_CASE_ADDRESS
from mlc_basware.targets import VENDORS
from mlc_common.masterdata_kinds import Vendors

LONGEST_NAME = 250
LONGEST_EMAIL = 200
LONGEST_ADDRESS_PART = 50
LONGEST_VALUE = 200
LONGEST_IDENTIFIER = 36
LONGEST_CONTACT = 200

CONTACTS = Detail(
    name="contacts",
    source=Source(
        service="Erp.BO.VendorSvc",
        entity_set="VendCnts",
        table="VendCnt",
        key=("VendorNum", "PurPoint", "ConNum"),
        columns=("VendorNum", "PurPoint", "ConNum", "Name", "EmailAddress", "Inactive"),
        changed="ChangeDate",
    ),
    on=("VendorNum",),
)

BANKS = Detail(
    name="banks",
    source=Source(
        service="Erp.BO.VendorSvc",
        entity_set="VendBanks",
        table="VendBank",
        key=("VendorNum", "BankID"),
        columns=("VendorNum", "BankID", "BankName", "BankAcctNumber", "IBANCode", "SwiftNum"),
    ),
    on=("VendorNum",),
)


def kind(rules: Vendors, *, needs: tuple[str, ...] = ()) -> Kind:
    """The vendors of a connection."""
    return Kind(
        name="vendor",
        source=Source(
            service="Erp.BO.VendorSvc",
            entity_set="Vendors",
            table="Vendor",
            key=("VendorNum",),
            columns=(
                *("VendorNum", "VendorID", "Name", "Address1", "Address2", "Address3", "City", "State", "ZIP"),
                *("Country", "TermsCode", "CurrencyCode", "EMailAddress", "TaxPayerID", "OrgRegCode", "PMUID"),
                *("Inactive", "PayHold"),
                *(() if rules.bank_accounts == "off" else ("PrimaryBankID",)),
            ),
        ),
        details=(
            *((CONTACTS,) if rules.contacts else ()),
            *(() if rules.bank_accounts == "off" else (BANKS,)),
        ),
        target=VENDORS,
        needs=needs,
        code=code,
        translate=partial(translate, rules=rules),
        retire=retire,
        approval=_approval(rules),
    )


def _approval(rules: Vendors) -> Approval:
    if rules.bank_accounts == "off":
        return "none"
    return "always" if rules.bank_accounts.approve_first else "of changes"


def code(row: Row) -> str:
    """What people know the vendor by."""
    return text(row, "VendorID")


def retire(entity: Entity) -> Entity:
    """The vendor, no longer active; Basware knows no flag of it per company (Basware API reference, §7)."""
    return entity | {"processingStatus": {**entity["processingStatus"], "active": False}}


def translate(row: Row, owner: Owner, *, rules: Vendors) -> Entity | Untranslatable:
    """The complete Basware vendor of an Epicor vendor: Basware overwrites the whole record with it.

    Left to Basware's own upkeep: e-invoicing identifiers, bank accounts and the ordering format unless told.
    """
    own = code(row)
    terms = text(row, "TermsCode")
    entity = given(
        {
            "externalCode": external_code(owner.company, own),
            "vendorCode": own,
            "name": text(row, "Name", LONGEST_NAME),
            "sourceSystem": owner.source_system,
            "identifiers": list(_identifiers(row, rules)),
            "addresses": [_address(row, owner, own)],
            "contacts": list(_contacts(row)),
            "paymentMeans": list(_payment_means(row, owner, rules)),
            "paymentTerms": {"paymentTermCode": owner.terms.get(terms, terms)} if terms else None,
            "orderingDetails": _ordering(row, rules),
            "processingStatus": {"active": not row.get("Inactive"), "paymentDenied": bool(row.get("PayHold"))},
            "companies": [{"companyCode": owner.company, "inheritToChildUnits": False}],
        }
    )
    return checked(VENDORS, own, entity)


def _address(row: Row, owner: Owner, own: str) -> Entity:
    # P2P does not use addressLine1-3 and countryId: the street goes to streetName, the country to an additional field.
    more = {"AdditionalStreetName": "Address2", "AdditionalField1": "Address3", "Country": "Country"}
    values = {key: text(row, column, LONGEST_VALUE) for key, column in more.items()}
    return given(
        {
            "externalCode": external_code(owner.company, own, "_POSTAL"),
            "name": "Main address",
            "addressType": "PostalAddress",
            "default": True,
            "streetName": text(row, "Address1", LONGEST_ADDRESS_PART),
            "cityName": text(row, "City", LONGEST_ADDRESS_PART),
            "postalZone": text(row, "ZIP", LONGEST_ADDRESS_PART),
            "countrySubEntity": text(row, "State", LONGEST_ADDRESS_PART),
            "additionalAddressFields": [{"key": key, "value": value} for key, value in values.items() if value],
        }
    )


def _contacts(row: Row) -> Iterator[Entity]:
    """The vendor's own address first, then its people; P2P keys contacts by name and takes nothing but the e-mail."""
    role, used = "PrimaryContact", set()
    own = {"Name": "AP contact", "EmailAddress": row.get("EMailAddress")}
    for each in (own, *row.get("contacts", ())):
        name = text(each, "Name", LONGEST_CONTACT) or f"Contact {text(each, 'ConNum')}"
        email = text(each, "EmailAddress")
        if not email or len(email) > LONGEST_EMAIL or each.get("Inactive") or name in used:
            continue
        used.add(name)
        yield {"name": name, "email": email, "role": role}
        role = "AdditionalContact"


def _identifiers(row: Row, rules: Vendors) -> Iterator[Entity]:
    for scheme, column in ((rules.tax_identifier, "TaxPayerID"), (rules.registration_identifier, "OrgRegCode")):
        value = text(row, column)
        # One that was cut would be another company's.
        if scheme and 0 < len(value) <= LONGEST_IDENTIFIER:
            yield {"id": value, "schemeId": scheme}


def _payment_means(row: Row, owner: Owner, rules: Vendors) -> Iterator[Entity]:
    currency = text(row, "CurrencyCode")
    currency = owner.currencies.get(currency, currency)
    known = rules.currency and len(currency) == 3
    if known or rules.bank_accounts != "off":
        means = rules.payment_means.get(text(row, "PMUID"), rules.other_payment_means)
        accounts = [account for each in row.get("banks", ()) if (account := _account(each, text(row, "PrimaryBankID")))]
        block = {"paymentMeansCode": means, "currencyCode": currency if known else None, "default": True}
        yield given(block | {"financialAccounts": accounts})


def _account(row: Row, primary: str) -> Entity | None:
    """A bank account by its IBAN and its other number, without blanks; None for one that has neither."""
    iban, other = ("".join(text(row, column).split()) for column in ("IBANCode", "BankAcctNumber"))
    numbers = {"IBAN": iban.upper(), "BBAN": other if other.upper() != iban.upper() else ""}
    found = {scheme: number for scheme, number in numbers.items() if number}
    if not found:
        return None
    default, swift = text(row, "BankID") == primary, text(row, "SwiftNum").replace(" ", "")
    identifiers = [
        given({"schemeId": scheme, "id": number, "default": default, "linkedBbanOrIban": _other(found, scheme)})
        for scheme, number in found.items()
    ]
    bank = {"name": text(row, "BankName", LONGEST_NAME), "id": swift, "schemeId": "BIC"} if swift else None
    return given({"financialInstitution": bank, "financialAccountIdentifiers": identifiers})


def _other(found: dict[str, str], scheme: str) -> str | None:
    return next((number for each, number in found.items() if each != scheme), None)


def _ordering(row: Row, rules: Vendors) -> Entity | None:
    """How orders reach the vendor; Basware takes an order address in small letters only."""
    if rules.ordering == "left alone":
        return None
    email = text(row, "EMailAddress").lower()
    if rules.ordering == "email" and re.match(LOWER_CASE_ADDRESS, email):
        return {"orderingFormat": "email", "orderEmail": email}
    return {"orderingFormat": "none"}
