"""Personal data is sealed in the stream, opened when read, erased on request; bytes and chain stay as they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from mlc_common.document_keys import DocumentKeys
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, DocumentErased, OutcomeAnswered
from mlc_common.failures import PermanentError, TransientError
from mlc_common.personal import ERASED
from mlc_common.settings import Settings
from mlc_common.streams import DOCUMENT_KEYS, DOCUMENTS
from mlc_common.vault import MasterKeys
from operator_console.audit import commands
from operator_console.audit.commands import Asked
from operator_console.audit.erasure import erase
from operator_console.exits import CommandError, Exit

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEXT = '{ "referencePerson":"Jane \\"B\\" Büyer", "netSum": 10.10, "codingRows": [{"ownerName": "Bo"}] }'
LEFT = f'{{ "referencePerson":"{ERASED}", "netSum": 10.10, "codingRows": [{{"ownerName": "{ERASED}"}}] }}'
MEMBERS = ("referencePerson", "ownerName")


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    values = {"nats_url": topology, "database_url": database_url, "master_keys": MasterKeys.generate_line("m1")}
    return Settings.model_validate(values)


def approved(attempt: str = "a1", *, text: str = TEXT, personal: tuple[str, ...] | None = MEMBERS) -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=NOW,
        invoice_id="i1",
        attempt=attempt,
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        invoice_number="INV-1",
        currency="USD",
        document=text,
        personal=personal,
    )


def answered(attempt: str = "a1") -> OutcomeAnswered:
    return OutcomeAnswered(
        connection="demo", at=NOW, invoice_id="i1", attempt=attempt, external_code="x", success=True, message="ok"
    )


async def texts(log: EventLog) -> list[str]:
    facts = [each.event for each in await log.timeline("demo", "i1")]
    newest = [each.event for each in await log.history("demo", "i1")]
    assert [each for each in newest if isinstance(each, DocumentApproved)] == [
        each for each in facts if isinstance(each, DocumentApproved)
    ]
    return [each.document for each in facts if isinstance(each, DocumentApproved)]


async def erased(settings: Settings) -> bool:
    done = await erase(settings, "i1", connection="demo", reason="asked for by the person")
    return not done.already


async def test_personal_data_is_sealed_at_rest_and_opened_when_read(client: Client) -> None:
    log = EventLog(client, timeout=5)

    assert not (await log.append(approved())).already
    assert (await log.append(approved())).already, "the same fact again is still the same fact"

    stored = (await client.jetstream().get_msg(DOCUMENTS, 1)).data or b""
    assert b"Jane" not in stored
    assert b'"Bo"' not in stored
    assert json.loads(stored)["document"] == LEFT
    assert await texts(log) == [TEXT]


async def test_erased_for_good_and_the_chain_stays_valid(client: Client, settings: Settings, tmp_path: Path) -> None:
    log = EventLog(client, timeout=5)
    for event in (approved(), answered()):
        await log.append(event)
    before = await commands.export(settings, Asked(stream=DOCUMENTS), file=tmp_path / "before.jsonl")
    raw = (await client.jetstream().get_msg(DOCUMENTS, 1)).data

    assert await erased(settings)
    assert not await erased(settings), "a second time there is nothing left"

    assert await texts(log) == [LEFT]
    assert (await client.jetstream().get_msg(DOCUMENTS, 1)).data == raw
    after = await commands.export(settings, Asked(document="i1", connection="demo"), file=tmp_path / "after.jsonl")
    assert (before.report.problems, after.report.problems) == ([], [])
    assert "Jane" not in (tmp_path / "before.jsonl").read_text(), "also bundles that were given away are without it"
    facts = [each.event for each in await log.timeline("demo", "i1")]
    [fact] = [each for each in facts if isinstance(each, DocumentErased)]
    assert fact.reason == "asked for by the person"
    assert fact.by
    assert (await client.jetstream().stream_info(DOCUMENT_KEYS)).state.messages == 0


async def test_the_key_is_overwritten_on_disk(
    client: Client, broker: object, tmp_path: Path, settings: Settings
) -> None:
    log = EventLog(client, timeout=5)
    await log.append(approved())
    await log.append(answered())
    key = json.loads((await client.jetstream().get_last_msg(DOCUMENT_KEYS, "document_keys.demo.i1")).data or b"")["key"]

    def on_disk() -> bool:
        return any(key.encode() in path.read_bytes() for path in (tmp_path / "nats").rglob("*") if path.is_file())

    async with asyncio.timeout(10):
        while not on_disk():
            await asyncio.sleep(0.05)
    await erased(settings)
    async with asyncio.timeout(10):
        while on_disk():
            await asyncio.sleep(0.05)


async def test_a_transfer_after_the_erasure_has_a_key_of_its_own(client: Client, settings: Settings) -> None:
    log = EventLog(client, timeout=5)
    for event in (approved(), answered()):
        await log.append(event)
    await erased(settings)

    for event in (approved("a2"), answered("a2")):
        await log.append(event)

    assert await texts(log) == [LEFT, TEXT]
    assert await erased(settings)
    assert await texts(log) == [LEFT, LEFT]


async def test_cut_off_between_fact_and_destruction_it_is_done_again(client: Client, settings: Settings) -> None:
    log, keys = EventLog(client, timeout=5), DocumentKeys(client, timeout=5)
    for event in (approved(), answered()):
        await log.append(event)
    key = await keys.key_id("demo", "i1")
    assert key is not None
    fact = DocumentErased(connection="demo", at=NOW, invoice_id="i1", attempt=key, by="somebody", reason="cut off")
    await log.append(fact)
    assert await texts(log) == [TEXT]

    assert await keys.destroy("demo", "i1")
    assert not await keys.destroy("demo", "i1")

    assert await texts(log) == [LEFT]
    assert not await erased(settings)


async def test_events_of_old_and_documents_in_hand_are_not_erased(client: Client, settings: Settings) -> None:
    log = EventLog(client, timeout=5)
    await log.append(approved(personal=None))
    with pytest.raises(CommandError, match="still being worked on") as caught:
        await erased(settings)
    assert caught.value.code == Exit.REFUSED
    await log.append(answered())
    with pytest.raises(CommandError, match="did not seal personal data yet"):
        await erased(settings)
    assert await texts(log) == [TEXT], "what was stored unsealed stays readable"
    with pytest.raises(CommandError) as missing:
        await erase(settings, "nobody-knows", connection=None, reason="x")
    assert missing.value.code == Exit.USAGE


async def test_without_personal_members_no_key_is_made(client: Client, settings: Settings) -> None:
    log = EventLog(client, timeout=5)
    await log.append(approved(text='{"netSum": 1}'))
    await log.append(answered())

    assert (await client.jetstream().stream_info(DOCUMENT_KEYS)).state.messages == 0
    with pytest.raises(CommandError, match="holds no personal data"):
        await erased(settings)


async def test_two_who_record_at_once_share_one_key(client: Client) -> None:
    log = EventLog(client, timeout=5)

    await asyncio.gather(*(log.append(approved(f"a{number}")) for number in range(20)))

    assert (await client.jetstream().stream_info(DOCUMENT_KEYS)).state.last_seq == 1
    assert await texts(log) == [TEXT] * 20


async def test_a_large_document_is_sealed_too(client: Client, settings: Settings) -> None:
    log = EventLog(client, timeout=5)
    large = TEXT.replace("netSum", "x" * 700_000)
    for event in (approved(text=large), answered()):
        await log.append(event)

    assert await texts(log) == [large]
    await erased(settings)
    assert await texts(log) == [LEFT.replace("netSum", "x" * 700_000)]


async def test_a_sealed_part_that_was_changed_is_never_taken_for_the_truth(client: Client) -> None:
    keys = DocumentKeys(client, timeout=5)
    stored = json.loads(await keys.sealed(approved()))
    other = await keys.sealed(approved("a2"))
    moved = json.dumps({**stored, "sealed": json.loads(other)["sealed"]}).encode()

    with pytest.raises(PermanentError, match="was changed"):
        await keys.opened(moved)
    assert await keys.opened(b'{"sealed": 1}') == b'{"sealed": 1}'
    assert await keys.opened(b'"sealed" no JSON') == b'"sealed" no JSON'


async def test_a_missing_stream_of_keys_is_not_taken_for_an_erasure(client: Client) -> None:
    log = EventLog(client, timeout=5)
    await log.append(approved())
    await client.jetstream().delete_stream(DOCUMENT_KEYS)

    with pytest.raises(TransientError, match="not declared"):
        await log.history("demo", "i1")
    with pytest.raises(TransientError):
        await log.append(approved("a2"))
