"""Master data by the thousand, and what people do to it, under `/_sandbox/master`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.company import CHART
from mlc_sandbox.epicor.tables import columns
from mlc_sandbox.epicor.wire import Row, answer
from mlc_sandbox.epicor.world import EpicorWorld
from mlc_sandbox.exact_json import loads

FIRST_VENDOR = 100_001
Clock = Callable[[], datetime]


def routes(world: EpicorWorld, *, now: Clock) -> list[Route]:
    """`POST seed` adds `vendors` and `accounts` to a `company`; `POST change` sets columns of rows.

    A change says `table`, `company`, `set`, and which rows: the last `count` of them, `every` n-th of those.
    """

    async def seed(request: Request) -> Response:
        body: Any = loads(await request.body())
        add_vendors(world, body["company"], body.get("vendors", 0))
        add_accounts(world, body["company"], body.get("accounts", 0))
        return answer({table: len(world.master.rows[table]) for table in ("Vendor", "GLAccount")})

    async def change(request: Request) -> Response:
        body: Any = loads(await request.body())
        rows = world.master.of(body["table"], body["company"])
        rows = rows[len(rows) - body.get("count", len(rows)) :: body.get("every", 1)]
        for row in rows:
            write(world, body["table"], row, body["set"], at=now())
        return answer({"changed": len(rows)})

    return [
        Route("/_sandbox/master/seed", seed, methods=["POST"]),
        Route("/_sandbox/master/change", change, methods=["POST"]),
    ]


def add_vendors(world: EpicorWorld, company: str, count: int) -> None:
    """So many vendors more, each with an address of its own."""
    master = world.master
    home = master.companies[company]
    for number in range(FIRST_VENDOR, FIRST_VENDOR + count):
        row: Row = {
            "Company": company,
            "VendorNum": number,
            "VendorID": f"V{number}",
            "Name": f"Supplier number {number} of {company}",
            "Address1": f"{number % 997} Harbour Street",
            "City": f"Town {number % 211}",
            "ZIP": f"{number % 89_999 + 10_000}",
            "Country": home["Country"],
            "TermsCode": "N30",
            "CurrencyCode": home["CurrencyCode"],
            "EMailAddress": f"ap{number}@supplier.example",
            "Inactive": number % 50 == 0,
            "PayHold": False,
            "Approved": True,
            **world.stamp(),
        }
        master.rows["Vendor"].append(row)
        master.vendors[company, number] = row
        master.vendor_ids[company, row["VendorID"]] = row


def add_accounts(world: EpicorWorld, company: str, count: int) -> None:
    """So many GL accounts more: natural accounts with a hundred departments each."""
    master = world.master
    for number in range(count):
        natural, department = f"{7000 + number // 100}", f"D{number % 100:02d}"
        account = f"{natural}|{department}|900"
        row: Row = {
            "Company": company,
            "COACode": CHART,
            "GLAccount": account,
            "AccountDesc": f"Account {natural} of department {department}",
            "SegValue1": natural,
            "SegValue2": department,
            "SegValue3": "900",
            "Active": True,
            "EffFrom": "2015-01-01T00:00:00",
            "EffTo": None,
            "GLAcctDispGLAcctDisp": account.replace("|", "-"),
            "GLAcctDispAccountDesc": f"Account {natural} of department {department}",
            **world.stamp(),
        }
        master.rows["GLAccount"].append(row)
        master.accounts[company, CHART, account] = row


def write(world: EpicorWorld, table: str, row: Row, changes: Row, *, at: datetime) -> None:
    """What a save does to a row: the columns, the revision, and the date of change where the table has one."""
    row |= {**changes, "SysRevID": world.next_revision()}
    if "ChangeDate" in columns(table):
        row["ChangeDate"] = at.replace(tzinfo=None).isoformat(timespec="milliseconds")


def remove(world: EpicorWorld, table: str, row: Row) -> None:
    """Delete a row; nothing says that it was there."""
    rows = world.master.rows[table]
    del rows[next(place for place, each in enumerate(rows) if each is row)]
    world.next_revision()
