"""The connection document: one Basware tenant joined to one Epicor environment. Pure; secrets are never in it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mlc_common.addresses import LOOPBACK as LOOPBACK
from mlc_common.addresses import Url
from mlc_common.attachment_rules import Attachments
from mlc_common.company_rules import CompanyPair, LookUpTable
from mlc_common.far_side_names import KnownNames
from mlc_common.masterdata_kinds import Kinds
from mlc_common.masterdata_rules import MasterData
from mlc_common.payment_rules import Payments
from mlc_common.posting_rules import ApplyDate, Posting
from mlc_common.section import Section, located

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


NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"
Name = Annotated[str, Field(pattern=NAME)]


class SignedContent(StrEnum):
    """What the signature of a push covers; the vendor's choice is not documented."""

    BODY = "body"
    TIMESTAMP_BODY = "timestamp+body"
    TIMESTAMP_DOT_BODY = "timestamp.body"
    TIMESTAMP_COLON_BODY = "timestamp:body"


class Webhook(Section):
    """How pushes of this tenant are verified."""

    address: Url | None = Field(
        default=None, description="where Basware sends pushes: https://<your host>/hooks/basware/<connection>"
    )
    mode: Literal["enforce", "observe"] = Field(
        default="enforce", description="refuse what is not signed, or take it and say so"
    )
    signed: tuple[SignedContent, ...] = Field(
        default=(SignedContent.BODY,), description="what the signature covers; several forms may be accepted"
    )
    timestamp_header: str | None = Field(default=None, description="name of the header with the time of signing")
    timestamp_required: bool = Field(default=False, description="refuse a push without that header")
    tolerance_seconds: int = Field(default=300, ge=1, le=86_400, description="how old a push may be")
    pushes_per_second: float | None = Field(
        default=200, gt=0, le=100_000, description="new pushes a second that one gateway stores; null is no limit"
    )
    burst: int = Field(default=5_000, ge=1, le=1_000_000, description="pushes that may come ahead of that rate")

    @model_validator(mode="after")
    def _timestamp_is_named(self) -> Self:
        needs = any(content is not SignedContent.BODY for content in self.signed) or self.timestamp_required
        if needs and not self.timestamp_header:
            raise ValueError("name timestamp_header: a chosen form of the signature covers the timestamp")
        if not self.signed:
            raise ValueError("name at least one form of signed content")
        return self


class Deadline(Section):
    """How long this tenant waits for the answer to a transfer before it shows the transfer as failed.

    The window is the tenant's own setting in P2P; look it up there. Shares of it: from `warn` on a transfer is told to
    people, at `answer` Basware is told that it is still being worked on. Both are noticed by the sweep.
    """

    minutes: int = Field(default=1440, ge=5, le=100_000, description="the tenant's window")
    warn: float = Field(default=0.5, gt=0, lt=1, description="share of it after which people are told")
    answer: float = Field(default=0.9, gt=0, lt=1, description="share of it after which Basware is told")


class Basware(Section):
    """The Basware tenant."""

    region: Literal["EU", "US", "AU", "CA"] = Field(default="EU", description="where the tenant is kept")
    base_url: Url | None = Field(default=None, description="address of the API, instead of the region's")
    token_url: Url | None = Field(default=None, description="address that issues tokens, if it is not the API's own")
    scopes: tuple[str, ...] = Field(
        default=(
            "accountingDocuments.read",
            "accountingDocuments.write",
            "requestStatus.read",
            "vendors.read",
            "vendors.write",
        ),
        description="OAuth2 scopes to ask for",
    )
    webhook: Webhook = Webhook()
    calls_per_second: float = Field(default=5, gt=0, le=10_000, description="calls a second, at most")
    deadline: Deadline = Deadline()
    calls_in_flight: int = Field(default=4, ge=1, le=64, description="calls at once, at most")

    @property
    def api(self) -> str:
        """The base address of the API, without a slash at the end."""
        return self.base_url or BASWARE_HOSTS[self.region]

    @property
    def tokens(self) -> str:
        """The address that issues tokens."""
        return self.token_url or f"{self.api}/v1/tokens"


class Epicor(Section):
    """The Epicor environment. `base_url` ends with the instance: https://host/instance."""

    base_url: Url = Field(description="https://host/instance")
    sign_in: Literal["basic", "oauth2"] = Field(default="basic", description="user and password, or a client's token")
    token_url: Url = Field(
        default="https://login.epicor.com/connect/token", description="the identity provider's address, for oauth2"
    )
    scope: str = Field(default="epicor_erp", description="OAuth2 scope to ask for")
    calls_in_flight: int = Field(default=2, ge=1, le=12, description="web-service licences this connection may use")
    source_system: str = Field(
        default="EPICOR", min_length=1, max_length=32, description="what Basware knows this ledger by"
    )


def _with_its_tables(pair: CompanyPair, info: ValidationInfo) -> CompanyPair:
    """The pair, when the look-up tables that its segments name are there."""
    tables = info.data.get("tables")
    if tables is None:  # they have mistakes of their own
        return pair
    allowed = f"`tables` has no such look-up table; it has: {', '.join(sorted(tables)) or 'none'}"
    missing = [
        (("segments", place, "table"), segment.table, allowed)
        for place, segment in enumerate(pair.segments)
        if segment.table and segment.table not in tables
    ]
    if missing:
        raise located("CompanyPair", missing)
    return pair


class ConnectionDocument(Section):
    """One connection, as its YAML file says it."""

    name: Name = Field(description="of your own; small letters, digits and hyphens")
    basware: Basware = Basware()
    epicor: Epicor
    tables: dict[Name, LookUpTable] = Field(default_factory=dict, description="look-up tables, by a name of your own")
    companies: tuple[Annotated[CompanyPair, AfterValidator(_with_its_tables)], ...] = Field(
        min_length=1, description="every Basware company of the connection, and what it is in Epicor"
    )
    posting: Posting = Posting()
    payments: Payments = Payments()
    kinds: Kinds = Kinds()
    masterdata: MasterData = MasterData()
    attachments: Attachments = Attachments()
    paused: bool = Field(default=False, description="nothing is read or posted; pushes are still recorded")

    @model_validator(mode="after")
    def _companies_once(self) -> Self:
        codes = [pair.basware for pair in self.companies]
        twice = [
            (("companies", place, "basware"), code, "each Basware company code is listed once")
            for place, code in enumerate(codes)
            if code in codes[:place]
        ]
        if twice:
            raise located("ConnectionDocument", twice)
        return self

    @model_validator(mode="after")
    def _first_open_day_is_known(self, info: ValidationInfo) -> Self:
        """Asked when a file is applied only: a version stored before there was `open_from` stays readable."""
        allowed = "name open_from here or in `posting`: the apply date is to be the first open day"
        missing = [
            (("companies", place, "posting", "open_from"), None, allowed)
            for place, pair in enumerate(self.companies)
            if self.rules(pair).apply_date is ApplyDate.FIRST_OPEN_DAY and self.rules(pair).open_from is None
        ]
        if missing and isinstance(info.context, KnownNames):
            raise located("ConnectionDocument", missing)
        return self

    @model_validator(mode="after")
    def _kinds_may_be_written(self, info: ValidationInfo) -> Self:
        """Asked when a file is applied only, like everything that an older version did not ask for."""
        asked = {f"{name}.{right}" for name in self.kinds.scopes() for right in ("read", "write")}
        missing = sorted(asked - set(self.basware.scopes))
        if missing and isinstance(info.context, KnownNames):
            allowed = f"add what the chosen kinds need: {', '.join(missing)}"
            raise located("ConnectionDocument", [(("basware", "scopes"), None, allowed)])
        return self

    def pair(self, company_code: str) -> CompanyPair | None:
        """The pair of a Basware company code, or None when this connection does not know it."""
        return next((pair for pair in self.companies if pair.basware == company_code), None)

    def rules(self, pair: CompanyPair | None) -> Posting:
        """How documents of a company are posted: the connection's rules with the company's own."""
        return self.posting if pair is None else pair.posting.applied_to(self.posting)
