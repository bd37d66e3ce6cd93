"""Attachments at their AP invoices: linked or uploaded once, whatever happens to answers; invoices go on."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from epicor_writer.attaching import AttachmentDesk, attach
from epicor_writer.attachment_rows import mark
from mlc_common.attachment_rules import Attachments
from mlc_common.attachment_store import AttachmentStore
from mlc_common.connection import ConnectionDocument
from mlc_common.events import (
    AttachingIntended,
    AttachmentLinked,
    AttachmentRefused,
    AttachmentStored,
    InvoicePosted,
)
from mlc_common.failures import TransientError
from mlc_common.settings import Settings
from mlc_epicor.attachments import EpicorAttachments
from mlc_epicor.client import WEB_SERVICE_LICENCE
from mlc_epicor.sign_in import sign_in
from mlc_epicor.transport import Transport
from mlc_sandbox.faults import Fault
from mlc_sandbox.serve import Running

from .conftest import TIMINGS, Writer, approved, connection_to, invoice
from .test_service import connect, outcomes, replicas, settings, until

__all__ = ["settings"]
PDF = b"%PDF-1.7 an invoice\n"
UPDATE, UPLOAD, GET_NEW = "APInvoiceSvc/Update$", "AttachmentSvc/UploadFile", "GetNewAPInvHedAttch"
LINK = {"to_epicor": "link", "link_base": "https://archive.example"}


class Desk:
    """One posted invoice with stored attachments, and the durable of attachments driven by hand."""

    def __init__(self, writer: Writer, desk: AttachmentDesk, posted: InvoicePosted) -> None:
        self.writer = writer
        self.desk = desk
        self.posted = posted
        self.late = timedelta(0)

    def rules(self, **rules: Any) -> None:
        """What the connection says."""
        self.desk = replace(self.desk, rules=Attachments(fetch=True, **rules))

    async def stored(self, code: str = "c1", content: bytes = PDF, **changes: Any) -> AttachmentStored:
        """An attachment that the reader stored."""
        digest = hashlib.sha256(content).hexdigest()
        with io.BytesIO(content) as file:
            await self.desk.store.keep(file, digest)
        posted = self.posted
        event = AttachmentStored(
            **{"connection": posted.connection, "at": posted.at, "invoice_id": posted.invoice_id,
               "attempt": posted.attempt, "external_code": code, "filename": f"{code}.pdf",
               "category": "ORIGINALIMAGE", "confidential": False, "size": len(content), "sha256": digest} | changes
        )  # fmt: skip
        await self.desk.log.append(event)
        return event

    async def once(self, event: AttachmentStored) -> AttachmentLinked | AttachmentRefused | None:
        """One delivery."""
        async with self.writer.slots.hold(f"document/{event.invoice_id}") as slot:
            return await attach(event, desk=self.desk, slot=slot)

    async def until_settled(self, event: AttachmentStored, most: int = 30) -> Any:
        """Deliver until it is settled; the pauses asked for are kept, up to a fifth of a second."""
        for _ in range(most - 1):
            try:
                return await self.once(event)
            except TransientError as failure:
                await asyncio.sleep(min(failure.retry_after or 0.05, 0.2))
        return await self.once(event)

    async def facts(self) -> list[Any]:
        """What was recorded about Epicor and attachments."""
        kinds = (AttachingIntended, AttachmentLinked, AttachmentRefused)
        timeline = await self.desk.log.timeline("demo", self.posted.invoice_id)
        return [each.event for each in timeline if isinstance(each.event, kinds)]

    def rows(self) -> list[dict[str, Any]]:
        """The attachments of the AP invoice in Epicor."""
        (held,) = self.writer.invoices()
        return list(held.attachments.values())

    def set(self, **changes: Any) -> None:
        world = self.writer.world
        world.settings = world.settings.model_copy(update=changes)


@pytest_asyncio.fixture
async def store(topology: str) -> AsyncIterator[AttachmentStore]:
    client = await nats.connect(topology)
    yield AttachmentStore(client, timeout=5)
    await client.close()


@pytest_asyncio.fixture
async def desk(writer: Writer, store: AttachmentStore) -> AsyncIterator[Desk]:
    """An invoice that is posted and answered."""
    body = invoice()
    event = approved(body)
    await writer.log.append(event)
    posted = await writer.until_settled(event)
    assert isinstance(posted, InvoicePosted)
    epicor = writer.connection.document.epicor
    async with httpx.AsyncClient(timeout=httpx.Timeout(1.5, connect=1.5)) as http:
        signed = sign_in(epicor, writer.connection.secret, http=http, life_used=0.8)
        transport = Transport(http, epicor, sign_in=signed, write_patience=1.5, licence=WEB_SERVICE_LICENCE)
        made = Desk(
            writer,
            AttachmentDesk(
                Attachments(),
                EpicorAttachments(transport),
                writer.ledger,
                store,
                writer.log,
                TIMINGS,
                lambda: datetime.now(UTC) + made.late,
            ),
            posted,
        )
        made.rules(to_epicor="upload")
        yield made


async def test_by_default_epicor_hears_nothing_of_attachments(desk: Desk) -> None:
    desk.rules()
    event = await desk.stored()
    before = desk.writer.world.calls.total

    assert await desk.once(event) is None
    assert desk.writer.world.calls.total == before


async def test_a_file_is_uploaded_whole_and_its_row_names_it(desk: Desk) -> None:
    event = await desk.stored(filename="../../Rechnung Nr. 7/März.pdf")

    linked = await desk.until_settled(event)

    (row,) = desk.rows()
    ((key, file),) = desk.writer.world.files.items()
    assert isinstance(linked, AttachmentLinked)
    assert not linked.found
    assert (linked.how, linked.invoice_num, linked.place) == ("upload", desk.posted.invoice_num, row["FileName"])
    assert (file["size"], file["sha256"]) == (len(PDF), event.sha256)
    assert key[-1] == f"März {mark(event)}.pdf"
    assert row["FileName"].endswith(key[-1])
    assert row["DrawDesc"] == f"{mark(event)} März.pdf"
    assert not desk.writer.locked_groups()
    assert [each.fact for each in await desk.facts()] == ["attaching_intended", "attachment_linked"]


async def test_a_link_leads_to_the_stored_file_and_nothing_is_uploaded(desk: Desk) -> None:
    desk.rules(**LINK, document_type="INVOICE")
    event = await desk.stored("a b/c")

    linked = await desk.until_settled(event)

    (row,) = desk.rows()
    assert row["FileName"] == f"https://archive.example/demo/{desk.posted.invoice_id}/a%20b%2Fc"
    assert row["DocTypeID"] == "INVOICE"
    assert linked.place == row["FileName"]
    assert not desk.writer.world.files


@pytest.mark.parametrize("rule", ["skip", "store only"])
async def test_a_confidential_one_never_reaches_epicor_against_its_rule(desk: Desk, rule: str) -> None:
    desk.rules(to_epicor="upload", confidential=rule)

    assert await desk.once(await desk.stored(confidential=True)) is None
    assert desk.rows() == []
    assert not desk.writer.world.files


async def test_a_confidential_one_is_treated_as_others_where_the_rule_says_so(desk: Desk) -> None:
    desk.rules(to_epicor="upload", confidential="as others")

    assert isinstance(await desk.until_settled(await desk.stored(confidential=True)), AttachmentLinked)


async def test_the_same_message_again_does_nothing(desk: Desk) -> None:
    event = await desk.stored()
    await desk.until_settled(event)

    assert await desk.once(event) is None
    assert len(desk.rows()) == 1


@pytest.mark.parametrize("kind", ["drop_after", "status"])
@pytest.mark.parametrize("description", ["keep", "cut"])
async def test_an_answer_that_got_lost_is_looked_up_and_nothing_is_attached_twice(
    desk: Desk, kind: str, description: str
) -> None:
    desk.set(attachment_descriptions=description)
    desk.writer.fault(kind, UPDATE, status=502)
    event = await desk.stored()

    linked = await desk.until_settled(event)

    intents = [each.number for each in await desk.facts() if isinstance(each, AttachingIntended)]
    assert len(desk.rows()) == 1
    assert (linked.found, intents) == ((True, [1]) if kind == "drop_after" else (False, [1, 2]))


async def test_a_row_that_is_written_late_is_found_before_it_is_sent_again(desk: Desk) -> None:
    desk.writer.fault("delay", UPDATE, seconds=1.6)
    desk.desk = replace(desk.desk, timings=TIMINGS.model_copy(update={"unclear_pauses": (0.2, 0.4, 0.8)}))
    event = await desk.stored()

    linked = await desk.until_settled(event)

    assert linked.found
    assert len(desk.rows()) == 1


async def test_killed_after_the_row_was_written_the_next_one_finds_it(desk: Desk) -> None:
    event = await desk.stored()
    desk.writer.fault("drop_after", UPDATE)
    with pytest.raises(TransientError):
        await desk.once(event)

    linked = await desk.once(event)

    assert isinstance(linked, AttachmentLinked)
    assert linked.found
    assert desk.writer.calls("UploadFile") == 1


async def test_a_row_that_is_lost_every_time_is_refused_in_the_end(desk: Desk) -> None:
    desk.rules(**LINK)
    desk.writer.fault("status", UPDATE, status=502, times=-1)

    refused = await desk.until_settled(await desk.stored(), most=40)

    assert isinstance(refused, AttachmentRefused)
    assert "got lost 5 times" in refused.sentence
    assert [each.number for each in await desk.facts() if isinstance(each, AttachingIntended)] == [1, 2, 3, 4, 5]
    assert not desk.writer.locked_groups()


async def test_a_row_that_may_have_been_written_is_looked_for_even_after_the_patience(desk: Desk) -> None:
    desk.rules(**LINK)
    desk.late = timedelta(hours=25)
    desk.writer.fault("drop_after", UPDATE)
    event = await desk.stored()
    with pytest.raises(TransientError):
        await desk.once(event)

    linked = await desk.until_settled(event)

    assert isinstance(linked, AttachmentLinked)
    assert linked.found


@pytest.mark.parametrize("same", ["overwrite", "refuse"])
async def test_an_upload_whose_answer_got_lost_is_made_again_under_another_name(desk: Desk, same: str) -> None:
    desk.set(same_file_name=same)
    desk.writer.fault("drop_after", UPLOAD)
    event = await desk.stored()

    linked = await desk.until_settled(event)

    assert [key[-1] for key in desk.writer.world.files] == [
        f"c1 {mark(event)}.pdf",
        f"c1 {mark(event)}-2.pdf",
    ]
    assert linked.place.endswith("-2.pdf")
    assert len(desk.rows()) == 1


async def test_after_five_lost_uploads_it_is_refused_and_not_tried_for_ever(desk: Desk) -> None:
    desk.writer.fault("drop_after", UPLOAD, times=-1)

    refused = await desk.until_settled(await desk.stored())

    assert isinstance(refused, AttachmentRefused)
    assert "keeps 5 files of it" in refused.sentence


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"attachments_on_posted": "refuse"}, "posted"), ({"largest_upload": 3}, "Maximum request length")],
)
async def test_what_epicor_refuses_is_told_and_the_invoice_is_not_touched(
    desk: Desk, changes: dict[str, Any], word: str
) -> None:
    desk.set(**changes)
    (held,) = desk.writer.invoices()
    desk.writer.world.post_group(desk.posted.company, held.group)
    before = dict(held.header)

    refused = await desk.until_settled(await desk.stored())

    assert isinstance(refused, AttachmentRefused)
    assert refused.sentence.startswith("The AP invoice goes without the attachment: ")
    assert word in refused.sentence
    assert held.header == before


async def test_a_posted_invoice_gets_its_attachment_where_epicor_takes_it(desk: Desk) -> None:
    (held,) = desk.writer.invoices()
    desk.writer.world.post_group(desk.posted.company, held.group)

    assert isinstance(await desk.until_settled(await desk.stored()), AttachmentLinked)


async def test_a_group_in_somebodys_hands_is_waited_for(desk: Desk) -> None:
    (group,) = desk.writer.world.groups.values()
    group["ActiveUserID"] = "mkowalski"
    event = await desk.stored()
    with pytest.raises(TransientError, match="in use"):
        await desk.once(event)
    assert group["ActiveUserID"] == "mkowalski"
    group["ActiveUserID"] = ""

    assert isinstance(await desk.until_settled(event), AttachmentLinked)
    assert len(desk.rows()) == 1


async def test_epicor_away_longer_than_the_patience_is_a_fact_and_no_dead_letter(desk: Desk) -> None:
    desk.writer.fault("status", "/odata/", status=503, times=-1)
    event = await desk.stored()
    with pytest.raises(TransientError):
        await desk.once(event)
    desk.late = timedelta(hours=25)

    refused = await desk.once(event)

    assert isinstance(refused, AttachmentRefused)
    assert "503" in refused.sentence


async def test_an_invoice_that_is_gone_gets_nothing(desk: Desk) -> None:
    desk.writer.world.invoices.clear()

    refused = await desk.until_settled(await desk.stored())

    assert "is not in Epicor any more" in refused.sentence


async def test_a_file_that_is_gone_from_the_store_is_told(desk: Desk) -> None:
    refused = await desk.until_settled(await desk.stored(sha256="0" * 64))

    assert "is not in the object store any more" in refused.sentence
    assert not desk.writer.world.files


async def test_memory_stays_flat_while_fifty_megabytes_are_uploaded(desk: Desk, store: AttachmentStore) -> None:
    size = 50 * 1024 * 1024
    content = bytes(size)
    event = await desk.stored(content=content)
    del content
    sent = asyncio.get_running_loop().create_future()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert b"transfer-encoding" not in head.lower()
        left = length
        while left:
            left -= len(await reader.read(min(left, 65536)))
        sent.set_result(length)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"returnObj":"there"}')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    document = connection_to(f"http://127.0.0.1:{port}/x")
    async with server, httpx.AsyncClient(timeout=30) as http:
        signed = sign_in(document.document.epicor, document.secret, http=http, life_used=0.8)
        transport = Transport(http, document.document.epicor, sign_in=signed, write_patience=30, licence=None)
        tracemalloc.start()
        try:
            with TemporaryFile() as file:
                await store.fetch(event.sha256, file)
                await EpicorAttachments(transport).upload("NWM", "", "big.pdf", file, size=size)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert await sent > size * 4 // 3
    assert peak < 8 * 1024 * 1024


@pytest.mark.timeout(120)
async def test_the_service_attaches_what_is_stored_and_posts_on_though_attachments_fail(
    sandbox: Running, writer: Writer, store: AttachmentStore, engine: AsyncEngine, settings: Settings
) -> None:
    rules = {"fetch": True, "to_epicor": "upload"}
    document = connection_to(sandbox.epicor).document
    document = ConnectionDocument.model_validate(document.model_dump(mode="json") | {"attachments": rules})
    await connect(document, engine=engine, nats_url=settings.nats_url)
    writer.world.faults.add(Fault(kind="status", path=UPLOAD, status=503, times=4))
    bodies = [invoice(number, seed=5) for number in range(4)]
    digest = hashlib.sha256(PDF).hexdigest()
    with io.BytesIO(PDF) as file:
        await store.keep(file, digest)

    async def posted() -> bool:
        return (await outcomes(writer.log, bodies))["posted"] == len(bodies)

    async def linked() -> bool:
        histories = [await writer.log.history("demo", body["invoiceId"]) for body in bodies]
        return all(any(isinstance(each.event, AttachmentLinked) for each in history) for history in histories)

    async with replicas(2, settings):
        for body in bodies:
            await writer.log.append(approved(body))
            stored = AttachmentStored(
                connection="demo", at=datetime.now(UTC), invoice_id=body["invoiceId"], attempt="a1",
                external_code="c1", filename="a.pdf", category="ORIGINALIMAGE", confidential=False,
                size=len(PDF), sha256=digest,
            )  # fmt: skip
            await until(lambda body=body: _posted(writer, body))
            await writer.log.append(stored)
        await until(posted)
        await until(linked)

    assert [len(each.attachments) for each in writer.invoices()] == [1, 1, 1, 1]
    assert writer.world.calls.max_in_flight <= 2
    assert not writer.locked_groups()


async def _posted(writer: Writer, body: dict[str, Any]) -> bool:
    return (await outcomes(writer.log, [body]))["posted"] == 1
