"""The service and attachments: a process that is killed while it fetches, and what its log says."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client

from mlc_common.attachment_rules import Attachments
from mlc_common.attachment_store import AttachmentStore
from mlc_common.connection import ConnectionDocument
from mlc_common.events import AttachmentStored
from mlc_sandbox.basware import Attachment

from .conftest import Eventually, Site, connection_document
from .test_reader_service import Process, clock, posted, processes, push, settings

if TYPE_CHECKING:
    from mlc_common.events import Event

__all__ = ["clock", "processes", "settings"]
CONTENT = {"c1": b"the first", "c2": bytes(range(256)) * 4000}


@pytest.fixture
def document(url: str) -> ConnectionDocument:
    """The connection fetches attachments."""
    return connection_document(url).model_copy(update={"attachments": Attachments(fetch=True)})


async def test_a_reader_killed_while_it_fetches_has_every_file_once_after_its_restart(
    site: Site,
    processes: AbstractAsyncContextManager[Process],
    eventually: Eventually,
    broker_client: Client,
    tmp_path: Path,
) -> None:
    (invoice_id,) = site.offer()
    meta = {"category": "ATTACHMENT", "filename": "a.pdf", "isConfidential": False}
    site.world.attachments[invoice_id] = [
        Attachment(meta | {"externalCode": code}, content, len(content)) for code, content in CONTENT.items()
    ]
    site.world.settings = site.world.settings.model_copy(update={"attachments_after": 0.5})
    site.fault("delay", "/attachments/c2", seconds=60)
    await site.log.append(push(invoice_id))

    async def stored() -> list[Event]:
        return [each for each in await site.facts(invoice_id) if isinstance(each, AttachmentStored)]

    async with processes as start:
        first = start()

        async def acknowledged() -> bool:
            return "acknowledged" in await site.names(invoice_id)

        await eventually(acknowledged)
        await site.log.append(posted(invoice_id, str(site.world.documents[invoice_id].batch)))

        async def at_the_second() -> bool:
            under_way = any("/attachments/c2" in call["path"] for call in site.world.calls.log)
            return under_way and len(await stored()) == 1

        await eventually(at_the_second)
        first.kill()
        first.wait()
        second = start()

        async def complete() -> bool:
            return len(await stored()) == 2

        await eventually(complete)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(second.wait, 15) == 0

    store = AttachmentStore(broker_client, timeout=5)
    for code, fact in zip(CONTENT, await stored(), strict=True):
        assert isinstance(fact, AttachmentStored)
        assert (fact.external_code, fact.sha256) == (code, hashlib.sha256(CONTENT[code]).hexdigest())
        with TemporaryFile() as file:
            await store.fetch(fact.sha256, file)
            assert file.read() == CONTENT[code]
    names = await site.names(invoice_id)
    assert (names.count("posted"), names.count("answered")) == (1, 1)
    told = "".join(path.read_text() for path in tmp_path.glob("log-*"))
    assert "attachment_stored" in told
    assert not [word for word in ("X-Amz", "Signature", "/_storage", "Bearer ", "sandbox-only") if word in told]
