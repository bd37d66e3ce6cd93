"""Accounting documents of the Basware emulator: list, single, acknowledge."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx

from mlc_sandbox.basware import BaswareWorld, Settings
from mlc_sandbox.exact_json import loads
from mlc_sandbox.samples import approved_invoices

Place = Callable[[int], list[str]]

LIST = "/v1/accountingDocuments"
TOKEN = "x-amz-meta-continuationtoken"


async def read_all(api: httpx.AsyncClient, query: dict[str, Any]) -> list[list[str]]:
    """Every page, the token in the header and the query the same."""
    pages, token = [], ""
    while token is not None:
        answered = await api.get(LIST, params=query, headers={TOKEN: token} if token else {})
        assert answered.status_code == 200, answered.text
        pages.append([document["invoiceId"] for document in answered.json()["accountingDocuments"]])
        token = answered.headers.get(TOKEN)
    return pages


async def test_an_empty_list_is_404_without_a_body(api: httpx.AsyncClient) -> None:
    answered = await api.get(LIST, params={"ProcessingStatus": "WaitingForTransfer"})
    assert (answered.status_code, answered.content) == (404, b"")


async def test_amounts_come_back_digit_for_digit(api: httpx.AsyncClient, world: BaswareWorld, clock: Any) -> None:
    (document,) = world.add(approved_invoices()[:1], at=clock())
    answered = await api.get(f"{LIST}/{document.invoice_id}")
    (read,) = loads(answered.content)["accountingDocuments"]
    assert read["netSum"] == Decimal("2480.00")
    assert '"netSum":2480.00' in answered.text


async def test_one_document_comes_in_an_array(api: httpx.AsyncClient, placed: Place) -> None:
    first, _ = placed(2)
    answered = await api.get(f"{LIST}/{first}")
    assert [document["invoiceId"] for document in answered.json()["accountingDocuments"]] == [first]


async def test_an_unknown_document_is_404(api: httpx.AsyncClient) -> None:
    answered = await api.get(f"{LIST}/nothing")
    assert answered.status_code == 404
    assert answered.json()["errors"][0]["code"] == "ENTITY_NOT_FOUND"


async def test_pages_follow_the_token_in_the_header(api: httpx.AsyncClient, placed: Place) -> None:
    ids = placed(7)
    pages = await read_all(api, {"ProcessingStatus": "WaitingForTransfer", "pageSize": 3})
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each for page in pages for each in page] == ids


async def test_pages_can_be_shorter_than_asked_for(api: httpx.AsyncClient, world: BaswareWorld, placed: Place) -> None:
    ids = placed(7)
    world.settings = Settings(page_cap=2)
    pages = await read_all(api, {"ProcessingStatus": "WaitingForTransfer", "pageSize": 100})
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert [each for page in pages for each in page] == ids


async def test_many_coding_rows_make_a_page_shorter_but_never_empty(
    api: httpx.AsyncClient, world: BaswareWorld, clock: Any
) -> None:
    documents = approved_invoices()
    world.add([documents[-1], *documents[:2]], at=clock())
    world.settings = Settings(page_coding_rows=10)
    pages = await read_all(api, {})
    assert [len(page) for page in pages] == [1, 2]


async def test_a_token_with_another_query_is_refused(api: httpx.AsyncClient, placed: Place) -> None:
    placed(3)
    first = await api.get(LIST, params={"pageSize": 1})
    token = first.headers[TOKEN]
    other = await api.get(LIST, params={"pageSize": 2}, headers={TOKEN: token})
    unknown = await api.get(LIST, params={"pageSize": 1}, headers={TOKEN: "x"})
    assert other.status_code == unknown.status_code == 400
    assert other.json()["errors"][0]["code"] == "PARAMETER_VALIDATION_ERROR"


async def test_a_token_in_the_query_is_ignored(api: httpx.AsyncClient, placed: Place) -> None:
    placed(3)
    first = await api.get(LIST, params={"pageSize": 1})
    again = await api.get(LIST, params={"pageSize": 1, TOKEN: first.headers[TOKEN]})
    assert again.json() == first.json()


async def test_acknowledging_while_paging_shifts_the_result(api: httpx.AsyncClient, placed: Place) -> None:
    ids = placed(4)
    query: dict[str, Any] = {"ProcessingStatus": "WaitingForTransfer", "pageSize": 2}
    first = await api.get(LIST, params=query)
    await api.post(f"{LIST}/{ids[0]}/acknowledge")
    second = await api.get(LIST, params=query, headers={TOKEN: first.headers[TOKEN]})
    assert [document["invoiceId"] for document in second.json()["accountingDocuments"]] == [ids[3]]


async def test_keyset_paging_does_not_shift(api: httpx.AsyncClient, world: BaswareWorld, placed: Place) -> None:
    ids = placed(4)
    world.settings = Settings(paging="keyset")
    query: dict[str, Any] = {"ProcessingStatus": "WaitingForTransfer", "pageSize": 2}
    first = await api.get(LIST, params=query)
    await api.post(f"{LIST}/{ids[0]}/acknowledge")
    second = await api.get(LIST, params=query, headers={TOKEN: first.headers[TOKEN]})
    assert [document["invoiceId"] for document in second.json()["accountingDocuments"]] == ids[2:]


async def test_the_status_filter_has_a_capital_letter_and_others_are_ignored(
    api: httpx.AsyncClient, placed: Place
) -> None:
    placed(2)
    right = await api.get(LIST, params={"ProcessingStatus": "Transferred"})
    small = await api.get(LIST, params={"processingStatus": "Transferred", "colour": "blue"})
    assert right.status_code == 404
    assert len(small.json()["accountingDocuments"]) == 2


async def test_values_that_are_not_allowed_are_refused(api: httpx.AsyncClient, placed: Place) -> None:
    placed(1)
    wrong: list[dict[str, Any]] = [
        {"ProcessingStatus": "waitingForTransfer"},
        {"pageSize": 0},
        {"pageSize": 101},
        {"pageSize": "ten"},
        {"lastUpdated": "yesterday"},
        {"p2pProcessingMode": "Other"},
    ]
    answers = [await api.get(LIST, params=query) for query in wrong]
    assert [answered.status_code for answered in answers] == [400] * len(wrong)


async def test_the_list_can_be_narrowed_by_company_mode_and_last_change(
    api: httpx.AsyncClient, world: BaswareWorld, placed: Place, clock: Any
) -> None:
    ids = placed(6)
    companies = {world.documents[each].body["companyCode"] for each in ids}
    assert companies == {"US01", "FI01"}
    american = await api.get(LIST, params={"companyCode": "US01"})
    assert {document["companyCode"] for document in american.json()["accountingDocuments"]} == {"US01"}
    assert (await api.get(LIST, params={"p2pProcessingMode": "InvoiceEnrichment"})).status_code == 404
    mark = clock().isoformat()
    clock.forward(1)
    await api.post(f"{LIST}/{ids[1]}/acknowledge")
    changed = await api.get(LIST, params={"lastUpdated": mark})
    assert [document["invoiceId"] for document in changed.json()["accountingDocuments"]] == [ids[1]]


async def test_an_acknowledge_moves_the_document_out_of_the_work_list(
    api: httpx.AsyncClient, world: BaswareWorld, placed: Place
) -> None:
    (invoice_id,) = placed(1)
    answered = await api.post(f"{LIST}/{invoice_id}/acknowledge")
    assert answered.status_code == 200
    assert isinstance(answered.json(), str)
    assert world.documents[invoice_id].status == "TransferInProgress"
    assert answered.headers["x-amzn-RequestId"]
    assert (await api.get(LIST, params={"ProcessingStatus": "WaitingForTransfer"})).status_code == 404


async def test_a_prebook_is_acknowledged_into_its_own_status(
    api: httpx.AsyncClient, world: BaswareWorld, placed: Place, clock: Any
) -> None:
    (invoice_id,) = placed(1)
    world.documents[invoice_id].move("WaitingForPrebook", at=clock())
    await api.post(f"{LIST}/{invoice_id}/acknowledge")
    assert world.documents[invoice_id].status == "PrebookInProgress"


async def test_a_repeated_acknowledge_is_answered_405(
    api: httpx.AsyncClient, world: BaswareWorld, placed: Place
) -> None:
    (invoice_id,) = placed(1)
    await api.post(f"{LIST}/{invoice_id}/acknowledge")
    again = await api.post(f"{LIST}/{invoice_id}/acknowledge")
    assert again.status_code == 405
    assert again.json()["errors"][0]["code"] == "METHOD_NOT_ALLOWED"
    assert world.documents[invoice_id].acknowledgements == 1


async def test_of_two_acknowledges_at_once_one_wins(api: httpx.AsyncClient, world: BaswareWorld, placed: Place) -> None:
    (invoice_id,) = placed(1)
    world.settings = Settings(acknowledge_seconds=0.05)
    answers = await asyncio.gather(*(api.post(f"{LIST}/{invoice_id}/acknowledge") for _ in range(5)))
    assert sorted(answered.status_code for answered in answers) == [200, 405, 405, 405, 405]


async def test_an_acknowledge_of_an_unknown_document_is_404(api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{LIST}/nothing/acknowledge")).status_code == 404


async def test_the_status_search_is_a_bare_array(api: httpx.AsyncClient, world: BaswareWorld, clock: Any) -> None:
    (document,) = world.add(approved_invoices()[:1], at=clock())
    query = {"companyCode": "US01", "invoiceNumber": "INV-88214", "invoiceDate": document.body["invoiceDate"]}
    found = await api.get(f"{LIST}/status", params=query)
    incomplete = await api.get(f"{LIST}/status", params={"companyCode": "US01"})
    assert [each["status"] for each in found.json()] == ["InApprovalProcess"]
    assert incomplete.status_code == 400


async def test_documents_cannot_be_deleted_here(api: httpx.AsyncClient) -> None:
    assert (await api.delete(LIST)).status_code == 405
