"""An Epicor emulator on a real socket, and a client that is let in."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mlc_sandbox import serve
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.exact_json import dumps, loads

INVOICES = "Erp.BO.APInvoiceSvc"
GROUPS = "Erp.BO.APInvGrpSvc"
GROUP = "BW261122"
Rows = dict[str, list[dict[str, Any]]]
Body = dict[str, Any]


@dataclass
class Clock:
    """A clock that a test sets."""

    time: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it is said to be."""
        return self.time

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


class Epicor:
    """Calls as an integration makes them, to company NWM unless another is named."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def call(self, method: str, body: Body, *, service: str = INVOICES, company: str = "NWM") -> httpx.Response:
        """POST a method, amounts digit for digit."""
        headers = {"Content-Type": "application/json"}
        return await self.client.post(f"{company}/{service}/{method}", content=dumps(body), headers=headers)

    async def get(self, path: str, *, company: str = "NWM", **params: str) -> httpx.Response:
        """GET a method or an entity set; parameter names with `$` go through a dict."""
        return await self.client.get(f"{company}/{path}", params=params)

    async def set_of(self, path: str, *, company: str = "NWM", **options: str) -> list[dict[str, Any]]:
        """The rows of an entity set; `filter=` stands for `$filter` and so on."""
        params = {f"${name}": value for name, value in options.items()}
        answered = await self.client.get(f"{company}/{path}", params=params)
        assert answered.status_code == 200, answered.text
        rows: list[dict[str, Any]] = loads(answered.content)["value"]
        return rows

    async def open_group(self, group: str = GROUP, *, company: str = "NWM") -> None:
        """Create an AP invoice group as an integration does."""
        new = (
            await self.call("GetNewAPInvGrpNoLock", {"ds": {"APInvGrp": []}}, service=GROUPS, company=company)
        ).json()
        rows = new["parameters"]["ds"]
        rows["APInvGrp"][0]["GroupID"] = group
        saved = await self.call("Update", {"ds": rows}, service=GROUPS, company=company)
        assert saved.status_code == 200, saved.text

    async def save(self, rows: Rows, *, group: str = GROUP, company: str = "NWM", **changes: Any) -> httpx.Response:
        """UpdateMaster; the whole answer."""
        return await self.call("UpdateMaster", {**update_master(rows, group), **changes}, company=company)

    async def held(self, number: str = "SI-1", *, vendor: int = 101, company: str = "NWM") -> Rows:
        """What GetByID shows."""
        path = f"{company}/{INVOICES}/GetByID"
        answered = await self.client.get(path, params={"vendorNum": str(vendor), "invoiceNum": number})
        assert answered.status_code == 200, answered.text
        rows: Rows = loads(answered.content)["returnObj"]
        return rows

    def invoice(self, number: str = "SI-1", **how: Any) -> Rows:
        """See `invoice`."""
        return invoice(number, **how)

    def update_master(self, rows: Rows) -> Body:
        """See `update_master`."""
        return update_master(rows)


def update_master(rows: Rows, group: str = GROUP) -> Body:
    """The body of UpdateMaster with all seven parameters."""
    return {
        "ds": rows,
        "cGroupID": group,
        "cTableName": "APInvHed",
        "runChkCPay": False,
        "runChkBankRef": False,
        "runChkRevChrg": False,
        "suppressUserPrompts": True,
    }


def invoice(
    number: str = "SI-1",
    *,
    lines: tuple[tuple[str, str], ...] = (("1000.00", "6100|10|200"),),
    tax: str = "82.50",
    **header: Any,
) -> Rows:
    """An expense invoice of Great Lakes Fasteners, one line per (amount, account)."""
    net = sum((Decimal(amount) for amount, _ in lines), Decimal(0))
    keys = {"Company": "NWM", "VendorNum": 101, "InvoiceNum": number, **_only(header, "VendorNum", "Company")}
    total = net + Decimal(tax)
    head = {
        **keys,
        "InvoiceDate": "2026-11-03T00:00:00",
        "ApplyDate": "2026-11-03T00:00:00",
        "TermsCode": "N30",
        "CurrencyCode": "USD",
        "DocInvoiceVendorAmt": total,
        "ScrDocInvoiceVendorAmt": total,
        "ExternalID": "bw-1",
        "RowMod": "A",
        **header,
    }
    rows: Rows = {"APInvHed": [head], "APInvDtl": [], "APInvExp": [], "APInvExpTGLC": [], "APInvTax": []}
    for line, (amount, account) in enumerate(lines, start=1):
        for table, row in line_rows(keys, line, Decimal(amount), account).items():
            rows[table] += row
    rows["APInvTax"].append(tax_row(keys, net, Decimal(tax)))
    return rows


def _only(row: Body, *names: str) -> Body:
    return {name: row[name] for name in names if name in row}


def tax_row(keys: Body, net: Decimal, tax: Decimal) -> Body:
    """A manual tax, as Basware gave it."""
    amounts = {"DocTaxableAmt": net, "ScrDocTaxableAmt": net, "DocTaxAmt": tax, "ScrDocTaxAmt": tax}
    return {
        **keys,
        "TaxCode": "US-IL",
        "RateCode": "STD",
        "ECAcquisitionSeq": 0,
        "Manual": True,
        **amounts,
        "RowMod": "A",
    }


def line_rows(keys: Body, line: int, amount: Decimal, account: str) -> Rows:
    """Line, distribution and account of one coding row."""
    segments = dict(zip(("SegValue1", "SegValue2", "SegValue3"), account.split("|"), strict=True))
    place = {"COACode": "MAIN", "BookID": "MAIN", "GLAccount": account}
    key_texts = {"Key1": str(keys["VendorNum"]), "Key2": keys["InvoiceNum"], "Key3": str(line), "Key4": "1"}
    amounts = {"VendorQty": 1, "ScrVendorQty": 1, "DocUnitCost": amount, "DocExtCost": amount, "ScrDocExtCost": amount}
    own = {**keys, "InvoiceLine": line, "RowMod": "A"}
    expense = {**own, "InvExpSeq": 1, **place}
    account_row = {**expense, "RelatedToFile": "APInvExp", **key_texts, **segments, "RecordType": "A"}
    return {
        "APInvDtl": [{**own, "LineType": "M", "Description": f"Row {line}", "PUM": "EA", **amounts}],
        "APInvExp": [{**expense, "DocExpAmt": amount, "DocScrExpAmt": amount}],
        "APInvExpTGLC": [account_row],
    }


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """Loading the certificates takes longer than most tests here."""
    return ssl.create_default_context()


@pytest.fixture
def clock() -> Clock:
    """The emulator's clock."""
    return Clock()


@pytest.fixture
def world() -> EpicorWorld:
    """The emulator's state."""
    return EpicorWorld()


@pytest.fixture
def change(world: EpicorWorld) -> Callable[..., None]:
    """Change settings of the world."""

    def changed(**settings: Any) -> None:
        world.settings = world.settings.model_copy(update=settings)

    return changed


@pytest.fixture
async def root(world: EpicorWorld, clock: Clock) -> AsyncIterator[str]:
    """Where the emulator listens."""
    async with serve.running(epicor_world=world, now=clock) as running:
        yield running.epicor_root


@pytest.fixture
async def anonymous(root: str, tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials; also for the control plane."""
    async with httpx.AsyncClient(base_url=root, trust_env=False, timeout=10, verify=tls) as client:
        yield client


@pytest.fixture
async def epicor(root: str, tls: ssl.SSLContext) -> AsyncIterator[Epicor]:
    """A client that is let in."""
    async with httpx.AsyncClient(
        base_url=f"{root}/sandbox/api/v2/odata/",
        auth=("bwlink", "sandbox-only-password"),
        headers={"x-api-key": "sandbox-only-api-key"},
        trust_env=False,
        timeout=10,
        verify=tls,
    ) as client:
        yield Epicor(client)


@pytest.fixture
async def grouped(epicor: Epicor) -> Epicor:
    """A client whose group is there."""
    await epicor.open_group()
    return epicor
