"""`documents attachment`: a stored file, whole, to a new file, and no confidential one against its rule."""

from __future__ import annotations

import hashlib
import io
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.attachment_store import AttachmentStore
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply
from mlc_common.eventlog import EventLog
from mlc_common.events import AttachmentStored, DocumentApproved
from mlc_common.failures import PermanentError
from mlc_common.settings import Settings
from mlc_common.streams import ATTACHMENTS_BUCKET
from mlc_common.topology import declare
from operator_console.attachment_command import write
from operator_console.document_commands import as_json, attachments_table, shown
from operator_console.exits import CommandError, Exit

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PDF = b"%PDF-1.7 an invoice\n"
DIGEST = hashlib.sha256(PDF).hexdigest()
ABOUT: dict[str, Any] = {"connection": "demo", "at": NOW, "invoice_id": "i1", "attempt": "a1"}


def connection(**attachments: Any) -> ConnectionDocument:
    return ConnectionDocument.model_validate(
        {
            "name": "demo",
            "epicor": {"base_url": "https://erp.example/live"},
            "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "a"}]}],
            "attachments": {"fetch": True} | attachments,
        }
    )


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def settings(topology: str, database_url: str, client: Client, engine: AsyncEngine) -> Settings:
    """A site that stored two attachments, one of them confidential."""
    await apply(engine, connection(confidential="store only"), by="test", now=NOW)
    log, store = EventLog(client, timeout=5), AttachmentStore(client, timeout=5)
    await log.append(
        DocumentApproved(
            **ABOUT,
            seen_by="push",
            status="WaitingForTransfer",
            company_code="US01",
            supplier_code="1",
            currency="USD",
            document="{}",
        )
    )
    with io.BytesIO(PDF) as file:
        await store.keep(file, DIGEST)
    for code, secret in (("c1", False), ("c2", True)):
        await log.append(
            AttachmentStored(
                **ABOUT,
                external_code=code,
                filename="../x.pdf",
                category="ATTACHMENT",
                confidential=secret,
                size=len(PDF),
                sha256=DIGEST,
            )
        )
    return Settings(nats_url=topology, database_url=SecretStr(database_url))


async def test_a_stored_attachment_is_written_to_a_file_of_its_owner(settings: Settings, tmp_path: Path) -> None:
    into = tmp_path / "invoice.pdf"

    written = await write(settings, "i1", "c1", into=into, connection=None)

    assert into.read_bytes() == PDF
    assert written.sha256 == DIGEST
    assert stat.S_IMODE(into.stat().st_mode) == 0o600


async def test_a_confidential_one_leaves_the_store_only_where_the_rule_says_as_others(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    into = tmp_path / "invoice.pdf"
    with pytest.raises(CommandError, match="confidential") as refused:
        await write(settings, "i1", "c2", into=into, connection=None)
    assert refused.value.code == Exit.REFUSED
    assert not into.exists()

    await apply(engine, connection(confidential="as others"), by="test", now=NOW)
    await write(settings, "i1", "c2", into=into, connection=None)
    assert into.read_bytes() == PDF


@pytest.mark.parametrize("code", ["c3", ""])
async def test_one_that_is_not_stored_is_not_found(settings: Settings, tmp_path: Path, code: str) -> None:
    with pytest.raises(CommandError) as missing:
        await write(settings, "i1", code, into=tmp_path / "x", connection=None)

    assert missing.value.code == Exit.USAGE


async def test_a_file_that_is_there_is_never_overwritten(settings: Settings, tmp_path: Path) -> None:
    into = tmp_path / "there"
    into.write_text("mine")
    with pytest.raises(CommandError, match="cannot be written: File exists"):
        await write(settings, "i1", "c1", into=into, connection=None)
    with pytest.raises(CommandError, match="cannot be written"):
        await write(settings, "i1", "c1", into=tmp_path / "no folder" / "x", connection=None)

    assert into.read_text() == "mine"


async def test_a_file_that_was_changed_in_the_store_is_not_written(
    settings: Settings, client: Client, tmp_path: Path
) -> None:
    bucket = await client.jetstream().object_store(ATTACHMENTS_BUCKET)
    await bucket.put(DIGEST, b"another invoice")
    into = tmp_path / "x"

    with pytest.raises(PermanentError, match="was changed"):
        await write(settings, "i1", "c1", into=into, connection=None)
    assert not into.exists()


async def test_show_tells_the_attachments(settings: Settings) -> None:
    document = await shown(settings, "i1", connection=None)

    assert [(each.code, each.stored) for each in as_json(document)["attachments"]] == [
        ("c1", "stored"),
        ("c2", "stored"),
    ]
    assert attachments_table(document) is not None


async def test_attachments_are_kept_for_as_long_as_the_setting_says(settings: Settings, client: Client) -> None:
    stream = f"OBJ_{ATTACHMENTS_BUCKET}"
    forever = (await client.jetstream().stream_info(stream)).config.max_age
    await declare(client, settings.model_copy(update={"attachments_kept_days": 2}))
    two_days = (await client.jetstream().stream_info(stream)).config.max_age

    assert (forever or 0, two_days) == (0, 2 * 86_400)
