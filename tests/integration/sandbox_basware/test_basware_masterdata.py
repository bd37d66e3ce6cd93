"""Master data of every kind posted to the Basware emulator, and what P2P makes of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld, Settings
from mlc_sandbox.basware.masterdata import KINDS, Kind
from mlc_sandbox.faults import Fault

DAY = "2026-03-05T00:00:00Z"
COMPANY = {"companyCode": "US01", "active": True}
NAMES = [{"language": "en-US", "translation": "A name"}]
LEAST: dict[str, dict[str, Any]] = {
    "VendorEntity": {"vendorCode": "1", "name": "Great Lakes", "companies": [{"companyCode": "US01"}]},
    "AccountEntity": {"accountCode": "1", "accountNames": NAMES, "companies": [COMPANY | {"inherit": False}]},
    "CostCenterEntity": {"costCenterCode": "1", "costCenterNames": NAMES, "companies": [COMPANY]},
    "ProjectEntityV2": {
        "projectCode": "1", "projectName": "P", "validFrom": DAY, "validUntil": DAY, "companies": [COMPANY]
    },
    "TaxCodeEntity": {
        "taxCode": "1", "taxCodeNames": NAMES, "taxPercentage": 8.25, "companies": [COMPANY | {"inherit": False}]
    },
    "PaymentTermEntity": {
        "paymentTermCode": "N30", "paymentTermNames": NAMES, "validFrom": DAY, "validTo": DAY,
        "companies": [COMPANY | {"inherit": False}],
    },
    "ExchangeRateEntity": {
        "rate": 1.08, "currencyCodeFrom": "EUR", "currencyCodeTo": "USD", "validFrom": DAY, "companies": [COMPANY]
    },
    "OrderEntity": {
        "orderNumber": "4501", "sourceSystem": "EPICOR-US01", "companyCode": "US01", "organizationElementCode": "US01",
        "currencyCode": "USD", "supplierCode": "1",
    },
    "OrderLineEntity": {"orderExternalCode": "x0", "lineNumber": "1", "quantity": 3, "matchingMode": "Standard"},
    "GenericListEntity": {"text_1": "10", "companies": [COMPANY]},
}  # fmt: skip
SCOPES = " ".join(f"{kind.scope}.{right}" for kind in KINDS for right in ("read", "write"))


def record(kind: Kind | str, number: int = 0, **changes: Any) -> dict[str, Any]:
    schema = kind if isinstance(kind, str) else kind.schema
    return {"externalCode": f"x{number}"} | LEAST[schema] | changes


@pytest.fixture
async def writer(anonymous: httpx.AsyncClient, issue: Any) -> httpx.AsyncClient:
    token = await issue(f"{SCOPES} requestStatus.read errorFeedbacks.read")
    anonymous.headers["Authorization"] = f"Bearer {token['access_token']}"
    return anonymous


async def items_of(writer: httpx.AsyncClient, answered: httpx.Response) -> list[dict[str, Any]]:
    status = await writer.get(f"/v1/requestStatus/{answered.headers['x-amzn-RequestId']}")
    (system,) = status.json()["requestStatus"][0]["systems"]
    found: list[dict[str, Any]] = system["items"]
    return found


@pytest.mark.parametrize("kind", [*KINDS[:10], KINDS[-1]], ids=lambda kind: kind.path)
async def test_a_record_is_posted_read_back_and_settled(
    writer: httpx.AsyncClient, world: BaswareWorld, kind: Kind
) -> None:
    answered = await writer.post(kind.path, json=[record(kind)])
    one = await writer.get(f"{kind.path}/x0")
    listed = await writer.get(kind.path, params={"orderExternalCode": "x0", "companyCode": ""})

    assert answered.status_code == 200, answered.text
    assert one.json()["externalCode"] == "x0"
    assert [each["externalCode"] for each in listed.json()[kind.envelope]] == ["x0"]
    assert [item["status"] for item in await items_of(writer, answered)] == ["Success"]
    assert set(world.p2p[kind.path]) == {"x0"}
    assert (await writer.get(f"{kind.path}/nobody")).status_code == 404
    assert (await writer.post(kind.path, json=[record(kind, n) for n in range(kind.most + 1)])).status_code == 400
    assert (await writer.patch(f"{kind.path}/x0", json=record(kind))).status_code == 405


async def test_lines_are_listed_by_their_order_only(writer: httpx.AsyncClient) -> None:
    assert (await writer.get("/v1/matchingOrderLines")).status_code == 400


async def test_a_scope_is_needed_for_each_api(anonymous: httpx.AsyncClient, issue: Any) -> None:
    token = await issue("accounts.read")
    headers = {"Authorization": f"Bearer {token['access_token']}"}

    assert (await anonymous.post("/v1/accounts", json=[], headers=headers)).status_code == 403


async def test_an_unchanged_record_is_skipped_though_p2p_lost_it(
    writer: httpx.AsyncClient, world: BaswareWorld
) -> None:
    world.faults.add(Fault(kind="record", path="/v1/accounts", method="POST", body={"status": "Lost"}))
    lost = await writer.post("/v1/accounts", json=[record("AccountEntity")])
    again = await writer.post("/v1/accounts", json=[record("AccountEntity")])

    assert await items_of(writer, lost) == []
    assert [item["status"] for item in await items_of(writer, again)] == ["NotProcessed"]
    assert "/v1/accounts" not in world.p2p


async def test_some_records_of_a_batch_are_refused_by_p2p_and_told_both_ways(
    writer: httpx.AsyncClient, world: BaswareWorld
) -> None:
    said = {"codes": ["x1"], "status": "Error", "category": "DataValidation", "message": "no such unit"}
    world.faults.add(Fault(kind="record", path="/v1/costCenters", method="POST", body=said))
    answered = await writer.post("/v1/costCenters", json=[record("CostCenterEntity", n) for n in range(3)])

    items = await items_of(writer, answered)
    told = await writer.get("/v1/errorFeedbacks/CostCenter/x1")
    everything = await writer.get("/v1/errorFeedbacks", params={"entityType": "CostCenter"})
    of_request = await writer.get(f"/v1/errorFeedbacks/{answered.headers['x-amzn-RequestId']}")

    assert [item["status"] for item in items] == ["Success", "Error", "Success"]
    assert told.json()["errorList"][0]["errors"] == ["no such unit"]
    assert everything.json() == of_request.json() == told.json()
    assert (await writer.get("/v1/errorFeedbacks/CostCenter/x0")).status_code == 404
    assert set(world.p2p["/v1/costCenters"]) == {"x0", "x2"}


async def test_a_newer_version_within_a_second_expires_the_older(writer: httpx.AsyncClient) -> None:
    first = await writer.post("/v1/vendors", json=[record("VendorEntity")])
    second = await writer.post("/v1/vendors", json=[record("VendorEntity", name="Newer")])

    assert [item["status"] for item in await items_of(writer, first)] == ["RecordExpired"]
    assert [item["status"] for item in await items_of(writer, second)] == ["Success"]


@pytest.mark.parametrize(
    ("path", "changes", "reason"),
    [
        ("/v1/accounts", {"accountNames": [{"language": "fi-FI", "translation": "Varasto"}]}, "has no en-US"),
        ("/v1/lists/ACC_LIST_11", {"text_6": "x"}, "has no column text_6"),
        ("/v1/lists/ACC_LIST_11", {"text_2": "x" * 51}, "longer than 50"),
        ("/v1/lists/INV_LIST_1", {"number_1": 1}, "has no column number_1"),
        ("/v1/matchingOrderLines", {"quantity": 0}, "must be above 0"),
    ],
)
async def test_what_passes_the_api_and_not_p2p(
    writer: httpx.AsyncClient, path: str, changes: dict[str, Any], reason: str
) -> None:
    kind = next(each for each in KINDS if each.path == path)
    answered = await writer.post(path, json=[record(kind, **changes)])

    (item,) = await items_of(writer, answered)
    assert (answered.status_code, item["status"]) == (200, "Error")
    assert reason in item["errors"][0]["message"]


async def test_p2p_misses_what_a_record_refers_to_until_it_is_there(
    writer: httpx.AsyncClient, world: BaswareWorld
) -> None:
    world.settings = Settings(checks_references=True)
    vendor = record("VendorEntity", paymentTerms={"paymentTermCode": "N30"})

    async def said(path: str, body: dict[str, Any]) -> str:
        (item,) = await items_of(writer, await writer.post(path, json=[body]))
        return str(item["status"])

    order, line = record("OrderEntity"), record("OrderLineEntity")
    early = [await said("/v1/vendors", vendor), await said("/v1/matchingOrders", order)]
    early.append(await said("/v1/matchingOrderLines", line))
    in_order = [
        await said("/v1/paymentTerms", record("PaymentTermEntity")),
        await said("/v1/vendors", vendor | {"description": "again"}),
        await said("/v1/matchingOrders", order | {"description": "again"}),
        await said("/v1/matchingOrderLines", line | {"comment": "again"}),
    ]

    assert early == ["Error"] * 3
    assert in_order == ["Success"] * 4


@pytest.mark.parametrize(("keeps", "stored"), [(False, []), (True, ["x0"])])
async def test_the_good_records_of_a_refused_batch_may_be_kept_or_not(
    writer: httpx.AsyncClient, world: BaswareWorld, keeps: bool, stored: list[str]
) -> None:
    world.settings = Settings(keeps_good_of_refused=keeps, names_refused=False)
    bad = record("AccountEntity", 1, accountCode="x" * 26)

    answered = await writer.post("/v1/accounts", json=[record("AccountEntity"), bad])

    assert answered.status_code == 400
    assert [each["externalCode"] for each in answered.json()["errors"]] == [None]
    assert list(world.records["/v1/accounts"]) == stored
