"""What stands in front of Epicor answers in its place: nothing of that may count as Epicor's word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
import pytest_asyncio

from mlc_common.connection import Epicor
from mlc_common.failures import TransientError
from mlc_common.http import UnclearAnswerError
from mlc_epicor.client import EpicorClient
from mlc_epicor.group_posting import GroupPoster
from mlc_epicor.sign_in import BasicSignIn
from mlc_epicor.transport import Transport
from mlc_sandbox.faults import Fault
from mlc_sandbox.serve import Running, running

PAGE = "<html><title>Maintenance</title></html>"
DAY = date(2026, 11, 22)
ACCOUNT = "6100|10|200"


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with running() as urls:
        yield urls


@pytest_asyncio.fixture
async def transport(sandbox: Running) -> AsyncIterator[Transport]:
    sign_in = BasicSignIn("bwlink", "sandbox-only-password", "sandbox-only-api-key")
    async with httpx.AsyncClient(timeout=5) as http:
        yield Transport(http, Epicor(base_url=sandbox.epicor), sign_in=sign_in, write_patience=5, licence=None)


@pytest_asyncio.fixture
async def client(sandbox: Running) -> AsyncIterator[EpicorClient]:
    sign_in = BasicSignIn("bwlink", "sandbox-only-password", "sandbox-only-api-key")
    async with httpx.AsyncClient(timeout=5) as http:
        yield EpicorClient(http, Epicor(base_url=sandbox.epicor), sign_in=sign_in, write_patience=5)


@pytest.mark.parametrize("body", [PAGE, "{", [], "null"], ids=str)
async def test_a_write_that_is_answered_with_no_answer_is_unclear(
    client: EpicorClient, sandbox: Running, body: Any
) -> None:
    sandbox.epicor_world.faults.add(Fault(kind="status", path="UnlockGroup", status=200, body=body))
    assert await client.create_group("NWM", "B1", apply_date=DAY) is None
    held = sandbox.epicor_world.group("NWM", "B1")
    assert held is not None
    held["ActiveUserID"] = "bwlink"

    with pytest.raises(UnclearAnswerError, match="no answer"):
        await client.unlock_group("NWM", "B1")

    assert held["ActiveUserID"] == "bwlink"
    assert await client.unlock_group("NWM", "B1") is None
    assert held["ActiveUserID"] == ""


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_an_account_is_not_wrong_because_a_page_says_so(
    client: EpicorClient, sandbox: Running, status: int
) -> None:
    sandbox.epicor_world.faults.add(Fault(kind="status", path="ValidateGLAccount", status=status, body=PAGE))

    with pytest.raises(TransientError):
        await client.validate_account("NWM", "MAIN", ACCOUNT, day=DAY)

    assert await client.validate_account("NWM", "MAIN", ACCOUNT, day=DAY) is None


async def test_a_group_is_not_refused_for_posting_because_a_page_says_so(
    transport: Transport, sandbox: Running
) -> None:
    sandbox.epicor_world.faults.add(Fault(kind="status", path="PrePostGroup", status=400, body=PAGE))

    with pytest.raises(TransientError, match="400"):
        await GroupPoster(transport).check("NWM", "B1")
