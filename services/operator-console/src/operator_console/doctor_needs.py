"""What a connection needs of Basware and Epicor, by what its document switches on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from mlc_common.company_rules import CompanyPair
from mlc_common.connection import ConnectionDocument
from mlc_common.masterdata_kinds import Kinds
from mlc_common.rule_values import Action
from mlc_epicor.datasets import APInvDtlRow, APInvExpRow, APInvExpTGLCRow, APInvHedRow, APInvTaxRow
from mlc_epicor.tablesets import TABLESETS

NOBODYS_INVOICE = {"vendorNum": "0", "invoiceNum": "ML-CONNECTOR-DOCTOR"}
NOBODYS_GROUP = {"groupID": "MLDOCTOR"}
"""Keys that nobody has: that there is no such record is the answer of a service that lets us in."""

_NO_COLUMNS = frozenset({"RowMod"})


def needed_scopes(document: ConnectionDocument) -> tuple[str, ...]:
    """The OAuth2 scopes without which something that is switched on does not work (Basware API reference, §1.2)."""
    kinds = [f"{api}.{right}" for api in document.kinds.scopes() for right in ("read", "write")]
    return ("accountingDocuments.read", "accountingDocuments.write", "requestStatus.read", *kinds)


def needed_credentials(document: ConnectionDocument) -> tuple[str, ...]:
    """The credential fields that the connection signs in with."""
    epicor = ("client_id", "client_secret") if document.epicor.sign_in == "oauth2" else ("username", "password")
    basware = ("client_id", "client_secret", "webhook_secret")
    return (*(f"basware.{each}" for each in basware), *(f"epicor.{each}" for each in (*epicor, "api_key")))


@dataclass(frozen=True)
class Question:
    """A question to one service that changes nothing.

    Attributes:
        path: service and method or entity set.
        why: what it is needed for.
        needed: False where the document cannot tell whether it is.
        body: posted when it is there.
        may_refuse: a refusal of Epicor's own is an answer too.
    """

    path: str
    why: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    needed: bool = True
    may_refuse: bool = False

    @property
    def service(self) -> str:
        """The service, as an access scope lists it."""
        return self.path.partition("/")[0]


def questions(document: ConnectionDocument, pair: CompanyPair) -> tuple[Question, ...]:
    """One question for each service, set and method that a company's work needs; each path once."""
    found: dict[str, Question] = {}
    for each in (*_posting(document, pair), *_payments(document), *_kinds(document), *_attachments(document)):
        if each.path not in found or (each.needed and not found[each.path].needed):
            found[each.path] = each
    return tuple(found.values())


def _set(path: str, why: str, column: str, *, needed: bool = True) -> Question:
    return Question(path, why, {"$top": "1", "$select": column}, needed=needed)


def _posting(document: ConnectionDocument, pair: CompanyPair) -> Iterator[Question]:
    rules = document.rules(pair)
    yield Question("Erp.BO.APInvoiceSvc/GetByID", "posting", NOBODYS_INVOICE)
    yield Question("Erp.BO.APInvGrpSvc/GetByID", "posting", NOBODYS_GROUP)
    sought = any(document.rules(each).near_duplicates is not Action.POST for each in document.companies)
    yield _set(
        "Erp.BO.APInvSearchSvc/APInvSearches",
        "invoices that look alike",
        "InvoiceNum",
        needed=sought or rules.success == "posted",
    )
    yield _set("Erp.BO.VendorSvc/Vendors", "posting", "VendorNum")
    yield _set("Erp.BO.GLAccountSvc/GLAccounts", "posting", "GLAccount1")
    yield _set("Erp.BO.PurTermsSvc/PurTerms", "posting", "TermsCode")
    yield _set("Erp.BO.SalesTaxSvc/SalesTaxes", "posting", "TaxCode")
    if rules.validate_accounts:
        empty = {"COACode": pair.chart, "GLAccount": "", "ExtCompanyID": "", "RestrictID": ""}
        asked = empty | {"EffectiveDate": "2026-01-01T00:00:00", "ValidateDynamicSegment": False}
        path = "Erp.BO.GLAccountSvc/ValidateGLAccount"
        yield Question(path, "posting.validate_accounts", body=asked, may_refuse=True)
    yield _set("Erp.BO.POSvc/POes", "invoices that name purchase orders", "PONum", needed=False)
    yield _set("Erp.BO.ReceiptSvc/RcvDtls", "invoices that name purchase orders", "PackSlip", needed=False)
    if rules.success == "posted":
        yield Question("Erp.PROC.APInvoicePostSvc/GetNewParameters", "posting.success")


def _payments(document: ConnectionDocument) -> Iterator[Question]:
    payments = document.payments
    if payments.mode == "off":
        return
    match payments.read:
        case "APTranSearches":
            yield _set("Erp.BO.APTranSearchSvc/APTranSearches", "payments", "HeadNum")
        case "APTrans":
            yield _set("Erp.BO.PaymentEntrySvc/APTrans", "payments", "HeadNum")
        case "GetRows":
            yield _rows("Erp.BO.APTranSearchSvc", "payments")
        case "BAQ" if payments.baq is not None:
            yield Question(f"BaqSvc/{payments.baq.id}/Data", "payments", {"$top": "1"})


_KINDS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "vendor": (("Erp.BO.VendorSvc", "Vendors", "VendorNum"),),
    "payment_term": (("Erp.BO.PurTermsSvc", "PurTerms", "TermsCode"),),
    "tax_code": (("Erp.BO.SalesTaxSvc", "SalesTaxes", "TaxCode"), ("Erp.BO.SalesTaxSvc", "TaxRates", "TaxCode")),
    "gl account": (("Erp.BO.GLAccountSvc", "GLAccounts", "GLAccount1"),),
    "segment value": (("Erp.BO.COASegValuesSvc", "COASegValues", "SegmentCode"),),
    "project": (("Erp.BO.ProjectSvc", "Projects", "ProjectID"),),
    "exchange_rate": (("Erp.BO.CurrExRateSvc", "CurrExRates", "RateGrpCode"),),
    "order": (("Erp.BO.POSvc", "POes", "PONum"),),
    "order_line": (("Erp.BO.POSvc", "PODetails", "PONUM"), ("Erp.BO.ReceiptSvc", "RcvDtls", "PackSlip")),
}
"""What a kind of master data is read from: service, entity set and a column of it."""


def _kinds(document: ConnectionDocument) -> Iterator[Question]:
    for kind, source in _chosen(document.kinds):
        reading = document.masterdata.reading(kind)
        if reading.way == "baq" and reading.baq is not None:
            yield Question(f"BaqSvc/{reading.baq.id}/Data", f"kinds: {kind}", {"$top": "1"})
            continue
        for service, entity_set, column in _KINDS[source]:
            if reading.way == "getrows":
                yield _rows(service, f"kinds: {kind}")
            else:
                yield _set(f"{service}/{entity_set}", f"kinds: {kind}", column)


def _chosen(kinds: Kinds) -> Iterator[tuple[str, str]]:
    """The kinds that are on, each with what it is read as."""
    on = {
        "vendor": kinds.vendors,
        "payment_term": kinds.payment_terms,
        "tax_code": kinds.tax_codes,
        "project": kinds.projects,
        "exchange_rate": kinds.exchange_rates,
        "order": kinds.orders,
        "order_line": kinds.orders,
    }
    yield from ((kind, kind) for kind, wanted in on.items() if wanted)
    if kinds.accounts:
        yield "account", "gl account" if kinds.accounts.of == "gl accounts" else "segment value"
    yield from ((name, "segment value") for name in kinds.dimensions)


def _rows(service: str, why: str) -> Question:
    """GetRows with where-clauses that no row meets."""
    nothing = {f"whereClause{table}": "1=0" for table in TABLESETS[service].tables}
    return Question(f"{service}/GetRows", why, nothing | {"pageSize": "1", "absolutePage": "0"})


def _attachments(document: ConnectionDocument) -> Iterator[Question]:
    attachments = document.attachments
    if attachments.fetch and attachments.to_epicor == "upload":
        asked = {"docTypeID": attachments.document_type, "parentTable": "APInvHed", "fileName": "ml-connector-doctor"}
        yield Question("Ice.BO.AttachmentSvc/FileExists", "attachments.to_epicor", body=asked, may_refuse=True)


def needed_columns(document: ConnectionDocument) -> dict[str, frozenset[str]]:
    """Table -> the columns of an AP invoice that are written or read back."""
    rules = [document.rules(pair) for pair in document.companies]
    segments = max(len(pair.segments) for pair in document.companies)
    rows: dict[str, type[BaseModel]] = {
        "APInvHed": APInvHedRow,
        "APInvDtl": APInvDtlRow,
        "APInvExp": APInvExpRow,
        "APInvExpTGLC": APInvExpTGLCRow,
        "APInvTax": APInvTaxRow,
    }
    found = {table: frozenset(row.model_fields) - _NO_COLUMNS for table, row in rows.items()}
    found["APInvHed"] |= {name for each in rules for name in each.header_fields}
    found["APInvDtl"] |= {name for each in rules for name in each.line_fields}
    found["APInvExpTGLC"] |= {f"SegValue{number}" for number in range(1, segments + 1)}
    return found
