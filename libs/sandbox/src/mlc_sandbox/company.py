"""Northwind Manufacturing as its ERP knows it: companies, vendors, chart of accounts, terms, taxes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mlc_sandbox.chart import (
    ACCOUNTS,
    BOOK,
    CHART,
    COST_CENTRES,
    DEPARTMENTS,
    INACTIVE_ACCOUNTS,
    NATURAL_ACCOUNTS,
    SEGMENTS,
    Account,
    active_accounts,
)

__all__ = [
    "ACCOUNTS",
    "BOOK",
    "CHART",
    "COMPANIES",
    "COST_CENTRES",
    "CURRENCIES",
    "DECIMALS",
    "DEPARTMENTS",
    "INACTIVE_ACCOUNTS",
    "NATURAL_ACCOUNTS",
    "RATES",
    "SEGMENTS",
    "TAXES",
    "TAX_LIABILITIES",
    "TERMS",
    "VENDORS",
    "Account",
    "Company",
    "Tax",
    "Terms",
    "Vendor",
    "active_accounts",
    "vendor",
]


@dataclass(frozen=True)
class Company:
    """One legal entity; `code` is what stands in Epicor URLs."""

    code: str
    name: str
    currency: str
    country: str
    tax_region: str


@dataclass(frozen=True)
class Vendor:
    """A supplier of one company. `vendor_id` is the code people (and Basware) use, `vendor_num` Epicor's own key."""

    company: str
    vendor_id: str
    vendor_num: int
    name: str
    city: str
    terms: str
    inactive: bool = False
    pay_hold: bool = False


@dataclass(frozen=True)
class Terms:
    """Payment terms; days count from the invoice date."""

    code: str
    description: str
    due_days: int
    discount_days: int = 0
    discount_percent: Decimal = Decimal(0)


@dataclass(frozen=True)
class Tax:
    """A tax code of one company with its one rate, `STD`, in percent."""

    company: str
    code: str
    description: str
    percent: Decimal


COMPANIES = (
    Company("NWM", "Northwind Manufacturing Inc.", "USD", "USA", "IL"),
    Company("NWF", "Northwind Manufacturing Oy", "EUR", "Finland", "FI"),
)

CURRENCIES = {
    "USD": "US dollar",
    "EUR": "Euro",
    "SEK": "Swedish krona",
    "GBP": "Pound sterling",
    "JPY": "Yen",
    "KWD": "Kuwaiti dinar",
}

DECIMALS = {"JPY": 0, "KWD": 3}
"""Decimals of a currency's amounts; 2 where none is named."""

RATES = {
    ("EUR", "USD"): Decimal("1.085"),
    ("SEK", "USD"): Decimal("0.0953"),
    ("GBP", "USD"): Decimal("1.2715"),
    ("JPY", "USD"): Decimal("0.00667"),
    ("KWD", "USD"): Decimal("3.2605"),
    ("USD", "EUR"): Decimal("0.9217"),
    ("SEK", "EUR"): Decimal("0.0878"),
    ("GBP", "EUR"): Decimal("1.1719"),
    ("JPY", "EUR"): Decimal("0.00615"),
    ("KWD", "EUR"): Decimal("3.0051"),
}
"""Units of the second currency for one unit of the first."""

TERMS = (
    Terms("N30", "Net 30 days", 30),
    Terms("N14", "Net 14 days", 14),
    Terms("N60", "Net 60 days", 60),
    Terms("2-10NET30", "2 % 10 days, net 30", 30, 10, Decimal(2)),
    Terms("DUE", "Due on receipt", 0),
)

TAXES = (
    Tax("NWM", "US-IL", "Illinois sales tax", Decimal("8.25")),
    Tax("NWM", "EXEMPT", "Exempt", Decimal(0)),
    Tax("NWF", "VAT24", "VAT, general rate", Decimal(24)),
    Tax("NWF", "VAT14", "VAT, reduced rate", Decimal(14)),
    Tax("NWF", "VAT0", "VAT, zero rate", Decimal(0)),
)

TAX_LIABILITIES = {
    ("IL", ""): "US-IL",
    ("IL", "EXEMPT"): "EXEMPT",
    ("FI", ""): "VAT24",
    ("FI", "REDUCED"): "VAT14",
    ("FI", "ZERO"): "VAT0",
}
"""The tax code of a line, by the invoice's liability and the line's tax category."""

VENDORS = (
    Vendor("NWM", "10432", 101, "Great Lakes Fasteners LLC", "Milwaukee", "N30"),
    Vendor("NWM", "10433", 102, "Prairie State Steel Supply Co.", "Joliet", "N30"),
    Vendor("NWM", "10440", 103, "Midwest Industrial Gases Inc.", "Gary", "N30"),
    Vendor("NWM", "10451", 104, "Hoosier Bearing & Drive", "Indianapolis", "2-10NET30"),
    Vendor("NWM", "10458", 105, "Fox Valley Electric Cooperative", "Aurora", "N14"),
    Vendor("NWM", "10460", 106, "Commonwealth Water & Sewer", "Rockford", "N14"),
    Vendor("NWM", "10466", 107, "Kettle Moraine Packaging", "Waukesha", "N30"),
    Vendor("NWM", "10477", 108, "Nordlicht Logistics", "Chicago", "N30"),
    Vendor("NWM", "10481", 109, "O'Neil Janitorial Services", "Elgin", "N14"),
    Vendor("NWM", "10485", 110, "Blackhawk Staffing Partners", "Naperville", "DUE"),
    Vendor("NWM", "10490", 111, "Lakeshore Office Products", "Evanston", "N30"),
    Vendor("NWM", "10502", 112, "Sangamon Tool & Die", "Springfield", "2-10NET30"),
    Vendor("NWM", "10509", 113, "Illini Safety Supply", "Champaign", "N30"),
    Vendor("NWM", "10513", 114, "Driftless Software LLC", "Madison", "N30"),
    Vendor("NWM", "10520", 115, "Calumet Calibration Laboratory", "Hammond", "N30"),
    Vendor("NWM", "10528", 116, "Quad Cities Forklift", "Moline", "N30"),
    Vendor("NWM", "10531", 117, "Wabash Freight Lines", "Lafayette", "N14"),
    Vendor("NWM", "10544", 118, "Harbor Point Legal, P.C.", "Chicago", "N30"),
    Vendor("NWM", "10549", 119, "Badger Coatings Corporation", "Racine", "N60"),
    Vendor("NWM", "10552", 120, "Riverbend Waste & Recycling", "Peoria", "N30"),
    Vendor("NWM", "10560", 121, "Starved Rock Travel Agency", "Ottawa", "DUE"),
    Vendor("NWM", "10567", 122, "Twin Rivers Abrasives", "Dubuque", "N30"),
    Vendor("NWM", "10571", 123, "Cicero Castings Inc.", "Cicero", "N30", inactive=True),
    Vendor("NWM", "10580", 124, "Old Mill Print Shop", "Kenosha", "N30", inactive=True),
    Vendor("NWM", "10593", 125, "Pioneer Hydraulics", "Decatur", "N30", pay_hold=True),
    Vendor("NWF", "20105", 201, "Suomen Laakeri ja Voima Oy", "Tampere", "N14"),
    Vendor("NWF", "20108", 202, "Pirkanmaan Teräs Oy", "Tampere", "N30"),
    Vendor("NWF", "20112", 203, "Järvi-Energia Oyj", "Lahti", "N14"),
    Vendor("NWF", "20117", 204, "Siivouspalvelu Häkkinen Ky", "Nokia", "N14"),
    Vendor("NWF", "20121", 205, "Hämeen Kuljetus Oy", "Hämeenlinna", "N14"),
    Vendor("NWF", "20126", 206, "Åbo Verktyg Ab", "Turku", "N30"),
    Vendor("NWF", "20130", 207, "Toimistotarvike Kivi Oy", "Espoo", "N30"),
    Vendor("NWF", "20139", 208, "Pohjolan Pakkaus Oy", "Oulu", "N30"),
    Vendor("NWF", "20144", 209, "Lakiasiaintoimisto Saari & Niemi", "Helsinki", "N14"),
    Vendor("NWF", "20148", 210, "Kirjapaino Aalto", "Vantaa", "N30"),
    Vendor("NWF", "20152", 211, "Metsolan Ravintola Oy", "Tampere", "N14"),
    Vendor("NWF", "20157", 212, "Pilvi Ohjelmistot Oy", "Helsinki", "N30"),
    Vendor("NWF", "10477", 213, "Nordlicht Logistics", "Hamburg", "N30"),
    Vendor("NWF", "20166", 214, "Vanha Valimo Oy", "Forssa", "N30", inactive=True),
    Vendor("NWF", "20171", 215, "Turvatarvike Laine Oy", "Jyväskylä", "N14"),
)


def vendor(company: str, vendor_id: str) -> Vendor:
    """The vendor with this code in this company. Raises `KeyError` when there is none."""
    for candidate in VENDORS:
        if (candidate.company, candidate.vendor_id) == (company, vendor_id):
            return candidate
    raise KeyError((company, vendor_id))
