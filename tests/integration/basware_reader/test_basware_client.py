"""The client against the strict emulator, over real HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from decimal import Decimal
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from mlc_basware.client import Accepted, BaswareClient, Refused
from mlc_basware.documents import AccountingDocument, TransferResponse
from mlc_basware.targets import VENDORS
from mlc_common.failures import TransientError, UnknownOutcomeError
from mlc_common.settings import Timings
from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.faults import Fault
from mlc_sandbox.samples import approved_invoices, bulk_invoices

Connect = Callable[..., AbstractAsyncContextManager[BaswareClient]]
Served = Callable[[ASGIApp], AbstractAsyncContextManager[str]]
DOCUMENT = "accountingDocuments/"


def offer(world: BaswareWorld, clock: Any, count: int) -> list[str]:
    return [document.invoice_id for document in world.add(list(bulk_invoices(count)), at=clock())]


def asked(world: BaswareWorld) -> Counter[str]:
    return Counter(f"{call['method']} {call['path'].split('/')[2]}" for call in world.calls.log)


def settings(world: BaswareWorld, **changes: Any) -> None:
    world.settings = world.settings.model_copy(update=changes)


async def test_a_document_is_read_with_its_exact_amounts(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    body = approved_invoices()[0]
    world.add([body], at=clock())

    text = await basware.document(body["invoiceId"])

    assert text is not None
    assert '"grossSum":2684.60' in text
    assert AccountingDocument.parse(text).grossSum == Decimal("2684.60")


async def test_an_unknown_document_is_none(basware: BaswareClient) -> None:
    assert await basware.document("nobody/knows it") is None


async def test_a_list_is_read_through_all_its_pages(basware: BaswareClient, world: BaswareWorld, clock: Any) -> None:
    ids = offer(world, clock, 23)
    settings(world, page_cap=5)

    found = [item["invoiceId"] async for item in basware.documents("WaitingForTransfer")]

    assert found == ids
    assert asked(world)["GET accountingDocuments"] == 5


async def test_an_empty_list_is_no_failure(basware: BaswareClient) -> None:
    assert [item async for item in basware.documents("TransferInProgress")] == []


@pytest.mark.parametrize("place", ["final", "redirect", "both"])
async def test_redirects_are_followed_without_authorisation(
    basware: BaswareClient, world: BaswareWorld, clock: Any, place: str
) -> None:
    ids = offer(world, clock, 7)
    settings(world, redirects=True, redirect_token_on=place, page_cap=3)

    found = [item["invoiceId"] async for item in basware.documents("WaitingForTransfer")]

    assert found == ids
    assert await basware.document(ids[0]) is not None
    statuses = Counter(call["status"] for call in world.calls.log if "_storage" in call["path"])
    assert statuses == {200: 4}


async def test_an_expired_redirect_is_asked_for_anew(basware: BaswareClient, world: BaswareWorld, clock: Any) -> None:
    (invoice_id,) = offer(world, clock, 1)
    settings(world, redirects=True)
    world.faults.add(Fault(kind="status", path="_storage", status=403))

    assert await basware.document(invoice_id) is not None
    assert asked(world)["GET accountingDocuments"] == 2


async def test_a_redirect_that_never_works_is_tried_again_later(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    (invoice_id,) = offer(world, clock, 1)
    settings(world, redirects=True)
    world.faults.add(Fault(kind="status", path="_storage", status=404, times=-1))

    with pytest.raises(TransientError, match="404"):
        await basware.document(invoice_id)


async def test_fifty_parallel_calls_share_one_token(basware: BaswareClient, world: BaswareWorld, clock: Any) -> None:
    ids = offer(world, clock, 50)

    await asyncio.gather(*(basware.document(invoice_id) for invoice_id in ids))

    assert asked(world)["POST tokens"] == 1
    assert world.calls.max_in_flight <= 8


async def test_a_token_that_dies_in_the_middle_is_replaced_unseen(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    ids = offer(world, clock, 6)
    await basware.document(ids[0])
    world.tokens.clear()

    assert all(await asyncio.gather(*(basware.document(invoice_id) for invoice_id in ids)))
    assert asked(world)["POST tokens"] == 2


async def test_a_token_is_renewed_before_its_life_is_over(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    (invoice_id,) = offer(world, clock, 1)
    settings(world, token_life=100)
    for _ in range(4):
        await basware.document(invoice_id)
        clock.forward(50)

    assert asked(world)["POST tokens"] == 2
    assert all(call["status"] == 200 for call in world.calls.log)


async def test_wrong_credentials_say_what_to_check(connect: Connect, url: str, world: BaswareWorld) -> None:
    async with connect(url, secret="sandbox-only-wrong") as client:
        with pytest.raises(TransientError, match=r"401.*check basware.client_id and basware.client_secret") as failure:
            await client.document("1")

    assert "sandbox-only-wrong" not in str(failure.value)
    assert asked(world) == {"POST tokens": 1}


async def test_a_token_that_is_never_good_enough_is_fetched_once_more_only(
    basware: BaswareClient, world: BaswareWorld
) -> None:
    world.faults.add(Fault(kind="status", path=DOCUMENT, status=401, times=-1))

    with pytest.raises(TransientError, match=r"denies connection northwind access \(401\): check"):
        await basware.document("1")

    assert asked(world)["POST tokens"] == 2


async def test_a_missing_right_names_the_rights(basware: BaswareClient, world: BaswareWorld) -> None:
    world.faults.add(Fault(kind="status", path=DOCUMENT, status=403, body={"message": "Forbidden"}))

    with pytest.raises(TransientError, match="check the rights of the API user"):
        await basware.document("1")


async def test_an_ungranted_scope_is_refused_or_reported(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    (invoice_id,) = offer(world, clock, 1)
    settings(world, scopes_granted=frozenset({"accountingDocuments.read"}))
    with pytest.raises(TransientError, match="check that the API user is granted every scope"):
        await basware.document(invoice_id)

    settings(world, ungranted_scope="drop")
    with capture_logs() as logs:
        assert await basware.document(invoice_id) is not None
    (difference,) = [entry for entry in logs if entry["event"] == "basware_scopes_differ"]
    assert difference["missing"] == ["accountingDocuments.write", "requestStatus.read", "vendors.read", "vendors.write"]


async def test_too_many_calls_pause_the_whole_client(basware: BaswareClient, world: BaswareWorld, clock: Any) -> None:
    (invoice_id,) = offer(world, clock, 1)
    world.faults.add(Fault(kind="status", path=DOCUMENT, status=429, retry_after=30))

    with pytest.raises(TransientError) as first:
        await basware.document(invoice_id)
    with pytest.raises(TransientError, match="asked to slow down") as second:
        await basware.document(invoice_id)

    assert first.value.retry_after == 30
    assert second.value.retry_after == pytest.approx(30, abs=3)
    assert asked(world)["GET accountingDocuments"] == 1


@pytest.mark.parametrize("path", ["tokens", DOCUMENT])
async def test_a_page_of_some_proxy_is_no_answer(
    world: BaswareWorld, clock: Any, connect: Connect, served: Served, path: str
) -> None:
    (invoice_id,) = offer(world, clock, 1)

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        text = b'{"access_token": "sandbox", "expires_in": 60}' if path not in scope["path"] else b"<html>Hello</html>"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": text})

    async with served(proxy) as address, connect(address) as client:
        with pytest.raises(TransientError, match="no JSON"):
            await client.document(invoice_id)


@pytest.mark.parametrize("kind", ["drop_before", "status"])
async def test_a_read_that_fails_may_work_later(
    basware: BaswareClient, world: BaswareWorld, clock: Any, kind: str
) -> None:
    (invoice_id,) = offer(world, clock, 1)
    world.faults.add(Fault(kind=kind, path=DOCUMENT))

    with pytest.raises(TransientError):
        await basware.document(invoice_id)
    assert await basware.document(invoice_id) is not None


async def test_a_repeated_acknowledge_is_answered_405(basware: BaswareClient, world: BaswareWorld, clock: Any) -> None:
    (invoice_id,) = offer(world, clock, 1)

    assert await basware.acknowledge(invoice_id) is True
    assert await basware.acknowledge(invoice_id) is False
    assert world.documents[invoice_id].acknowledgements == 1


async def test_an_unclear_acknowledge_is_repeated_later(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    (invoice_id,) = offer(world, clock, 1)
    world.faults.add(Fault(kind="drop_after", path="acknowledge"))

    with pytest.raises(TransientError):
        await basware.acknowledge(invoice_id)
    assert await basware.acknowledge(invoice_id) is False


def response(**members: Any) -> TransferResponse:
    given = {"externalCode": "c-1", "success": True, "responseMessage": "Posted", "voucherNumber1": "118822"}
    return TransferResponse.model_validate(given | members)


async def test_a_transfer_is_answered_once_and_a_second_answer_refused(
    basware: BaswareClient, world: BaswareWorld, clock: Any
) -> None:
    (invoice_id,) = offer(world, clock, 1)
    await basware.acknowledge(invoice_id)

    taken = await basware.transfer_response(invoice_id, response())
    again = await basware.transfer_response(invoice_id, response(externalCode="c-2"))

    assert isinstance(taken, Accepted)
    assert taken.request_id in world.requests
    assert isinstance(again, Refused)
    assert again.status == 400
    assert world.documents[invoice_id].body["voucherNumber1"] == "118822"


async def test_an_answer_without_an_answer_is_unclear(basware: BaswareClient, world: BaswareWorld, clock: Any) -> None:
    (invoice_id,) = offer(world, clock, 1)
    world.faults.add(Fault(kind="drop_after", path="transferResponses"))

    with pytest.raises(UnknownOutcomeError):
        await basware.transfer_response(invoice_id, response())
    assert len(world.documents[invoice_id].answers) == 1


async def test_vendors_are_posted_and_the_bad_ones_named(basware: BaswareClient, world: BaswareWorld) -> None:
    good = {
        "externalCode": "US01_1",
        "vendorCode": "1",
        "name": "Great Lakes Fasteners LLC",
        "companies": [{"companyCode": "US01"}],
    }

    assert isinstance(await basware.post_records(VENDORS, [good]), Accepted)
    refused = await basware.post_records(VENDORS, [good, good | {"externalCode": "US01_2", "vendorCode": "2" * 26}])

    assert list(world.vendors) == ["US01_1"]
    assert isinstance(refused, Refused)
    assert refused.codes == {"US01_2"}


async def test_no_log_line_holds_a_token_a_secret_or_a_signed_address(
    basware: BaswareClient,
    world: BaswareWorld,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    (invoice_id,) = offer(world, clock, 1)
    settings(world, redirects=True)
    world.faults.add(Fault(kind="drop_before", path="_storage"))

    with pytest.raises(TransientError) as failure:
        await basware.document(invoice_id)
    await basware.document(invoice_id)

    told = caplog.text + "".join(capsys.readouterr()) + repr(failure.value) + repr(basware)
    for secret in ("sandbox-only-secret", "X-Amz-Signature", *world.tokens):
        assert secret not in told


async def test_a_basware_that_drips_is_given_up_and_a_token_that_drips_keeps_nobody(connect: Connect, url: str) -> None:
    quick = Timings(basware_read=0.3, basware_connect=0.3)
    drips: list[str] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        drips.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    dripping = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for both in ({"token_url": f"{url}/v1/tokens"}, {}):
        async with connect(dripping, timings=quick, **both) as client, asyncio.timeout(8):
            outcomes = await asyncio.gather(*(client.document("1") for _ in range(5)), return_exceptions=True)
            assert {type(each) for each in outcomes} == {TransientError}
            with pytest.raises(TransientError):
                await client.acknowledge("1")
    assert drips[0] == "/v1/accountingDocuments/1"
    assert drips[-1] == "/v1/tokens"
    assert drips.count("/v1/tokens") == 2, "one for the five who wait together, and a new one after it failed"
    server.close()


async def test_nobody_listening_is_a_transient_failure(connect: Connect) -> None:
    async with connect("http://127.0.0.1:9") as client:
        with pytest.raises(TransientError, match="no connection"):
            await client.document("1")
