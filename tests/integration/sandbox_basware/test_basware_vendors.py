"""Vendors posted to the Basware emulator."""

from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld, Settings

TOKEN = "x-amz-meta-continuationtoken"


def vendor(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One vendor with what is required."""
    return {
        "externalCode": f"US01_{number}",
        "vendorCode": str(number),
        "name": "Great Lakes Fasteners LLC",
        "companies": [{"companyCode": "US01"}],
    } | changes


async def test_posted_vendors_are_echoed_and_read_back_in_their_envelope(api: httpx.AsyncClient) -> None:
    answered = await api.post("/v1/vendors", json=[vendor(1), vendor(2)])
    listed = await api.get("/v1/vendors")
    assert (answered.status_code, answered.json()) == (200, [vendor(1), vendor(2)])
    assert [each["externalCode"] for each in listed.json()["vendorEntities"]] == ["US01_1", "US01_2"]


async def test_no_vendors_are_404(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/vendors")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "The field name must be a string with a minimum length of 1."),
        ({"vendorCode": "x" * 26}, "The field vendorCode must be a string with a maximum length of 25."),
        ({"companies": None}, "The field companies is required."),
        ({"colour": "blue"}, "The field colour is not known."),
        ({"companies": [{"active": True, "companyCode": "US01"}]}, "The field companies[0].active is not known."),
        ({"addresses": [{"name": "Main"}]}, "The field addresses[0].externalCode is required."),
        ({"paymentTerms": []}, "paymentTerms. must be an object."),
        ({"orderingDetails": {"orderEmail": "Upper@Example.test"}}, "orderingDetails.orderEmail does not match"),
    ],
)
async def test_a_vendor_that_breaks_the_schema_is_named_and_nothing_is_stored(
    api: httpx.AsyncClient, world: BaswareWorld, changes: dict[str, Any], sentence: str
) -> None:
    answered = await api.post("/v1/vendors", json=[vendor(1), vendor(2, **changes)])
    (error,) = answered.json()["errors"]
    assert answered.status_code == 400
    assert sentence in error["message"]
    assert error["externalCode"] == "US01_2"
    assert world.vendors == {}


async def test_more_than_two_hundred_at_once_are_refused(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/vendors", json=[vendor(n) for n in range(201)])).status_code == 400
    assert (await api.post("/v1/vendors", json=[vendor(n) for n in range(200)])).status_code == 200


async def test_one_vendor_twice_in_a_request_is_a_conflict(api: httpx.AsyncClient) -> None:
    answered = await api.post("/v1/vendors", json=[vendor(1), vendor(1)])
    assert (answered.status_code, answered.json()["errors"][0]["code"]) == (409, "CONFLICT_IN_POST")


async def test_one_vendor_alone_must_still_be_in_an_array(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/vendors", json=vendor())).status_code == 400


async def test_over_six_megabytes_are_refused(api: httpx.AsyncClient) -> None:
    big = [vendor(n, vendorParent="x" * 40_000) for n in range(160)]
    assert (await api.post("/v1/vendors", json=big)).status_code == 413


async def test_an_unchanged_vendor_is_reported_as_not_processed(api: httpx.AsyncClient) -> None:
    await api.post("/v1/vendors", json=[vendor(1)])
    again = await api.post("/v1/vendors", json=[vendor(1), vendor(2)])
    status = await api.get(f"/v1/requestStatus/{again.headers['x-amzn-RequestId']}")
    items = status.json()["requestStatus"][0]["systems"][0]["items"]
    assert [item["status"] for item in items] == ["NotProcessed", "Success"]


async def test_vendors_come_in_pages_and_by_company(api: httpx.AsyncClient, world: BaswareWorld) -> None:
    await api.post("/v1/vendors", json=[vendor(n) for n in range(5)])
    await api.post("/v1/vendors", json=[vendor(9, companies=[{"companyCode": "FI01"}])])
    world.settings = Settings(page_cap=3)
    first = await api.get("/v1/vendors")
    second = await api.get("/v1/vendors", headers={TOKEN: first.headers[TOKEN]})
    finnish = await api.get("/v1/vendors", params={"companyCode": "FI01"})
    wrong = await api.get("/v1/vendors", params={"pageSize": 501})
    assert [len(page.json()["vendorEntities"]) for page in (first, second, finnish)] == [3, 3, 1]
    assert TOKEN not in second.headers
    assert wrong.status_code == 400
