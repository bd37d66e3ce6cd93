"""Redirects of the Basware emulator to pre-signed addresses."""

import pytest

from mlc_sandbox.basware import Settings

LIST = "/v1/accountingDocuments"
TOKEN = "x-amz-meta-continuationtoken"


@pytest.fixture
def redirecting(world):
    """The emulator answers lists and single documents with 302."""
    world.settings = Settings(redirects=True, redirect_life=60)


@pytest.mark.usefixtures("redirecting")
async def test_a_document_is_fetched_from_the_pre_signed_address(api, anonymous, placed):
    (invoice_id,) = placed(1)
    first = await api.get(f"{LIST}/{invoice_id}")
    second = await anonymous.get(first.headers["Location"])
    assert first.status_code == 302
    assert "X-Amz-Signature=" in first.headers["Location"]
    assert second.json()["accountingDocuments"][0]["invoiceId"] == invoice_id


@pytest.mark.usefixtures("redirecting")
async def test_the_second_hop_refuses_an_authorization_header(api, placed):
    placed(1)
    first = await api.get(LIST)
    second = await api.get(first.headers["Location"])
    assert second.status_code == 400
    assert b"Only one auth mechanism allowed" in second.content


@pytest.mark.usefixtures("redirecting")
async def test_the_second_hop_refuses_unsigned_amazon_headers(api, anonymous, placed):
    placed(1)
    first = await api.get(LIST)
    second = await anonymous.get(first.headers["Location"], headers={TOKEN: "x"})
    assert second.status_code == 403


@pytest.mark.usefixtures("redirecting")
async def test_a_pre_signed_address_expires_and_cannot_be_forged(api, anonymous, placed, clock):
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
    api, anonymous, world, placed, where, on_redirect, on_final
):
    placed(2)
    world.settings = Settings(redirects=True, redirect_token_on=where)
    first = await api.get(LIST, params={"pageSize": 1})
    second = await anonymous.get(first.headers["Location"])
    assert (TOKEN in first.headers, TOKEN in second.headers) == (on_redirect, on_final)


@pytest.mark.usefixtures("redirecting")
async def test_nothing_to_list_is_404_without_a_redirect(api):
    assert (await api.get(LIST)).status_code == 404
