"""Attachments of the Basware emulator: when they are shown, and how they are fetched."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld, Settings
from mlc_sandbox.faults import Fault

Place = Callable[[int], list[str]]
DOCUMENTS = "/v1/accountingDocuments"
META = {"externalCode": "c1", "category": "ORIGINALIMAGE", "filename": "a.pdf", "isConfidential": False}


@pytest.fixture
async def invoice(anonymous: httpx.AsyncClient, placed: Place) -> str:
    """An invoice with an attachment, not transferred yet."""
    (invoice_id,) = placed(1)
    body = [META | {"content": base64.b64encode(b"%PDF").decode()}]
    answered = await anonymous.post(f"/_sandbox/attachments/{invoice_id}", json=body)
    assert answered.json() == {"attached": ["c1"]}
    return invoice_id


@pytest.fixture
def transferred(world: BaswareWorld, clock: Any, invoice: str) -> str:
    """The same after its transfer."""
    world.documents[invoice].move("Transferred", at=clock())
    return invoice


async def shown(api: httpx.AsyncClient, invoice_id: str) -> Any:
    (document,) = (await api.get(f"{DOCUMENTS}/{invoice_id}")).json()["accountingDocuments"]
    return document["attachments"]


def path(invoice_id: str, code: str = "c1") -> str:
    return f"{DOCUMENTS}/{invoice_id}/attachments/{code}"


async def test_nothing_is_shown_or_given_before_the_transfer(api: httpx.AsyncClient, invoice: str) -> None:
    assert await shown(api, invoice) == []
    assert (await api.get(path(invoice))).status_code == 404


async def test_after_the_transfer_it_is_shown_and_fetched_from_a_pre_signed_address(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, transferred: str
) -> None:
    first = await api.get(path(transferred))
    second = await anonymous.get(first.headers["Location"])

    assert await shown(api, transferred) == [META]
    assert (first.status_code, first.content) == (302, b"")
    assert (second.status_code, second.content, second.headers["Content-Length"]) == (200, b"%PDF", "4")


async def test_the_storage_refuses_a_second_authorization_and_an_address_of_a_quarter_of_an_hour_ago(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, transferred: str, clock: Any
) -> None:
    location = (await api.get(path(transferred))).headers["Location"]
    with_token = await api.get(location)
    clock.forward(899)
    in_time = await anonymous.get(location)
    clock.forward(1)
    late = await anonymous.get(location)

    assert (with_token.status_code, in_time.status_code, late.status_code) == (400, 200, 403)


async def test_they_may_come_late(api: httpx.AsyncClient, world: BaswareWorld, transferred: str, clock: Any) -> None:
    world.settings = Settings(attachments_after=600)
    before = await shown(api, transferred)
    clock.forward(600)

    assert (before, await shown(api, transferred)) == ([], [META])


@pytest.mark.parametrize(("setting", "listed", "status"), [("hidden", [], 404), ("refused", [META], 403)])
async def test_a_tenant_that_has_not_switched_them_on_hides_or_refuses_them(
    api: httpx.AsyncClient, world: BaswareWorld, transferred: str, setting: Any, listed: list[Any], status: int
) -> None:
    world.settings = Settings(attachments_api=setting)

    assert await shown(api, transferred) == listed
    assert (await api.get(path(transferred))).status_code == status


@pytest.mark.parametrize("hops", [0, 2])
async def test_a_file_comes_at_once_or_over_several_addresses(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, world: BaswareWorld, transferred: str, hops: int
) -> None:
    world.settings = Settings(attachment_redirects=hops)
    found = await api.get(path(transferred))
    for _ in range(hops):
        assert found.status_code == 302
        found = await anonymous.get(found.headers["Location"])

    assert found.content == b"%PDF"


async def test_a_file_can_be_cut_short(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, world: BaswareWorld, transferred: str
) -> None:
    world.faults.add(Fault(kind="cut_short", path="/_storage/"))
    location = (await api.get(path(transferred))).headers["Location"]

    with pytest.raises(httpx.RemoteProtocolError):
        await anonymous.get(location)
    assert (await anonymous.get(location)).content == b"%PDF"


async def test_a_scope_is_needed_and_another_code_is_not_found(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, transferred: str,
    issue: Callable[[str], Awaitable[dict[str, Any]]],
) -> None:  # fmt: skip
    token = (await issue("vendors.read"))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    assert (await anonymous.get(path(transferred), headers=headers)).status_code == 403
    assert (await anonymous.get(path(transferred))).status_code == 401
    assert (await api.get(path(transferred, "c2"))).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, [7], [{"category": "ORIGINALIMAGE"}], [META | {"colour": "red"}], [META | {"content": "§"}]]
)
async def test_a_wrong_attachment_is_refused_by_the_control_plane(
    anonymous: httpx.AsyncClient, world: BaswareWorld, placed: Place, body: Any
) -> None:
    (invoice_id,) = placed(1)

    assert (await anonymous.post(f"/_sandbox/attachments/{invoice_id}", json=body)).status_code == 400
    assert (await anonymous.post("/_sandbox/attachments/none", json=[])).status_code == 404
    assert not world.attachments


async def test_a_large_file_is_made_as_it_is_sent(
    api: httpx.AsyncClient, anonymous: httpx.AsyncClient, transferred: str
) -> None:
    await anonymous.post(f"/_sandbox/attachments/{transferred}", json=[META | {"externalCode": "c2", "size": 200_001}])
    found = await anonymous.get((await api.get(path(transferred, "c2"))).headers["Location"])

    assert found.content == (bytes(range(256)) * 800)[:200_001]
