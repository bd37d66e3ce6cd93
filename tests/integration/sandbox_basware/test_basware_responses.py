"""Responses that the Basware emulator takes, stores and refuses."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld, Settings

Place = Callable[[int], list[str]]

LIST = "/v1/accountingDocuments"


def success(code: str = "answer-1", **changes: Any) -> dict[str, Any]:
    """A transfer response that the emulator takes."""
    return {
        "externalCode": code,
        "success": True,
        "responseMessage": "Posted to Epicor AP, company NWM, group BW0305",
        "sourceSystem": "EPICOR-US01",
        "voucherNumber1": "118822",
        "voucherNumber2": "INV-88214",
        "transferDate": "2026-11-22T08:33:40Z",
        "paymentBlock": False,
    } | changes


def failure(code: str = "answer-1", **changes: Any) -> dict[str, Any]:
    """A transfer response that says no."""
    return {
        "externalCode": code,
        "success": False,
        "responseMessage": "Account is inactive",
        "paymentBlock": False,
    } | changes


@pytest.fixture
async def invoice(api: httpx.AsyncClient, placed: Place) -> str:
    """An acknowledged document's path."""
    (invoice_id,) = placed(1)
    await api.post(f"{LIST}/{invoice_id}/acknowledge")
    return f"{LIST}/{invoice_id}"


async def read(api: httpx.AsyncClient, invoice: str) -> dict[str, Any]:
    """The document as the API has it."""
    answered = await api.get(invoice)
    document: dict[str, Any] = answered.json()["accountingDocuments"][0]
    return document


async def test_a_success_is_echoed_and_makes_the_document_transferred(api: httpx.AsyncClient, invoice: str) -> None:
    answered = await api.post(f"{invoice}/transferResponses", json=success())
    document = await read(api, invoice)
    assert (answered.status_code, answered.json()) == (200, success())
    assert document["processingStatus"] == "Transferred"
    assert document["voucherNumber1"] == "118822"
    assert [given["externalCode"] for given in document["transferResponses"]] == ["answer-1"]


async def test_a_failure_keeps_no_voucher_numbers(api: httpx.AsyncClient, invoice: str) -> None:
    await api.post(f"{invoice}/transferResponses", json=failure(voucherNumber1="118822"))
    document = await read(api, invoice)
    assert document["processingStatus"] == "TransferFailed"
    assert document.get("voucherNumber1") is None
    assert "voucherNumber1" not in document["transferResponses"][0]


async def test_the_request_id_leads_to_a_request_status(api: httpx.AsyncClient, invoice: str) -> None:
    answered = await api.post(f"{invoice}/transferResponses", json=success())
    status = await api.get(f"/v1/requestStatus/{answered.headers['x-amzn-RequestId']}")
    (record,) = status.json()["requestStatus"]
    assert (record["entityType"], record["requestStatus"]) == ("TransferResponse", "Success")
    assert record["systems"][0]["items"][0]["parentExternalCode"] == invoice.rpartition("/")[2]
    assert (await api.get("/v1/requestStatus/unknown")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "blue"}, "colour"),
        ({"responseMessage": "x" * 251}, "responseMessage"),
        ({"responseMessage": ""}, "responseMessage"),
        ({"responseMessage": None}, "responseMessage"),
        ({"externalCode": "x" * 37}, "externalCode"),
        ({"voucherNumber1": 118822}, "voucherNumber1"),
        ({"voucherNumber1": "x" * 26}, "voucherNumber1"),
        ({"success": "true"}, "success"),
        ({"paymentBlock": None}, "paymentBlock"),
        ({"transferDate": "22.11.2026"}, "transferDate"),
    ],
)
async def test_a_body_that_breaks_the_schema_is_refused_with_the_members_name(
    api: httpx.AsyncClient, invoice: str, changes: dict[str, Any], named: str
) -> None:
    answered = await api.post(f"{invoice}/transferResponses", json=success(**changes))
    refusal = answered.json()
    assert answered.status_code == 400
    assert refusal["hasErrors"] is True
    assert refusal["requestId"] == answered.headers["x-amzn-RequestId"]
    assert [named in each["message"] for each in refusal["errors"]] == [True]
    assert refusal["errors"][0]["code"] == "SCHEMA_VALIDATION_ERROR"
    assert (await read(api, invoice))["processingStatus"] == "TransferInProgress"


async def test_missing_members_are_all_named_at_once(api: httpx.AsyncClient, invoice: str) -> None:
    answered = await api.post(f"{invoice}/transferResponses", json={"externalCode": "a"})
    assert len(answered.json()["errors"]) == 3


@pytest.mark.parametrize("body", [b"[]", b"{", b"null"])
async def test_a_body_that_is_no_object_is_refused(api: httpx.AsyncClient, invoice: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answered = await api.post(f"{invoice}/transferResponses", content=body, headers=headers)
    assert answered.status_code == 400


async def test_a_body_that_is_not_declared_as_json_is_refused(api: httpx.AsyncClient, invoice: str) -> None:
    answered = await api.post(f"{invoice}/transferResponses", content=b"{}", headers={"Content-Type": "text/plain"})
    assert answered.status_code == 400


async def test_a_transferred_document_takes_no_other_transfer_response(api: httpx.AsyncClient, invoice: str) -> None:
    await api.post(f"{invoice}/transferResponses", json=success())
    again = await api.post(f"{invoice}/transferResponses", json=success("answer-2"))
    replay = await api.post(f"{invoice}/transferResponses", json=success())
    assert again.status_code == replay.status_code == 400
    assert len((await read(api, invoice))["transferResponses"]) == 1


async def test_a_failed_transfer_takes_another_answer_only_if_so_set(
    api: httpx.AsyncClient, invoice: str, world: BaswareWorld
) -> None:
    await api.post(f"{invoice}/transferResponses", json=failure())
    refused = await api.post(f"{invoice}/transferResponses", json=success("answer-2"))
    world.settings = Settings(answer_after_failure=True)
    taken = await api.post(f"{invoice}/transferResponses", json=success("answer-2"))
    assert (refused.status_code, taken.status_code) == (400, 200)


async def test_an_external_code_serves_once_per_document(
    api: httpx.AsyncClient, invoice: str, anonymous: httpx.AsyncClient
) -> None:
    await api.post(f"{invoice}/transferResponses", json=failure())
    await anonymous.post(f"/_sandbox/retransfer/{invoice.rpartition('/')[2]}")
    same = await api.post(f"{invoice}/transferResponses", json=success("answer-1"))
    fresh = await api.post(f"{invoice}/transferResponses", json=success("answer-2"))
    assert (same.status_code, fresh.status_code) == (400, 200)


@pytest.mark.parametrize("status", [400, 409])
async def test_a_response_during_an_acknowledge_is_refused(
    api: httpx.AsyncClient, world: BaswareWorld, placed: Place, status: int
) -> None:
    (invoice_id,) = placed(1)
    world.settings = Settings(acknowledge_seconds=0.3, response_during_acknowledge=status)
    acknowledging = asyncio.create_task(api.post(f"{LIST}/{invoice_id}/acknowledge"))
    while not world.documents[invoice_id].acknowledging:
        await asyncio.sleep(0.005)
    refused = await api.post(f"{LIST}/{invoice_id}/transferResponses", json=success())
    assert (await acknowledging).status_code == 200
    taken = await api.post(f"{LIST}/{invoice_id}/transferResponses", json=success())
    assert (refused.status_code, taken.status_code) == (status, 200)


async def test_of_many_answers_at_once_one_is_taken(api: httpx.AsyncClient, world: BaswareWorld, invoice: str) -> None:
    answers = await asyncio.gather(
        *(api.post(f"{invoice}/transferResponses", json=success(f"a-{n}")) for n in range(20))
    )
    assert sorted(answered.status_code for answered in answers) == [200] + [400] * 19
    assert world.refused_answers == {"transferResponses": 19}


async def test_only_the_latest_hundred_responses_are_kept(
    api: httpx.AsyncClient, world: BaswareWorld, invoice: str
) -> None:
    world.settings = Settings(answer_after_failure=True)
    for number in range(102):
        await api.post(f"{invoice}/transferResponses", json=failure(f"answer-{number}"))
    kept = (await read(api, invoice))["transferResponses"]
    assert (len(kept), kept[0]["externalCode"]) == (100, "answer-2")
    assert len(world.documents[invoice.rpartition("/")[2]].answers) == 102


async def test_a_response_to_an_unknown_document_is_404(api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{LIST}/nothing/transferResponses", json=success())).status_code == 404


async def test_a_payment_before_the_transfer_is_refused(api: httpx.AsyncClient, invoice: str) -> None:
    answered = await api.post(
        f"{invoice}/paymentResponses", json={"externalCode": "p", "success": True, "paymentBlock": False}
    )
    assert answered.status_code == 409


async def test_what_a_payment_leaves_out_is_cleared(api: httpx.AsyncClient, invoice: str, world: BaswareWorld) -> None:
    await api.post(f"{invoice}/transferResponses", json=success())
    full = {"externalCode": "p-1", "success": True, "paymentBlock": False, "paymentMethod": "ACH", "paidTotal": 10.5}
    await api.post(f"{invoice}/paymentResponses", json=full)
    document = world.documents[invoice.rpartition("/")[2]]
    first = dict(document.payment)
    await api.post(f"{invoice}/paymentResponses", json={"externalCode": "p-2", "success": True, "paymentBlock": False})
    assert document.status == "Paid"
    assert (first["paymentMethod"], str(first["paidTotal"])) == ("ACH", "10.5")
    assert document.payment == {"paymentDate": "2026-11-22", "success": True, "paymentBlock": False}
    assert document.body["paymentMethod"] is None


async def test_a_payment_without_success_changes_nothing(
    api: httpx.AsyncClient, invoice: str, world: BaswareWorld
) -> None:
    await api.post(f"{invoice}/transferResponses", json=success())
    body = {"externalCode": "p-1", "success": False, "paymentBlock": True, "paymentMethod": "CHECK"}
    answered = await api.post(f"{invoice}/paymentResponses", json=body)
    document = world.documents[invoice.rpartition("/")[2]]
    assert (answered.status_code, document.status, document.payment) == (200, "Transferred", {})
    assert document.body["paymentBlock"] is False


async def test_prebook_and_enrichment_have_their_own_statuses(
    api: httpx.AsyncClient, world: BaswareWorld, placed: Place, clock: Any
) -> None:
    first, second = placed(2)
    world.documents[first].move("PrebookInProgress", at=clock())
    world.documents[second].move("EnrichmentTransferInProgress", at=clock())
    prebook = {"externalCode": "b", "success": True, "responseMessage": "Logged", "paymentBlock": True}
    enrichment = {"externalCode": "e", "success": False, "responseMessage": "Not loaded"}
    await api.post(f"{LIST}/{first}/prebookResponses", json=prebook)
    await api.post(f"{LIST}/{second}/enrichmentResponses", json=enrichment)
    assert world.documents[first].status == "Prebooked"
    assert world.documents[second].status == "EnrichmentTransferFailed"


@pytest.mark.parametrize(("in_full", "status"), [(False, "Paid"), (True, "Transferred")])
async def test_whether_a_part_makes_it_paid_is_a_tenants_own(
    api: httpx.AsyncClient, invoice: str, world: BaswareWorld, in_full: bool, status: str
) -> None:
    world.settings = world.settings.model_copy(update={"paid_in_full": in_full})
    await api.post(f"{invoice}/transferResponses", json=success())
    part = {"externalCode": "p-1", "success": True, "paymentBlock": False, "paidTotal": 1}

    await api.post(f"{invoice}/paymentResponses", json=part)
    assert (await read(api, invoice))["processingStatus"] == status

    await api.post(f"{invoice}/paymentResponses", json=part | {"externalCode": "p-2", "paidTotal": 10_000_000})
    document = await read(api, invoice)
    assert document["processingStatus"] == "Paid"
    assert [each["externalCode"] for each in document["paymentResponses"]] == ["p-1", "p-2"]
