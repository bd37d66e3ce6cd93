"""The segmented chart of accounts of Northwind Manufacturing; both companies use the same one."""

from __future__ import annotations

from dataclasses import dataclass

CHART = "MAIN"
BOOK = "MAIN"
SEGMENTS = {1: "Natural account", 2: "Department", 3: "Cost centre"}


@dataclass(frozen=True)
class Account:
    """A GL account: segments in physical order, e.g. 6100, 10, 200."""

    natural: str
    department: str
    cost_centre: str
    description: str
    active: bool = True

    @property
    def internal(self) -> str:
        """The form Epicor stores and expects: `6100|10|200`."""
        return f"{self.natural}|{self.department}|{self.cost_centre}"

    @property
    def display(self) -> str:
        """The form people read: `6100-10-200`."""
        return f"{self.natural}-{self.department}-{self.cost_centre}"


DEPARTMENTS = {
    "00": "Balance sheet",
    "10": "Administration",
    "20": "Production",
    "30": "Maintenance",
    "40": "Warehouse and logistics",
    "50": "Sales and marketing",
    "60": "Engineering",
    "70": "Quality",
}

COST_CENTRES = {
    "000": "None",
    "200": "Head office",
    "210": "Finance",
    "220": "People",
    "230": "Information technology",
    "310": "Machining",
    "320": "Assembly",
    "330": "Paint shop",
    "340": "Tool room",
    "350": "Foundry (closed)",
    "400": "Plant maintenance",
    "410": "Buildings and grounds",
    "500": "Warehouse",
    "510": "Shipping",
    "600": "Field sales",
    "610": "Marketing",
    "700": "Design",
    "710": "Prototype shop",
    "800": "Quality laboratory",
}

# Natural account, what it is for, and where in the company it is used: department:cost centre.
_CHART_LINES = """
1250 Prepaid expenses              | 00:000
1310 Raw material                  | 00:000
1510 Machinery and equipment       | 00:000
2010 Accounts payable              | 00:000
2150 Input tax                     | 00:000
2190 Received, not invoiced        | 00:000
5010 Direct material               | 20:310 20:320 20:330 20:340
5020 Fasteners and small parts     | 20:310 20:320 20:340
5030 Subcontracted work            | 20:310 20:320 20:330
5110 Inbound freight               | 20:310 20:320 40:500
6100 Office supplies               | 10:200 10:210 10:220 10:230 10:310 50:600 60:700 70:800
6110 Postage and courier           | 10:200 10:210 40:510 50:610
6120 Printing                      | 10:200 50:610 60:700
6200 Cleaning                      | 10:200 20:310 20:320 30:410 40:500 70:800
6210 Electricity                   | 10:200 20:310 20:320 20:330 30:400 40:500
6220 Gas and heating               | 10:200 20:330 30:410
6230 Water and sewer               | 10:200 20:330 30:410
6240 Waste and recycling           | 20:310 20:330 30:410 40:500
6300 Repairs of machines           | 20:310 20:320 20:330 20:340 30:400
6310 Repairs of buildings          | 10:200 30:410 40:500
6320 Consumable tools              | 20:310 20:320 20:340 30:400 60:710
6330 Industrial gases              | 20:310 20:330 20:340
6340 Safety equipment              | 20:310 20:320 20:330 30:400 40:500 70:800
6400 Calibration and testing       | 20:340 60:710 70:800
6410 Packaging                     | 40:500 40:510
6420 Outbound freight              | 40:510
6430 Forklift hire                 | 40:500 40:510
6500 Software subscriptions        | 10:210 10:220 10:230 50:600 60:700 70:800
6510 Hardware below threshold      | 10:230 60:700
6520 Telecommunications            | 10:200 10:230 50:600
6600 Legal fees                    | 10:200 10:210
6610 Audit fees                    | 10:210
6620 Consulting                    | 10:200 10:230 60:700
6630 Agency staff                  | 10:220 20:310 20:320 40:500
6640 Training                      | 10:220 20:320 60:700 70:800
6700 Travel                        | 10:200 50:600 60:700
6710 Meals and entertainment       | 10:200 50:600
6720 Trade shows                   | 50:610
6800 Insurance                     | 10:200 10:210
6900 Sundry expense                | 10:200 20:310 20:350
6999 To be clarified               | 10:200
"""

INACTIVE_ACCOUNTS = frozenset({"6900|20|350", "6720|50|610", "6520|50|600", "6310|40|500"})


def _accounts() -> tuple[Account, ...]:
    found = []
    for line in _CHART_LINES.strip().splitlines():
        name, places = line.split("|")
        for place in places.split():
            department, cost_centre = place.split(":")
            description = f"{name[5:].strip()}, {COST_CENTRES[cost_centre]}"
            active = f"{name[:4]}|{department}|{cost_centre}" not in INACTIVE_ACCOUNTS
            found.append(Account(name[:4], department, cost_centre, description, active=active))
    return tuple(found)


ACCOUNTS = _accounts()
"""One chart, used by both companies."""

NATURAL_ACCOUNTS = {line[:4]: line[5:].split("|")[0].strip() for line in _CHART_LINES.strip().splitlines()}


def active_accounts() -> tuple[Account, ...]:
    """The accounts an invoice may be coded to."""
    return tuple(account for account in ACCOUNTS if account.active and account.department != "00")
