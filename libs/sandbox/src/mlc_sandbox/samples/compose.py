"""From a case in a few words to an accounting document as the API would return it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from typing import Any, Literal

from mlc_sandbox import chart, company

COMPANIES = {"US01": "NWM", "FI01": "NWF"}
"""Basware company code to the ERP's."""

DateForm = Literal["zulu", "date", "naive", "offset", "fraction", "long"]

_NAMESPACE = uuid.UUID("0f0c9d52-6a0e-5d0b-9f55-6f5c0c1b7d10")
_CENT = Decimal("0.01")
_FORMS: Mapping[DateForm, str] = {
    "zulu": "T00:00:00Z",
    "date": "",
    "naive": "T00:00:00",
    "offset": "T00:00:00+02:00",
    "fraction": "T07:36:13.053Z",
    "long": "T00:00:00.0000000",
}


@dataclass(frozen=True)
class Row:
    """One coding row: account as `6100-10-200`, net amount, tax code or None, what was bought."""

    account: str
    net: Decimal
    tax: str | None
    text: str


@dataclass(frozen=True)
class Case:
    """One invoice. `rows` holds a line per coding row: account, net amount, tax code or `-`, what was bought."""

    number: str
    supplier: str
    about: str
    rows: str
    company: str = "US01"
    header_tax: str | None = None
    gaps: bool = False
    dates: DateForm = "zulu"
    whole: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    row_extra: Mapping[str, Any] = field(default_factory=dict)


def compose(case: Case, *, invoice_date: date, today: date) -> dict[str, Any]:
    """The document of a case: sums and taxes follow from the rows, ids from company, supplier and number."""
    rows = tuple(parse_row(line) for line in case.rows.strip().splitlines())
    return document(case, rows, invoice_date=invoice_date, today=today)


def document(case: Case, rows: Iterable[Row], *, invoice_date: date, today: date) -> dict[str, Any]:
    """The document with these rows in the place of the case's own."""
    coding = _coding_rows(case, tuple(rows))
    body = _header(case) | _dates(case, invoice_date, today) | _sums(case, coding) | dict(case.extra)
    terms = _terms(case)
    if terms.discount_days:
        body["cashDate"] = _written(invoice_date + timedelta(days=terms.discount_days), case.dates)
        body["cashPercent"] = terms.discount_percent
        body["cashSum"] = money(body["grossSum"] * terms.discount_percent / 100)
    body["codingRows"] = coding
    whole: dict[str, Any] = _without_zeros(body) if case.whole else body
    return whole


def parse_row(line: str) -> Row:
    """`6100-10-200 48.15 US-IL Paper and toner`."""
    account, net, tax, text = line.split(maxsplit=3)
    return Row(account, Decimal(net), None if tax == "-" else tax, text)


def percent(company_code: str, tax: str) -> Decimal:
    """The rate of a tax code in a Basware company. Raises KeyError."""
    rates = {(each.company, each.code): each.percent for each in company.TAXES}
    return rates[COMPANIES[company_code], tax]


def money(amount: Decimal) -> Decimal:
    """To the cent, half up."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def name_id(*parts: object) -> str:
    """A stable id of 32 hex digits."""
    return uuid.uuid5(_NAMESPACE, "/".join(map(str, parts))).hex


def _header(case: Case) -> dict[str, Any]:
    erp = COMPANIES[case.company]
    entity = next(each for each in company.COMPANIES if each.code == erp)
    names = {vendor.vendor_id: vendor.name for vendor in company.VENDORS if vendor.company == erp}
    invoice_id = name_id(case.company, case.supplier, case.number)
    terms = _terms(case)
    return {
        "invoiceId": invoice_id,
        "bumid": str(uuid.uuid5(_NAMESPACE, invoice_id)),
        "p2pProcessingMode": "Standard",
        "invoiceNumber": case.number,
        "processingStatus": "WaitingForTransfer",
        "originService": 2,
        "companyCode": case.company,
        "companyName": entity.name,
        "organizationCode": "NWGRP",
        "organizationName": "Northwind Group",
        "supplierCode": case.supplier,
        "supplierName": names.get(case.supplier, "Unlisted Supplier"),
        "supplierSourceSystemId": f"EPICOR-{case.company}",
        "currencyCode": entity.currency,
        "currencyCodeCompany": entity.currency,
        "exchangeRateCompany": 1,
        "description": case.about,
        "invoiceTypeCode": "EXP",
        "invoiceTypeName": "Expense invoice",
        "paymentMethod": "ACH" if entity.currency == "USD" else "SEPA",
        "paymentBlock": False,
        "paymentTermCode": terms.code,
        "paymentTermName": terms.description,
        "paymentTermExternalCode": f"{case.company}_{terms.code}",
        "prebooked": False,
        "referenceNumber": None,
        "removalReason": "NotDefined",
        "orderNumbers": [],
        "attachments": [],
        "transferParameters": [{"key": "InvoiceBatchId", "value": name_id("batch", invoice_id)}],
    }


def _terms(case: Case) -> company.Terms:
    erp = COMPANIES[case.company]
    codes = {vendor.vendor_id: vendor.terms for vendor in company.VENDORS if vendor.company == erp}
    return next(terms for terms in company.TERMS if terms.code == codes.get(case.supplier, "N30"))


def _dates(case: Case, invoice_date: date, today: date) -> dict[str, Any]:
    due = invoice_date + timedelta(days=_terms(case).due_days)
    return {
        "invoiceDate": _written(invoice_date, case.dates),
        "voucherDate": _written(invoice_date + timedelta(days=2), case.dates),
        "baseLineDate": _written(invoice_date, case.dates),
        "dueDate": _written(due, case.dates),
        "cashDate": "0001-01-01T00:00:00Z" if case.dates == "long" else None,
        "lastUpdated": f"{today.isoformat()}T06:00:00.000Z",
    }


def _written(day: date, form: DateForm) -> str:
    return day.isoformat() + _FORMS[form]


def _sums(case: Case, rows: list[dict[str, Any]]) -> dict[str, Any]:
    net = sum((row["netTotal"] for row in rows), Decimal("0.00"))
    codes = {row.get("taxCode") for row in rows}
    code = case.header_tax or (codes.pop() if len(codes) == 1 else None)
    tax = sum((row.get("taxSum", Decimal(0)) for row in rows), Decimal("0.00"))
    if case.header_tax:
        tax = money(net * percent(case.company, case.header_tax) / 100)
    sums: dict[str, Any] = {"netSum": net, "taxSum1": tax, "grossSum": net + tax}
    home = {f"{name}Company": amount for name, amount in sums.items()}
    named = {"taxCode": code, "taxPercent1": percent(case.company, code)} if code else {}
    return sums | home | named


def _coding_rows(case: Case, rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    steps = [3 if case.gaps and index % 2 else 1 for index in range(len(rows))]
    indexes = accumulate(steps)
    return [_coding_row(case, row, index) | dict(case.row_extra) for row, index in zip(rows, indexes, strict=True)]


def _coding_row(case: Case, row: Row, index: int) -> dict[str, Any]:
    natural, department, cost_centre = row.account.split("-")
    coded = {
        "externalCode": name_id(case.company, case.supplier, case.number, index),
        "rowIndex": index,
        "accountCode": natural,
        "accountName": chart.NATURAL_ACCOUNTS.get(natural),
        "dimCode1": department,
        "dimName1": chart.DEPARTMENTS.get(department),
        "costCenterCode": cost_centre,
        "costCenterName": chart.COST_CENTRES.get(cost_centre),
        "text1": row.text,
        "matchingType": 0,
        "netTotal": row.net,
        "plannedAdditionalCostType": 0,
    }
    if row.tax is None:
        return coded
    rate = percent(case.company, row.tax)
    tax = money(row.net * rate / 100)
    return coded | {"taxCode": row.tax, "taxPercent": rate, "taxSum": tax, "grossTotal": row.net + tax}


def _without_zeros(value: Any) -> Any:
    """Amounts as another writer of JSON would have them: 2480 for 2480.00, 12.5 for 12.50."""
    if isinstance(value, dict):
        return {name: _without_zeros(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_zeros(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral() else value.normalize()
    return value
