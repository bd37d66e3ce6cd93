"""Redirects of the Basware emulator to pre-signed addresses."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld, Settings

Place = Callable[[int], list[str]]

LIST = "/v1/accountingDocuments"
TOKEN = "x-amz-meta-continuationtoken"


@pytest.fixture
def redirecting(world: BaswareWorld) -> None:
    """The emulator answers lists and single documents with 302."""
    world.settings = Settings(redirects=True, redirect_life=60)


@pytest.mark.usefixtures("redirecting")
async def test_a_document_is_fetched_from_the_pre_signed_address(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, placed: Place
) -> None:
    (invoice_id,) = placed(1)
    first = await api.get(f"{LIST}/{invoice_id}")
    second = await anonymous.get(first.headers["Location"])
    assert first.status_code == 302
    assert "X-Amz-Signature=" in first.headers["Location"]
    assert second.json()["accountingDocuments"][0]["invoiceId"] == invoice_id


@pytest.mark.usefixtures("redirecting")
async def test_the_second_hop_refuses_an_authorization_header(api: httpx.AsyncClient, placed: Place) -> None:
    placed(1)
    first = await api.get(LIST)
    second = await api.get(first.headers["Location"])
    assert second.status_code == 400
    assert b"Only one auth mechanism allowed" in second.content


@pytest.mark.usefixtures("redirecting")
async def test_the_second_hop_refuses_unsigned_amazon_headers(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, placed: Place
) -> None:
    placed(1)
    first = await api.get(LIST)
    second = await anonymous.get(first.headers["Location"], headers={TOKEN: "x"})
    assert second.status_code == 403


@pytest.mark.usefixtures("redirecting")
async def test_a_pre_signed_address_expires_and_cannot_be_forged(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, placed: Place, clock: Any
) -> None:
    placed(1)
    location = (await api.get(LIST)).headers["Location"]
    forged = await anonymous.get(location[:-4] + "0000")
    clock.forward(60)
    late = await anonymous.get(location)
    assert (forged.status_code, late.status_code) == (403, 403)


@pytest.mark.parametrize(
    ("where", "on_redirect", "on_final"), [("final", False, True), ("redirect", True, False), ("both", True, True)]
)
async def test_the_continuation_token_is_where_it_is_said_to_be(
    api: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    world: BaswareWorld,
    placed: Place,
    where: str,
    on_redirect: bool,
    on_final: bool,
) -> None:
    placed(2)
    world.settings = Settings(redirects=True, redirect_token_on=where)
    first = await api.get(LIST, params={"pageSize": 1})
    second = await anonymous.get(first.headers["Location"])
    assert (TOKEN in first.headers, TOKEN in second.headers) == (on_redirect, on_final)


@pytest.mark.usefixtures("redirecting")
async def test_nothing_to_list_is_404_without_a_redirect(api: httpx.AsyncClient) -> None:
    assert (await api.get(LIST)).status_code == 404
