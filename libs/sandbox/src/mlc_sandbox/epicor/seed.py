"""Northwind's master data as rows of Epicor's tables."""

from dataclasses import dataclass, field
from decimal import Decimal

from mlc_sandbox.company import (
    ACCOUNTS,
    BOOK,
    CHART,
    COMPANIES,
    COST_CENTRES,
    CURRENCIES,
    DECIMALS,
    DEPARTMENTS,
    NATURAL_ACCOUNTS,
    RATES,
    SEGMENTS,
    TAXES,
    TERMS,
    VENDORS,
    Account,
    Company,
    Vendor,
)
from mlc_sandbox.epicor.seed_orders import order_rows
from mlc_sandbox.epicor.wire import Row

BOOKS = frozenset({BOOK})
RATE_CODE = "STD"
RATE_GROUP = "MAIN"
SUSPENSE = "6999|10|200"
"""The account that Epicor's own defaulting would put on a line (see `Settings.auto_expense`)."""


@dataclass
class Master:
    """Master data: `rows` by table, and look-ups by what the AP invoice entry asks for."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    companies: dict[str, Row] = field(default_factory=dict)
    vendors: dict[tuple[str, int], Row] = field(default_factory=dict)
    vendor_ids: dict[tuple[str, str], Row] = field(default_factory=dict)
    accounts: dict[tuple[str, str, str], Row] = field(default_factory=dict)

    def of(self, table: str, company: str) -> list[Row]:
        """A company's rows of a table."""
        return [row for row in self.rows[table] if row["Company"] == company]

    def has(self, table: str, **columns: object) -> bool:
        """Is there a row with these values?"""
        return any(columns.items() <= row.items() for row in self.rows[table])

    def decimals(self, currency: str) -> int:
        """Decimals of a currency's amounts."""
        return DECIMALS.get(currency, 2)

    def rate(self, currency: str, home: str) -> Decimal | None:
        """Units of base currency for one unit of a currency; None when the table has none."""
        return RATES.get((currency, home))

    def find(self, table: str, **columns: object) -> Row | None:
        """The first row with these values."""
        return next((row for row in self.rows[table] if columns.items() <= row.items()), None)


def master_data() -> Master:
    """A fresh copy of all master data, with SysRevID and SysRowID filled."""
    rows: dict[str, list[Row]] = {
        "Company": [_company(company) for company in COMPANIES],
        "Vendor": [_vendor(vendor) for vendor in VENDORS],
        "GLAccount": [_account(company.code, account) for company in COMPANIES for account in ACCOUNTS],
        "COASegment": [_segment(company.code, number) for company in COMPANIES for number in SEGMENTS],
        "COASegValues": [row for company in COMPANIES for row in _segment_values(company.code)],
        **_terms_and_taxes(),
        **{table: [] for table in ("VendBank", "VendCnt", "Project", "CurrExRate")},
        **order_rows(),
    }
    for number, row in enumerate((row for table in rows.values() for row in table), start=1):
        row |= {"SysRevID": 88_000_000 + number, "SysRowID": f"00000000-0000-4000-8000-{number:012d}"}
    return Master(
        rows=rows,
        companies={row["Company"]: row for row in rows["Company"]},
        vendors={(row["Company"], row["VendorNum"]): row for row in rows["Vendor"]},
        vendor_ids={(row["Company"], row["VendorID"]): row for row in rows["Vendor"]},
        accounts={(row["Company"], row["COACode"], row["GLAccount"]): row for row in rows["GLAccount"]},
    )


def _company(company: Company) -> Row:
    return {
        "Company": company.code,
        "Name": company.name,
        "Country": company.country,
        "CurrencyCode": company.currency,
    }


def _vendor(vendor: Vendor) -> Row:
    home = next(company for company in COMPANIES if company.code == vendor.company)
    return {
        "Company": vendor.company,
        "VendorNum": vendor.vendor_num,
        "VendorID": vendor.vendor_id,
        "Name": vendor.name,
        "City": vendor.city,
        "Country": home.country,
        "TermsCode": vendor.terms,
        "CurrencyCode": home.currency,
        "TaxRegionCode": home.tax_region,
        "Inactive": vendor.inactive,
        "PayHold": vendor.pay_hold,
        "Approved": not vendor.inactive,
    }


def _account(company: str, account: Account) -> Row:
    return {
        "Company": company,
        "COACode": CHART,
        "GLAccount": account.internal,
        "AccountDesc": account.description,
        "SegValue1": account.natural,
        "SegValue2": account.department,
        "SegValue3": account.cost_centre,
        "Active": account.active,
        "EffFrom": "2015-01-01T00:00:00",
        "EffTo": None,
        "GLAcctDispGLAcctDisp": account.display,
        "GLAcctDispAccountDesc": account.description,
    }


def _segment(company: str, number: int) -> Row:
    return {
        "Company": company,
        "COACode": CHART,
        "SegmentNbr": number,
        "SegmentName": SEGMENTS[number],
        "MaxLength": {1: 4, 2: 2, 3: 3}[number],
        "DisplayOrder": number,
        "Dynamic": False,
    }


def _segment_values(company: str) -> list[Row]:
    values = {1: NATURAL_ACCOUNTS, 2: DEPARTMENTS, 3: COST_CENTRES}
    return [
        {
            "Company": company,
            "COACode": CHART,
            "SegmentNbr": number,
            "SegmentCode": code,
            "SegmentName": name,
            "SegmentDesc": name,
            "ActiveFlag": not (number == 3 and code == "350"),
        }
        for number, names in values.items()
        for code, name in names.items()
    ]


def _terms_and_taxes() -> dict[str, list[Row]]:
    codes = [company.code for company in COMPANIES]
    return {
        "PurTerms": [
            {
                "Company": code,
                "TermsCode": terms.code,
                "Description": terms.description,
                "DueDays": terms.due_days,
                "DiscountDays": terms.discount_days,
                "DiscountPercent": terms.discount_percent,
            }
            for code in codes
            for terms in TERMS
        ],
        "PurTermsDtl": [
            {
                "Company": code,
                "TermsCode": terms.code,
                "TermsSeq": 1,
                "DiscountPercent": terms.discount_percent,
                "NumberOfDays": terms.discount_days,
            }
            for code in codes
            for terms in TERMS
            if terms.discount_percent
        ],
        "SalesTax": [
            {"Company": tax.company, "TaxCode": tax.code, "Description": tax.description, "CollectionType": 0}
            for tax in TAXES
        ],
        "TaxRate": [
            {
                "Company": tax.company,
                "TaxCode": tax.code,
                "RateCode": RATE_CODE,
                "EffectiveFrom": "2015-01-01T00:00:00",
                "TaxPercent": tax.percent,
            }
            for tax in TAXES
        ],
        "TaxRgn": [
            {"Company": company.code, "TaxRegionCode": company.tax_region, "Description": company.country}
            for company in COMPANIES
        ],
        "Currency": [
            {"Company": code, "CurrencyCode": currency, "CurrName": name}
            for code in codes
            for currency, name in CURRENCIES.items()
        ],
    }
