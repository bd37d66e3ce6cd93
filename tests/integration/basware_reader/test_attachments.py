"""Attachments of transferred documents: fetched late, through pre-signed addresses, whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from tempfile import TemporaryFile
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from basware_reader.attachment_fetching import Fetching, on_transferred
from basware_reader.handlers import Reader
from mlc_basware.client import BaswareClient
from mlc_common.attachment_rules import Attachments
from mlc_common.attachment_store import AttachmentStore
from mlc_common.downloads import Download, TooLarge
from mlc_common.events import (
    AttachmentsAbsent,
    AttachmentSkipped,
    AttachmentStored,
    DocumentApproved,
    OutcomeAnswered,
)
from mlc_common.failures import PermanentError, TransientError
from mlc_common.retries import Delivery
from mlc_common.streams import ATTACHMENTS_BUCKET
from mlc_sandbox.basware import Attachment
from mlc_sandbox.basware.attachments import file_of

from .conftest import NAME, TIMINGS, Site

Served = Callable[[Starlette], AbstractAsyncContextManager[str]]
Connect = Callable[..., AbstractAsyncContextManager[BaswareClient]]
BIG = 50 * 1024 * 1024
PDF = b"%PDF-1.7 an invoice\n"


def file(code: str, content: bytes = PDF, **changes: Any) -> Attachment:
    """An image of the invoice, unless something else is said."""
    meta = {"externalCode": code, "category": "ORIGINALIMAGE", "filename": f"{code}.pdf", "isConfidential": False}
    return Attachment(meta | changes, content, len(content))


def of_size(code: str, size: int) -> Attachment:
    """The same with so many bytes that are nowhere in memory."""
    return file_of({"externalCode": code, "category": "ATTACHMENT", "filename": "scan.tif", "isConfidential": False,
                    "size": size})  # fmt: skip


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hash_of(attachment: Attachment) -> str:
    digest = hashlib.sha256()
    for piece in attachment.pieces(attachment.size):
        digest.update(piece)
    return digest.hexdigest()


def basware_with(
    handler: Callable[[Request], Awaitable[Response]], *, at: str = "/v1/accountingDocuments/{id}/attachments/{code}"
) -> Starlette:
    """A Basware that hands out tokens and does one thing."""

    async def token(_request: Request) -> Response:
        return JSONResponse({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})

    return Starlette(routes=[Route("/v1/tokens", token, methods=["POST"]), Route(at, handler)])


class Desk:
    """One transferred document, and the reader's durable driven by hand."""

    def __init__(self, fetching: Fetching, site: Site, event: OutcomeAnswered) -> None:
        self.fetching = fetching
        self.site = site
        self.event = event
        self.tries = 1

    def rules(self, **rules: Any) -> None:
        """What the connection says about attachments."""
        reader = self.fetching.reader
        document = reader.document.model_copy(update={"attachments": Attachments(fetch=True, **rules)})
        self.fetching = replace(self.fetching, reader=replace(reader, document=document))

    def attach(self, *files: Attachment) -> None:
        """What Basware has."""
        self.site.world.attachments.setdefault(self.event.invoice_id, []).extend(files)

    async def once(self) -> TransientError | None:
        """One delivery; the pause it asks for passes."""
        delivery = Delivery(tries=self.tries, sequence=1)
        self.tries += 1
        try:
            await on_transferred(self.fetching, self.event, delivery)
        except TransientError as failure:
            self.site.clock.forward(failure.retry_after or 1)
            return failure
        return None

    async def until_done(self, most: int = 40) -> None:
        """Every delivery until the message is acknowledged."""
        for _ in range(most):
            if await self.once() is None:
                return
        raise AssertionError("it never ends")

    async def facts(self) -> list[Any]:
        """What was recorded about attachments."""
        kinds = (AttachmentStored, AttachmentSkipped, AttachmentsAbsent)
        return [each for each in await self.site.facts(self.event.invoice_id) if isinstance(each, kinds)]

    async def content(self, digest: str) -> bytes:
        """What the object store holds."""
        with TemporaryFile() as found:
            await self.fetching.store.fetch(digest, found)
            return found.read()

    def calls(self, word: str) -> int:
        return sum(word in call["path"] for call in self.site.world.calls.log)


@pytest.fixture
def store(broker_client: Client) -> AttachmentStore:
    return AttachmentStore(broker_client, timeout=5)


@pytest.fixture
async def desk(site: Site, reader: Reader, store: AttachmentStore) -> Desk:
    """A document that was posted, answered and is transferred."""
    (invoice_id,) = site.offer()
    site.world.documents[invoice_id].move("Transferred", at=site.clock())
    about = {"connection": NAME, "at": site.clock(), "invoice_id": invoice_id, "attempt": "a1"}
    await site.log.append(
        DocumentApproved(
            **about,
            seen_by="push",
            status="WaitingForTransfer",
            company_code="US01",
            supplier_code="10432",
            currency="USD",
            document="{}",
        )
    )
    event = OutcomeAnswered(**about, external_code="x", success=True, message="Posted")
    await site.log.append(event)
    made = Desk(Fetching(reader, store, TIMINGS), site, event)
    made.rules()
    return made


async def test_by_default_nothing_is_fetched(desk: Desk) -> None:
    desk.attach(file("c1"))
    reader = desk.fetching.reader
    off = reader.document.model_copy(update={"attachments": Attachments()})
    desk.fetching = replace(desk.fetching, reader=replace(reader, document=off))

    await desk.until_done()

    assert await desk.facts() == []
    assert not desk.calls("/accountingDocuments")


async def test_attachments_are_stored_by_the_hash_of_their_content_and_told_of_in_the_history(desk: Desk) -> None:
    desk.attach(file("c1"), file("c2", b"mail", category="EXPORTEDEMAIL", filename="../../etc/mail.eml"))

    await desk.until_done()

    one, two = await desk.facts()
    assert (one.external_code, one.filename, one.category, one.size, one.sha256) == (
        "c1", "c1.pdf", "ORIGINALIMAGE", len(PDF), sha256(PDF)
    )  # fmt: skip
    assert two.filename == "../../etc/mail.eml"
    assert one.cause == desk.event.id
    assert not one.confidential
    assert await desk.content(one.sha256) == PDF
    assert await desk.content(two.sha256) == b"mail"


async def test_the_first_look_waits_and_late_attachments_are_found(desk: Desk) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"attachments_after": 3600})
    desk.attach(file("c1"))

    first = await desk.once()
    assert first is not None
    assert first.retry_after == pytest.approx(TIMINGS.attachment_pauses[0])
    assert not first.counts
    assert not desk.calls("/accountingDocuments")
    await desk.until_done()

    assert [each.type for each in await desk.facts()] == ["attachment_stored"]


async def test_one_that_comes_later_than_the_others_is_found_too(desk: Desk) -> None:
    desk.attach(file("c1"))
    await desk.once()
    await desk.once()
    desk.attach(file("c2", b"later"))

    await desk.until_done()

    assert [each.external_code for each in await desk.facts()] == ["c1", "c2"]


async def test_a_confidential_one_is_never_fetched_by_default_nor_one_that_does_not_say_that_it_is_not(
    desk: Desk,
) -> None:
    silent = file("c2")
    desk.attach(
        file("c1", isConfidential=True),
        replace(silent, meta={name: value for name, value in silent.meta.items() if name != "isConfidential"}),
    )

    await desk.until_done()

    assert [(each.type, each.reason, each.confidential) for each in await desk.facts()] == [
        ("attachment_skipped", "confidential", True)
    ] * 2
    assert not desk.calls("/attachments/")
    with pytest.raises(PermanentError):
        await desk.content(sha256(PDF))


async def test_a_rule_lets_confidential_ones_into_the_store(desk: Desk) -> None:
    desk.rules(confidential="store only")
    desk.attach(file("c1", isConfidential=True))

    await desk.until_done()

    (stored,) = await desk.facts()
    assert isinstance(stored, AttachmentStored)
    assert stored.confidential


async def test_a_category_that_is_not_wanted_or_not_known_is_left_in_basware(desk: Desk) -> None:
    desk.rules(categories=("ORIGINALIMAGE",))
    desk.attach(file("c1", category="ATTACHMENT"), file("c2", category="HOLOGRAM"), file("c3"))

    await desk.until_done()

    assert [getattr(each, "reason", each.type) for each in await desk.facts()] == [
        "category", "category", "attachment_stored"
    ]  # fmt: skip


@pytest.mark.parametrize("hops", [0, 1, 3])
async def test_a_file_comes_directly_or_over_up_to_three_redirects(desk: Desk, hops: int) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"attachment_redirects": hops})
    desk.attach(file("c1"))

    await desk.until_done()

    assert [each.sha256 for each in await desk.facts()] == [sha256(PDF)]


async def test_a_fourth_redirect_is_not_followed(desk: Desk) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"attachment_redirects": 4})
    desk.attach(file("c1"))

    await desk.until_done()

    (given_up,) = await desk.facts()
    assert (given_up.reason, "more than 3 times" in given_up.why) == ("given up", True)


async def test_an_address_that_is_expired_is_asked_for_again(desk: Desk) -> None:
    desk.site.fault("status", "/_storage/", status=403)
    desk.attach(file("c1"))

    await desk.once()
    await desk.once()

    assert [each.type for each in await desk.facts()] == ["attachment_stored"]
    assert desk.calls("/attachments/c1") == 2


async def test_a_file_that_is_cut_short_is_never_stored_and_fetched_again(desk: Desk) -> None:
    desk.site.fault("cut_short", "/_storage/")
    desk.attach(of_size("c1", 300_000))

    await desk.once()
    broken = await desk.once()

    assert broken is not None
    assert "did not arrive whole" in str(broken)
    assert await desk.facts() == []
    await desk.until_done()
    (stored,) = await desk.facts()
    assert (stored.size, stored.sha256) == (300_000, hash_of(of_size("c1", 300_000)))


@pytest.mark.parametrize("hops", [0, 1])
async def test_a_file_over_the_cap_is_left_in_basware(desk: Desk, hops: int) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"attachment_redirects": hops})
    desk.rules(largest_bytes=1000)
    desk.attach(of_size("c1", 1001), of_size("c2", 1000))

    await desk.until_done()

    assert [(each.external_code, getattr(each, "reason", "")) for each in await desk.facts()] == [
        ("c1", "too large"), ("c2", "")
    ]  # fmt: skip


async def test_one_that_fails_hinders_no_other_and_is_given_up_with_the_reason_when_patience_ends(desk: Desk) -> None:
    desk.site.fault("status", "/attachments/c1", status=503, times=-1)
    desk.attach(file("c1"), file("c2", b"fine"))

    await desk.until_done()

    stored, given_up = await desk.facts()
    assert stored.external_code == "c2"
    assert (given_up.external_code, given_up.reason) == ("c1", "given up")
    assert given_up.why.startswith("The attachment could not be fetched from Basware within 24 hours: ")
    assert "503" in given_up.why
    assert given_up.at >= desk.event.at + timedelta(hours=24)


async def test_one_that_basware_shows_and_does_not_find_is_gone_when_patience_ends(desk: Desk) -> None:
    desk.site.fault("status", "/attachments/c1", status=404, times=-1)
    desk.attach(file("c1"))

    await desk.until_done()

    assert [each.reason for each in await desk.facts()] == ["gone"]


async def test_a_tenant_that_has_not_switched_the_api_on_hides_them_and_the_history_says_so(desk: Desk) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"attachments_api": "hidden"})
    desk.attach(file("c1"))

    await desk.until_done()

    (absent,) = await desk.facts()
    assert absent.why == "Basware showed no attachments of the invoice within 24 hours after its transfer."
    desk.tries = 1
    assert await desk.once() is None


async def test_a_tenant_that_refuses_them_is_asked_again_until_patience_ends(desk: Desk) -> None:
    desk.site.world.settings = desk.site.world.settings.model_copy(update={"attachments_api": "refused"})
    desk.attach(file("c1"))

    await desk.until_done()

    (given_up,) = await desk.facts()
    assert given_up.reason == "given up"
    assert "denies" in given_up.why


@pytest.mark.parametrize("odd", [{"attachments": "none"}, {"attachments": None}, {"attachments": [{}, 7]}])
async def test_odd_lists_of_attachments_are_looked_at_until_patience_ends_and_bury_nothing(
    desk: Desk, site: Site, served: Served,
    connect: Connect, odd: dict[str, Any],
) -> None:  # fmt: skip
    async def document(_request: Request) -> Response:
        body = {"invoiceId": desk.event.invoice_id} | odd
        return JSONResponse({"accountingDocuments": [body]})

    async with served(basware_with(document, at="/v1/accountingDocuments/{id}")) as url, connect(url) as basware:
        desk.fetching = replace(desk.fetching, reader=replace(desk.fetching.reader, basware=basware))
        await desk.until_done()

    assert [each.type for each in await desk.facts()] == ["attachments_absent"]


async def test_a_refused_answer_and_a_prebooking_have_no_attachments_to_wait_for(desk: Desk) -> None:
    desk.attach(file("c1"))
    about = {"connection": NAME, "at": desk.site.clock(), "invoice_id": desk.event.invoice_id}
    desk.event = OutcomeAnswered(**about, attempt="a2", external_code="y", success=False, message="no")
    assert await desk.once() is None
    await desk.site.log.append(
        DocumentApproved(
            **about,
            attempt="a3",
            seen_by="push",
            status="WaitingForPrebook",
            company_code="US01",
            supplier_code="10432",
            currency="USD",
            document="{}",
        )
    )
    desk.event = OutcomeAnswered(**about, attempt="a3", external_code="z", success=True, message="Prebooked")
    assert await desk.once() is None

    assert await desk.facts() == []


async def test_killed_between_store_and_fact_it_is_stored_once_and_told_of_once(
    desk: Desk, store: AttachmentStore
) -> None:
    desk.attach(file("c1"))
    with io.BytesIO(PDF) as already:
        await store.keep(already, sha256(PDF))
    opened = await desk.fetching.store._store()
    before = (await opened.status()).stream_info.state.messages

    await desk.until_done()
    await desk.until_done()

    assert [each.sha256 for each in await desk.facts()] == [sha256(PDF)]
    assert (await opened.status()).stream_info.state.messages == before


async def test_no_pre_signed_address_reaches_a_log_or_a_fact(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = desk.site.world
    desk.attach(file("c1"))
    with capture_logs() as entries:
        await desk.until_done()
        signatures = {stored.signature for stored in world.storage.values()}
    assert signatures
    told = str(entries) + str([each.model_dump() for each in await desk.facts()])
    own = "\n".join(record.getMessage() for record in caplog.records if record.name.split(".")[0] not in _WIRE)
    assert not [signature for signature in signatures if signature in told + own]
    assert "X-Amz" not in told + own
    assert [call["status"] for call in world.calls.log if "/_storage/" in call["path"]] == [200]


_WIRE = {"httpx", "httpcore"}
"""What these say is silenced below warnings by `start_logging`."""


async def test_the_second_hop_carries_nothing_of_ours(
    desk: Desk,
    served: Served,
    connect: Connect,
) -> None:
    seen: dict[str, str] = {}

    async def storage(request: Request) -> Response:
        seen.update(request.headers)
        return Response(PDF)

    async with served(Starlette(routes=[Route("/file", storage)])) as elsewhere:
        to_it = RedirectResponse(f"{elsewhere}/file?X-Amz-Signature=s3cret")

        async def attachment(_request: Request) -> Response:
            return to_it

        async with served(basware_with(attachment)) as url, connect(url) as basware:
            with TemporaryFile() as into:
                found = await basware.attachment("i1", "c1", into=into, most=1000)

    assert isinstance(found, Download)
    assert seen["host"] == elsewhere.removeprefix("http://")
    assert not {"authorization", "cookie", "x-amz-meta-continuationtoken"} & seen.keys()


@pytest.mark.parametrize("location", ["http://storage.example/file?X-Amz-Signature=s3cret", "ftp://x/s3cret", ""])
async def test_an_unsafe_address_is_not_followed_and_not_told(
    served: Served,
    connect: Connect, location: str,
) -> None:  # fmt: skip
    async def attachment(_request: Request) -> Response:
        return Response(status_code=302, headers={"Location": location})

    async with served(basware_with(attachment)) as url, connect(url) as basware:
        with TemporaryFile() as into, pytest.raises(TransientError, match="not https") as refused:
            await basware.attachment("i1", "c1", into=into, most=1000)

    assert "s3cret" not in repr(refused.value)


async def test_memory_stays_flat_with_a_file_of_fifty_megabytes(desk: Desk) -> None:
    desk.rules(largest_bytes=BIG)
    desk.attach(of_size("c1", BIG), file("c2", b"small"))
    await desk.once()
    tracemalloc.start()
    try:
        await desk.once()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    stored = (await desk.facts())[0]
    assert (stored.size, stored.sha256) == (BIG, hash_of(of_size("c1", BIG)))
    assert peak < 8 * 1024 * 1024


async def test_a_file_without_a_length_is_cut_off_at_the_cap(
    served: Served,
    connect: Connect,
) -> None:
    sent = 0

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while sent < BIG:
            sent += 65536
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            await asyncio.sleep(0)

    class Endless(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await endless(scope, receive, send)

    async def attachment(_request: Request) -> Response:
        return Endless()

    async with served(basware_with(attachment)) as url, connect(url) as basware:
        with TemporaryFile() as into:
            found = await basware.attachment("i1", "c1", into=into, most=100_000)
            assert into.tell() <= 100_000

    assert isinstance(found, TooLarge)


async def test_a_file_that_was_changed_in_the_store_is_not_given_out(
    store: AttachmentStore, broker_client: Client
) -> None:
    with io.BytesIO(PDF) as kept:
        await store.keep(kept, sha256(PDF))
    bucket = await broker_client.jetstream().object_store(ATTACHMENTS_BUCKET)
    await bucket.put(sha256(PDF), b"another invoice")

    with TemporaryFile() as into, pytest.raises(PermanentError, match="was changed"):
        await store.fetch(sha256(PDF), into)


async def test_a_file_whose_content_is_gone_though_it_is_listed_is_not_waited_for(
    store: AttachmentStore, broker_client: Client
) -> None:
    with io.BytesIO(PDF) as kept:
        await store.keep(kept, sha256(PDF))
    await broker_client.jetstream().purge_stream(f"OBJ_{ATTACHMENTS_BUCKET}", subject=f"$O.{ATTACHMENTS_BUCKET}.C.>")

    with TemporaryFile() as into, pytest.raises(PermanentError):
        await store.fetch(sha256(PDF), into)


async def test_an_empty_file_is_a_file(store: AttachmentStore) -> None:
    with io.BytesIO(b"") as kept:
        await store.keep(kept, sha256(b""))
    with TemporaryFile() as into:
        await store.fetch(sha256(b""), into)
        assert into.read() == b""


async def test_without_a_declared_store_the_sentence_says_what_to_do(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    try:
        with pytest.raises(TransientError, match="ml-connector topology"), io.BytesIO(PDF) as kept:
            await AttachmentStore(client, timeout=2).keep(kept, sha256(PDF))
    finally:
        await client.close()
