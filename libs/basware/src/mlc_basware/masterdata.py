"""Master records as this product sends them: strict, in the vendor's spelling and limits. Pure.

Basware API reference, §8. Only members that are sent stand here; the vendor's schemas know more of them. A request
schema takes no member it does not know, so neither does a model.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text25 = Annotated[str, Field(max_length=25)]
Text50 = Annotated[str, Field(max_length=50)]
Text200 = Annotated[str, Field(max_length=200)]
Text250 = Annotated[str, Field(max_length=250)]
Code25 = Annotated[str, Field(min_length=1, max_length=25)]
Code36 = Annotated[str, Field(min_length=1, max_length=36)]
Company = Annotated[str, Field(min_length=1, max_length=32)]
Currency = Annotated[str, Field(min_length=2, max_length=3)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Amount = Annotated[Decimal, Field(ge=Decimal("-1e15"), le=Decimal("1e15"))]
Positive = Annotated[Decimal, Field(gt=0, le=Decimal("1e15"))]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Percent = Annotated[Decimal, Field(ge=Decimal("-1e9"), le=Decimal("1e9"))]

LOWER_CASE_ADDRESS = r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$"  # noqa: E501 - a pattern reads on one line only
"""The plain part of the vendor's pattern of order addresses; domains in brackets and quoted names are left out."""


class Part(BaseModel):
    """A record or a part of one. Values are taken as they are: nothing is converted, cut or left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Translation(Part):
    """A name in one language; P2P needs en-US."""

    language: Annotated[str, Field(min_length=2, max_length=10)]
    translation: Annotated[str, Field(min_length=2, max_length=2000)]


Names = Annotated[list[Translation], Field(min_length=1)]


class CompanyFlags(Part):
    """`companies[]` of cost centres, projects, rates and lists."""

    companyCode: Company
    active: bool


class InheritedCompany(CompanyFlags):
    """`companies[]` of accounts, tax codes and payment terms."""

    inherit: bool


class VendorCompany(Part):
    """`companies[]` of vendors; there is no active flag."""

    companyCode: Company
    inheritToChildUnits: bool


class Record(Part):
    """A record's key: stable, unique in its record type and tenant."""

    externalCode: Code36


def _english(names: list[Translation]) -> None:
    if "en-US" not in {name.language for name in names}:
        raise ValueError("a name needs en-US")


class Account(Record):
    """§8.2."""

    accountCode: Code25
    accountNames: Names
    text1: Text250 = ""
    text2: Text250 = ""
    companies: Annotated[list[InheritedCompany], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self) -> Account:
        _english(self.accountNames)
        return self


class CostCentre(Record):
    """§8.3."""

    costCenterCode: Code25
    costCenterNames: Names
    companies: Annotated[list[CompanyFlags], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self) -> CostCentre:
        _english(self.costCenterNames)
        return self


class Project(Record):
    """§8.5, version 2: a plain name."""

    projectCode: Code25
    projectName: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=500)] = ""
    validFrom: Moment
    validUntil: Moment
    companies: Annotated[list[CompanyFlags], Field(min_length=1)]


class TaxCode(Record):
    """§8.6."""

    taxCode: Code25
    taxCodeNames: Names
    taxPercentage: Percent
    companies: Annotated[list[InheritedCompany], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self) -> TaxCode:
        _english(self.taxCodeNames)
        return self


class DiscountRule(Part):
    """One of several discounts; the days are unique for a percentage."""

    externalCode: Code36
    discountDays: Count
    discountPercent: Annotated[Decimal, Field(ge=0, le=Decimal("1e9"))]
    active: bool


class PaymentTerm(Record):
    """§8.7."""

    paymentTermCode: Code25
    paymentTermNames: Names
    dueDateCalc: Literal[0, 1]
    dueDateDays: Count = 0
    dueDateDays2: Count = 0
    dueDateEom: Annotated[int, Field(ge=0, le=12)] = 0
    cashDueDateCalc: Literal[0, 1, 2]
    cashDueDateDays: Count = 0
    cashDiscount: Annotated[Decimal, Field(ge=0, le=Decimal("1e9"))] = Decimal(0)
    paymentTermDiscountRules: list[DiscountRule] = Field(default_factory=list)
    validFrom: Moment
    validTo: Moment
    companies: Annotated[list[InheritedCompany], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> PaymentTerm:
        _english(self.paymentTermNames)
        if (self.cashDueDateCalc == 2) != bool(self.paymentTermDiscountRules):
            raise ValueError("discount rules stand exactly when cashDueDateCalc is 2")
        return self


class ExchangeRate(Record):
    """§8.8: an amount in `currencyCodeFrom` times `rate` is the amount in `currencyCodeTo`."""

    rate: Annotated[Decimal, Field(gt=0, le=Decimal("1e9"))]
    currencyCodeFrom: Currency
    currencyCodeTo: Currency
    validFrom: Moment
    companies: Annotated[list[CompanyFlags], Field(min_length=1)]


class AddressPart(Part):
    """One of the parts of an address that P2P reads here and not in the address itself."""

    key: Literal["AdditionalStreetName", "Country", "AdditionalField1"]
    value: Annotated[str, Field(min_length=1, max_length=200)]


class Address(Part):
    """Of a vendor; P2P reads neither addressLine1-3 nor countryId."""

    externalCode: Code36
    name: Annotated[str, Field(min_length=1, max_length=200)]
    addressType: Literal["PostalAddress", "RemittanceAddress", "AdditionalAddress", "DeliveryAddress"]
    default: bool
    streetName: Text50 = ""
    cityName: Text50 = ""
    postalZone: Text50 = ""
    countrySubEntity: Text50 = ""
    additionalAddressFields: list[AddressPart] = Field(default_factory=list)


class Contact(Part):
    """Keyed by name; P2P imports the e-mail only."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Text200
    role: Literal["PrimaryContact", "SecondaryContact", "AdditionalContact"]


class Identifier(Part):
    """`schemeId` is an identifier key that is configured in P2P."""

    id: Code36
    schemeId: Annotated[str, Field(min_length=1, max_length=32)]


class Bank(Part):
    """The bank of an account; it needs an id, so a bank without one is left out."""

    name: Text250
    id: Annotated[str, Field(min_length=1, max_length=20)]
    schemeId: Literal["BIC"]


class AccountNumber(Part):
    """An account by one of its numbers; P2P takes 32 characters of it. Two of one account name each other."""

    schemeId: Literal["IBAN", "BBAN"]
    id: Annotated[str, Field(min_length=1, max_length=32)]
    default: bool
    linkedBbanOrIban: Annotated[str, Field(min_length=1, max_length=32)] | None = None


class BankAccount(Part):
    """One of a vendor's bank accounts."""

    financialInstitution: Bank | None = None
    financialAccountIdentifiers: Annotated[list[AccountNumber], Field(min_length=1, max_length=2)]


class PaymentMeans(Part):
    """The block with `default` gives the vendor's currency, which has to be active in P2P."""

    paymentMeansCode: Code25
    currencyCode: Annotated[str, Field(min_length=3, max_length=3)] | None = None
    default: bool
    financialAccounts: list[BankAccount] = Field(default_factory=list)


class VendorTerm(Part):
    """A payment term that P2P knows."""

    paymentTermCode: Code25


class Ordering(Part):
    """How purchase orders reach the vendor."""

    orderingFormat: Literal["BaswareNetwork", "email", "none"]
    orderEmail: Annotated[str, Field(min_length=3, max_length=320, pattern=LOWER_CASE_ADDRESS)] | None = None


class Processing(Part):
    """Whether the vendor may be used, and paid."""

    active: bool
    paymentDenied: bool


class Vendor(Record):
    """§8.1."""

    vendorCode: Code25
    name: Annotated[str, Field(min_length=1, max_length=250)]
    sourceSystem: Annotated[str, Field(max_length=36)]
    description: Text250 = ""
    identifiers: list[Identifier] = Field(default_factory=list)
    addresses: list[Address] = Field(default_factory=list)
    contacts: list[Contact] = Field(default_factory=list)
    paymentMeans: list[PaymentMeans] = Field(default_factory=list)
    paymentTerms: VendorTerm | None = None
    orderingDetails: Ordering | None = None
    processingStatus: Processing
    companies: Annotated[list[VendorCompany], Field(min_length=1)]

    @model_validator(mode="after")
    def _contacts_once(self) -> Vendor:
        if len({contact.name for contact in self.contacts}) < len(self.contacts):
            raise ValueError("contacts are keyed by name")
        return self
