"""The connection document: one Basware tenant joined to one Epicor environment. Pure; secrets are never in it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

CREDENTIAL_FIELDS: dict[str, str] = {
    "basware.client_id": "OAuth2 client id of the Basware API user",
    "basware.client_secret": "OAuth2 client secret of the Basware API user",
    "basware.webhook_secret": "secret that signs push notifications; several may be active at once",
    "epicor.username": "Epicor integration user",
    "epicor.password": "password of the Epicor integration user",
    "epicor.api_key": "Epicor REST API key",
    "epicor.client_id": "OAuth2 client id at the Epicor identity provider",
    "epicor.client_secret": "OAuth2 client secret at the Epicor identity provider",
}
"""Every credential a connection can hold, by field name, with what it is."""

BASWARE_HOSTS: dict[str, str] = {
    "EU": "https://api.basware.com",
    "US": "https://api.us.basware.com",
    "AU": "https://api.au.basware.com",
    "CA": "https://api.ca.basware.com",
}
"""Production hosts by region. EU is documented; the others follow its form, so `base_url` overrides them."""


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise ValueError("put no user, password or query into the address; credentials are set separately")
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url.rstrip("/")
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("use https; plain http is accepted only for this machine itself (127.0.0.1)")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_safe_url)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignedContent(StrEnum):
    """What the signature of a push covers; the vendor's choice is not documented."""

    BODY = "body"
    TIMESTAMP_BODY = "timestamp+body"
    TIMESTAMP_DOT_BODY = "timestamp.body"
    TIMESTAMP_COLON_BODY = "timestamp:body"


class Webhook(_Section):
    """How pushes of this tenant are verified."""

    mode: Literal["enforce", "observe"] = "enforce"
    signed: tuple[SignedContent, ...] = (SignedContent.BODY,)
    timestamp_header: str | None = None
    timestamp_required: bool = False
    tolerance_seconds: int = Field(default=300, ge=1, le=86_400)

    @model_validator(mode="after")
    def _timestamp_is_named(self) -> Self:
        needs = any(content is not SignedContent.BODY for content in self.signed) or self.timestamp_required
        if needs and not self.timestamp_header:
            raise ValueError("name timestamp_header: a chosen form of the signature covers the timestamp")
        if not self.signed:
            raise ValueError("name at least one form of signed content")
        return self


class Basware(_Section):
    """The Basware tenant."""

    region: Literal["EU", "US", "AU", "CA"] = "EU"
    base_url: Url | None = None
    token_url: Url | None = None
    scopes: tuple[str, ...] = ("accountingDocuments.read", "accountingDocuments.write", "vendors.read", "vendors.write")
    webhook: Webhook = Webhook()
    calls_per_second: float = Field(default=5, gt=0, le=10_000)
    calls_in_flight: int = Field(default=4, ge=1, le=64)

    @property
    def api(self) -> str:
        """The base address of the API, without a slash at the end."""
        return self.base_url or BASWARE_HOSTS[self.region]

    @property
    def tokens(self) -> str:
        """The address that issues tokens."""
        return self.token_url or f"{self.api}/v1/tokens"


class Epicor(_Section):
    """The Epicor environment. `base_url` ends with the instance: https://host/instance."""

    base_url: Url
    sign_in: Literal["basic", "oauth2"] = "basic"
    token_url: Url = "https://login.epicor.com/connect/token"  # noqa: S105 - an address
    scope: str = "epicor_erp"
    calls_in_flight: int = Field(default=2, ge=1, le=12, description="web-service licences this connection may use")
    source_system: str = Field(default="EPICOR", min_length=1, max_length=32)


class Segment(_Section):
    """One segment of the GL account: taken from a coding-row field, or constant."""

    field: str | None = Field(
        default=None, description="coding-row field, in Basware's spelling: accountCode, dimCode1"
    )
    constant: str | None = None
    default: str | None = Field(default=None, description="used when the coding row leaves the field empty")
    pad_to: int = Field(default=0, ge=0, le=50, description="left-pad with zeros to this length")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.field is None) == (self.constant is None):
            raise ValueError("a segment has either a field or a constant")
        return self


class CompanyPair(_Section):
    """One Basware company and the Epicor company its invoices are posted in."""

    basware: str = Field(min_length=1, max_length=32)
    epicor: str = Field(min_length=1, max_length=8)
    currency: str = Field(min_length=3, max_length=3, description="base currency of the Epicor company")
    chart: str = "MAIN"
    book: str = "MAIN"
    segments: tuple[Segment, ...] = Field(min_length=1, max_length=20)
    rate_code: str = Field(default="STD", description="Epicor tax rate code for taxes as Basware gave them")
    tax_codes: dict[str, str] = Field(
        default_factory=dict, description="Basware tax code -> Epicor tax code, if different"
    )
    terms: dict[str, str] = Field(
        default_factory=dict, description="Basware payment term -> Epicor terms, if different"
    )


class ApplyDate(StrEnum):
    """Which date picks the fiscal period."""

    INVOICE_DATE = "invoice_date"
    VOUCHER_DATE = "voucher_date"
    TODAY = "today"


_PREFIX = "first letter of our AP invoice groups; another one for every connection to the same Epicor company"


class Posting(_Section):
    """How an accounting document becomes an AP invoice."""

    strategy: Literal["single"] = "single"
    apply_date: ApplyDate = ApplyDate.INVOICE_DATE
    group_prefix: str = Field(default="B", pattern=r"^[A-Z]$", description=_PREFIX)
    description: str = Field(default="{supplierName} {invoiceNumber}", max_length=200)
    tax: Literal["as given", "none"] = "as given"
    tolerance: Decimal = Field(
        default=Decimal("0"),
        ge=0,
        le=Decimal("1.00"),
        description="accepted gap between rows and header sums, in invoice currency; it is put on the largest line",
    )
    credit_types: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="Basware invoiceTypeCode values that say credit note, whatever the sign of the sums"
    )
    external_link: str | None = Field(default=None, description="drill-back link template with {invoiceId}")


class ConnectionDocument(_Section):
    """One connection, as its YAML file says it."""

    name: Name
    basware: Basware = Basware()
    epicor: Epicor
    companies: tuple[CompanyPair, ...] = Field(min_length=1)
    posting: Posting = Posting()
    paused: bool = False

    @model_validator(mode="after")
    def _companies_once(self) -> Self:
        codes = [pair.basware for pair in self.companies]
        if len(codes) != len(set(codes)):
            raise ValueError("each Basware company code is listed once")
        return self

    def pair(self, company_code: str) -> CompanyPair | None:
        """The pair of a Basware company code, or None when this connection does not know it."""
        return next((pair for pair in self.companies if pair.basware == company_code), None)
