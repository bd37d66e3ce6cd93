"""The client against the emulator: sign-in, reads by key and by page, what is told when access is denied."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from mlc_common.connection import Epicor
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import UnclearAnswerError
from mlc_epicor.client import EpicorClient
from mlc_epicor.datasets import APInvHedRow, APInvoiceDataset
from mlc_epicor.sign_in import sign_in
from mlc_sandbox.epicor import EpicorWorld, Settings
from mlc_sandbox.faults import Fault
from mlc_sandbox.serve import Running, running

SECRETS = {
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
    "epicor.client_id": "bw-sync",
    "epicor.client_secret": "sandbox-only-secret",
}
VENDORS = "Erp.BO.VendorSvc/Vendors"


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with running(epicor_world=EpicorWorld(settings=Settings(page_cap=7))) as urls:
        yield urls


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=5) as client:
        yield client


def client_of(sandbox: Running, http: httpx.AsyncClient, **options: Any) -> EpicorClient:
    epicor = Epicor.model_validate(
        {"base_url": sandbox.epicor, "token_url": f"{sandbox.epicor_root}/connect/token", **options}
    )
    return EpicorClient(
        http, epicor, sign_in=sign_in(epicor, SECRETS.__getitem__, http=http, life_used=0.8), write_patience=1
    )


def tokens_fetched(sandbox: Running) -> int:
    return sum(call["path"] == "/connect/token" for call in sandbox.epicor_world.calls.log)


async def test_records_are_found_by_key_over_short_pages(sandbox: Running, http: httpx.AsyncClient) -> None:
    keys = [row["VendorID"] for row in sandbox.epicor_world.master.vendors.values() if row["Company"] == "NWM"]
    client = client_of(sandbox, http)

    found = await client.find("NWM", VENDORS, field="VendorID", keys=[*keys, "99999", "O'Neil"], select=["VendorID"])

    assert sorted(row["VendorID"] for row in found) == sorted(keys)


async def test_every_row_of_a_set_comes_once_page_by_page(sandbox: Running, http: httpx.AsyncClient) -> None:
    client = client_of(sandbox, http)
    pages = [page async for page in client.pages("NWM", VENDORS, key="VendorNum", select=["VendorNum", "Name"])]

    numbers = [row["VendorNum"] for page in pages for row in page]
    assert len(pages) > 3
    assert numbers == sorted(number for company, number in sandbox.epicor_world.master.vendors if company == "NWM")


async def test_a_set_whose_page_repeats_comes_to_an_end(http: httpx.AsyncClient) -> None:
    async with saying(http, "200 OK", '{"value": [{"InvoiceNum": "A"}, {"InvoiceNum": "B"}]}') as client:
        pages = client.pages("NWM", VENDORS, key="InvoiceNum", select=["InvoiceNum"])

        assert [row["InvoiceNum"] for row in await anext(pages)] == ["A", "B"]
        with pytest.raises(TransientError, match="given twice"):
            await anext(pages)


async def test_one_token_serves_fifty_calls(sandbox: Running, http: httpx.AsyncClient) -> None:
    client = client_of(sandbox, http, sign_in="oauth2")

    await asyncio.gather(*(client.invoice("NWM", 101, f"X-{number}") for number in range(50)))

    assert tokens_fetched(sandbox) == 1


async def test_a_token_is_renewed_before_it_expires_and_once_more_when_it_was_withdrawn(
    sandbox: Running, http: httpx.AsyncClient
) -> None:
    world = sandbox.epicor_world
    world.settings = world.settings.model_copy(update={"token_life": 2.0})
    client = client_of(sandbox, http, sign_in="oauth2")

    assert await client.invoice("NWM", 101, "X") is None
    await asyncio.sleep(1.7)
    assert await client.invoice("NWM", 101, "X") is None
    assert tokens_fetched(sandbox) == 2
    world.tokens.clear()
    assert await client.invoice("NWM", 101, "X") is None
    assert tokens_fetched(sandbox) == 3


async def test_a_refused_client_is_told_what_to_check_without_its_secret(
    sandbox: Running, http: httpx.AsyncClient
) -> None:
    world = sandbox.epicor_world
    world.settings = world.settings.model_copy(update={"client_secret": SecretStr("sandbox-only-other")})

    with pytest.raises(TransientError, match=r"epicor\.client_secret") as failure:
        await client_of(sandbox, http, sign_in="oauth2").invoice("NWM", 101, "X")

    assert "sandbox-only-secret" not in str(failure.value)


async def test_a_page_in_the_place_of_a_token_is_waited_out(sandbox: Running, http: httpx.AsyncClient) -> None:
    page = "<html><body>Down for maintenance</body></html>"
    sandbox.epicor_world.faults.add(Fault(kind="status", path="connect/token", status=200, body=page))
    client = client_of(sandbox, http, sign_in="oauth2")

    with pytest.raises(TransientError, match=r"gave no token \(Down for maintenance\)"):
        await client.invoice("NWM", 101, "X")

    assert await client.invoice("NWM", 101, "X") is None


@pytest.mark.parametrize("life", ["soon", None, "", [], -5, 1e400])
async def test_a_token_whose_life_cannot_be_read_is_used_all_the_same(
    sandbox: Running, http: httpx.AsyncClient, life: object
) -> None:
    world = sandbox.epicor_world
    world.tokens["odd"] = datetime.now(UTC) + timedelta(hours=1)
    answer = f'{{"access_token":"odd","expires_in":{json.dumps(life)}}}'
    world.faults.add(Fault(kind="status", path="connect/token", status=200, body=answer, times=-1))

    assert await client_of(sandbox, http, sign_in="oauth2").invoice("NWM", 101, "X") is None
    assert tokens_fetched(sandbox) == 1


async def test_a_wrong_password_is_tried_once(sandbox: Running, http: httpx.AsyncClient) -> None:
    world = sandbox.epicor_world
    world.settings = world.settings.model_copy(update={"password": SecretStr("sandbox-only-other")})

    with pytest.raises(TransientError, match="credentials"):
        await client_of(sandbox, http).invoice("NWM", 101, "X")

    assert len(world.calls.log) == 1


async def test_a_call_outside_the_keys_scope_names_the_call(sandbox: Running, http: httpx.AsyncClient) -> None:
    world = sandbox.epicor_world
    world.settings = world.settings.model_copy(update={"denied": frozenset({"Erp.BO.VendorSvc"})})

    with pytest.raises(TransientError, match=r"Access denied \(Erp\.BO\.Vendor"):
        await client_of(sandbox, http).find("NWM", VENDORS, field="VendorID", keys=["10432"], select=["VendorID"])


async def test_a_wrong_address_is_no_absent_invoice(sandbox: Running, http: httpx.AsyncClient) -> None:
    elsewhere = client_of(sandbox, http, base_url=f"{sandbox.epicor_root}/elsewhere")

    with pytest.raises(TransientError, match="base_url"):
        await elsewhere.invoice("NWM", 101, "X")


async def test_an_unknown_column_is_our_fault(sandbox: Running, http: httpx.AsyncClient) -> None:
    with pytest.raises(PermanentError, match="Nonsense"):
        await client_of(sandbox, http).rows("NWM", VENDORS, where="Nonsense eq 1")


async def test_a_groups_life(sandbox: Running, http: httpx.AsyncClient) -> None:
    client = client_of(sandbox, http)
    assert await client.group("NWM", "B2610280") is None

    assert await client.create_group("NWM", "B2610280", apply_date=date(2026, 10, 28)) is None

    group = await client.group("NWM", "B2610280")
    assert group is not None
    assert (group.ApplyDate, group.ActiveUserID) == (date(2026, 10, 28), "bwlink")
    assert await client.unlock_group("NWM", "B2610280") is None
    assert sandbox.epicor_world.groups["NWM", "b2610280"]["ActiveUserID"] == ""
    again = await client.create_group("NWM", "B2610280", apply_date=date(2026, 10, 28))
    assert again is not None
    assert again.is_duplicate


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault(kind="drop_after"), "did not arrive"),
        (Fault(kind="delay", seconds=1.5), "did not arrive"),
        (Fault(kind="status", status=503, body="<h1>Service unavailable</h1>"), "503: Service unavailable"),
    ],
)
async def test_a_write_without_a_clear_answer_is_unclear(
    sandbox: Running, http: httpx.AsyncClient, fault: Fault, text: str
) -> None:
    sandbox.epicor_world.faults.add(fault)
    dataset = APInvoiceDataset(APInvHed=(APInvHedRow(VendorNum=101, InvoiceNum="X", RowMod="A"),))

    with pytest.raises(UnclearAnswerError, match=text):
        await client_of(sandbox, http).update_master("NWM", dataset, group_id="B2610280")


async def test_a_page_in_front_of_epicor_is_no_answer(sandbox: Running, http: httpx.AsyncClient) -> None:
    sandbox.epicor_world.faults.add(Fault(kind="status", path="GetByID", status=400, body="<h1>Maintenance</h1>"))

    with pytest.raises(TransientError, match="Maintenance"):
        await client_of(sandbox, http).invoice("NWM", 101, "X")


@asynccontextmanager
async def saying(http: httpx.AsyncClient, head: str, body: str = "") -> AsyncIterator[EpicorClient]:
    """A client of a server that answers everything with the same."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        epicor = Epicor(base_url=f"http://127.0.0.1:{port}/live")
        signed = sign_in(epicor, SECRETS.__getitem__, http=http, life_used=0.8)
        yield EpicorClient(http, epicor, sign_in=signed, write_patience=1)


async def test_being_sent_to_a_sign_in_page_is_no_answer(http: httpx.AsyncClient) -> None:
    async with saying(http, "302 Found\r\nLocation: http://127.0.0.1:1/login") as client:
        with pytest.raises(TransientError, match="sent elsewhere"):
            await client.delete_invoice("NWM", 101, "X")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"status": "up"}',
        "<html>Welcome</html>",
        '{"returnObj": {"APInvHed": [{"VendorNum": "none"}], "APInvGrp": [{"PostInProcess": "?"}]}}',
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_absence_and_no_end(http: httpx.AsyncClient, body: str) -> None:
    async with saying(http, "200 OK", body) as client:
        with pytest.raises(TransientError):
            await client.invoice("NWM", 101, "X")
        with pytest.raises(TransientError):
            await client.group("NWM", "B2610280")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("404 Not Found", "<html>404</html>"),
        ("404 Not Found", '{"ErrorMessage": "No service matches.", "ErrorType": "Ice.Common.ApiException"}'),
        ("405 Method Not Allowed", '{"Message": "Not here."}'),
        ("408 Request Timeout", ""),
        ("400 Bad Request", "<html>nginx</html>"),
        ("200 OK", '{"status": "up"}'),
    ],
)
async def test_a_set_that_something_else_answers_for_names_what_to_check(
    http: httpx.AsyncClient, head: str, body: str
) -> None:
    async with saying(http, head, body) as client:
        with pytest.raises(TransientError, match=r"check epicor\.base_url"):
            await client.rows("NWM", VENDORS)


@pytest.mark.parametrize("head", ["404 Not Found", "405 Method Not Allowed", "408 Request Timeout", "410 Gone"])
async def test_a_write_that_something_else_turned_away_is_unclear(http: httpx.AsyncClient, head: str) -> None:
    async with saying(http, head, "<html>nobody is there</html>") as client:
        with pytest.raises(UnclearAnswerError, match="nobody is there"):
            await client.delete_invoice("NWM", 101, "X")
