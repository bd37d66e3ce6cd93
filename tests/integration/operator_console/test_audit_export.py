"""Bundles from real streams: sound, complete for a document, verified offline, and still so when the stream forgot."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, DocumentNoticed
from mlc_common.settings import Settings
from mlc_common.streams import DOCUMENTS
from mlc_common.vault import MasterKeys
from operator_console.audit import commands, signing_keys
from operator_console.audit.commands import Asked
from operator_console.audit.signing import pem
from operator_console.audit.verification import Covered
from operator_console.exits import CommandError, Exit
from operator_console.projector import catch_up
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PROGRAM = Path(sys.executable).parent / "ml-connector"


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    values = {"nats_url": topology, "database_url": database_url, "master_keys": MasterKeys.generate_line("m1")}
    return Settings.model_validate(values)


def approved(number: int, *, document: str = "{}") -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=NOW,
        invoice_id=f"i{number}",
        attempt="a1",
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        supplier_name="Müller & Söhne",
        invoice_number=f"INV-{number}",
        currency="USD",
        document=document,
    )


def noticed(number: int, attempt: str) -> DocumentNoticed:
    return DocumentNoticed(
        connection="demo", at=NOW, invoice_id=f"i{number}", attempt=attempt, status="Blocked", reason="…"
    )


async def some_history(client: Client) -> None:
    """24 facts of eight documents; one of the third is under claim check."""
    log = EventLog(client, timeout=5)
    for number in range(8):
        await log.append(approved(number, document="x" * 600_000 if number == 3 else "{}"))
    for attempt in ("a2", "a3"):
        for number in range(8):
            await log.append(noticed(number, attempt))


async def exported(settings: Settings, asked: Asked, file: Path) -> list[Covered]:
    written = await commands.export(settings, asked, file=file)
    assert written.report.problems == []
    return written.report.covered


async def forget(client: Client, stream: str) -> None:
    """Let a stream's limit by age do its work."""
    config = json.loads((await client.request(f"$JS.API.STREAM.INFO.{stream}", b"")).data)["config"]
    for age in (100_000_000, 0):  # nanoseconds; no limit again
        changed = {"max_age": age, "duplicate_window": age or config["duplicate_window"]}
        answer = await client.request(f"$JS.API.STREAM.UPDATE.{stream}", json.dumps(config | changed).encode())
        assert "error" not in json.loads(answer.data)
        async with asyncio.timeout(30):
            while age and (await client.jetstream().stream_info(stream)).state.messages:
                await asyncio.sleep(0.1)


async def public_key(engine: AsyncEngine, folder: Path) -> Path:
    file = folder / "public.pem"
    file.write_text("".join(each.public for each in await signing_keys.listing(engine)))
    return file


def offline(*words: object) -> subprocess.CompletedProcess[str]:
    """The command in an empty environment: no settings, no servers, nothing but the files."""
    return subprocess.run(
        [PROGRAM, "audit", "verify", *map(str, words)], env={}, cwd="/", capture_output=True, text=True
    )


async def test_a_stream_is_exported_whole_and_verified_offline(
    client: Client, settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await some_history(client)

    [covered] = await exported(settings, Asked(stream=DOCUMENTS), tmp_path / "all.jsonl")

    assert (covered.first, covered.last, covered.messages, covered.owner) == (1, 24, 24, None)
    key = await public_key(engine, tmp_path)
    done = offline(tmp_path / "all.jsonl", "--key", key)
    assert (done.returncode, done.stderr) == (0, "")
    assert "DOCUMENTS 1 to 24: all 24 events; anchored" in done.stdout
    assert "is sound" in done.stdout
    assert (tmp_path / "all.jsonl").stat().st_mode & 0o777 == 0o600


async def test_a_spoilt_bundle_is_named_offline_with_exit_code_1_and_a_wrong_file_with_2(
    client: Client, settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await some_history(client)
    await exported(settings, Asked(stream=DOCUMENTS), tmp_path / "all.jsonl")
    key = await public_key(engine, tmp_path)
    spoilt = tmp_path / "spoilt.jsonl"
    spoilt.write_bytes((tmp_path / "all.jsonl").read_bytes().replace(b"INV-2", b"INV-9"))

    done = offline(spoilt, "--key", key)
    assert done.returncode == 1
    assert "WRONG  DOCUMENTS 3: the event is not the one that was chained (documents.demo.i2.approved.a1" in done.stdout
    as_json = json.loads(offline(spoilt, "--key", key, "--json").stdout)
    assert as_json["sound"] is False
    assert as_json["report"]["problems"]

    for words in ((key, "--key", key), (tmp_path / "none", "--key", key), (spoilt, "--key", spoilt), (spoilt,)):
        assert offline(*words).returncode == 2
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(pem(signing_keys.Signer.of(bytes(range(32))).public))
    assert offline(tmp_path / "all.jsonl", "--key", stranger).returncode == 1


async def test_a_document_is_exported_with_the_proof_that_nothing_of_it_is_missing(
    client: Client, settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await some_history(client)
    reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
    await catch_up(engine, reader, now=lambda: NOW)

    [covered] = await exported(settings, Asked(document="INV-3"), tmp_path / "i3.jsonl")

    assert (covered.first, covered.last, covered.messages, covered.owner) == (1, 24, 3, "documents.demo.i3")
    text = (tmp_path / "i3.jsonl").read_text()
    assert "x" * 600_000 in text, "large content is in the bundle"
    assert "INV-2" not in text
    [again] = await exported(settings, Asked(document="i3", connection="demo"), tmp_path / "again.jsonl")
    assert again == covered


async def test_a_time_range_holds_what_was_stored_in_it(client: Client, settings: Settings, tmp_path: Path) -> None:
    log = EventLog(client, timeout=5)
    await log.append(approved(1))
    await asyncio.sleep(0.05)
    since = datetime.now(UTC)
    await log.append(approved(2))
    await log.append(approved(3))
    await asyncio.sleep(0.05)
    until = datetime.now(UTC)
    await log.append(approved(4))

    asked = Asked(since=since.isoformat(), until=until.isoformat())
    [covered] = await exported(settings, asked, tmp_path / "range.jsonl")
    [rest] = await exported(settings, Asked(since=until.isoformat()), tmp_path / "rest.jsonl")

    assert (covered.stream, covered.first, covered.last, covered.messages) == (DOCUMENTS, 2, 3, 2)
    assert (rest.first, rest.last) == (4, 4)
    with pytest.raises(CommandError, match="hold nothing of that"):
        await exported(settings, Asked(until="2001-01-01"), tmp_path / "nothing.jsonl")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked(), Exit.USAGE),
        (Asked(stream="INVENTED"), Exit.USAGE),
        (Asked(since="yesterday"), Exit.USAGE),
        (Asked(until="2026-11-22T09:00:00"), Exit.USAGE),
        (Asked(document="i1", stream=DOCUMENTS), Exit.USAGE),
        (Asked(document="nobody-knows"), Exit.USAGE),
        (Asked(document="nobody-knows", connection="demo"), Exit.USAGE),
    ],
)
async def test_what_cannot_be_exported_is_said(
    client: Client, settings: Settings, tmp_path: Path, asked: Asked, code: Exit
) -> None:
    with pytest.raises(CommandError) as caught:
        await commands.export(settings, asked, file=tmp_path / "b.jsonl")

    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == [tmp_path / "nats"]


async def test_two_documents_of_one_number_are_told_apart_and_no_file_is_written_over(
    client: Client, settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    log = EventLog(client, timeout=5)
    for number in (1, 2):
        await log.append(approved(number).model_copy(update={"invoice_number": "SAME"}))
    await catch_up(engine, StreamReader(client, log, timeout=5), now=lambda: NOW)

    with pytest.raises(CommandError, match="i1 of demo, i2 of demo"):
        await commands.export(settings, Asked(document="SAME"), file=tmp_path / "b.jsonl")
    (tmp_path / "b.jsonl").write_text("kept")
    with pytest.raises(CommandError, match="is there already"):
        await commands.export(settings, Asked(document="i1"), file=tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_text() == "kept"


async def test_a_stream_that_was_changed_behind_the_chain_is_found_by_its_export(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    await some_history(client)
    async with commands.chains_of(settings) as chains:
        await chains.up_to_date(DOCUMENTS)
    js = client.jetstream()
    config = (await js.stream_info(DOCUMENTS)).config
    await js.delete_stream(DOCUMENTS)
    await js.add_stream(config)
    log = EventLog(client, timeout=5)
    for number in range(24):
        await log.append(noticed(number, "forged"))

    written = await commands.export(settings, Asked(stream=DOCUMENTS), file=tmp_path / "b.jsonl")

    assert written.report.problems[0].startswith("DOCUMENTS 1: the event is not the one that was chained")
    assert not written.report.sound


async def test_an_archive_stays_verifiable_after_the_stream_forgot(
    client: Client, settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await some_history(client)
    await asyncio.sleep(0.05)
    before = datetime.now(UTC).isoformat()
    log = EventLog(client, timeout=5)
    folder = tmp_path / "archive"

    [first] = await commands.archive(settings, before=before, folder=folder)
    assert first.report.sound
    assert await commands.archive(settings, before=before, folder=folder) == []

    await forget(client, DOCUMENTS)
    await log.append(approved(99))
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    [second] = await commands.archive(settings, before=later, folder=folder)

    key = await public_key(engine, tmp_path)
    assert [path.name for path in sorted(folder.iterdir())] == ["DOCUMENTS-1-24.jsonl", "DOCUMENTS-25-25.jsonl"]
    for file in folder.iterdir():
        assert offline(file, "--key", key).returncode == 0
    assert second.report.sound
    old = await commands.export(settings, Asked(document="i3", connection="demo"), file=tmp_path / "late.jsonl")
    assert old.report.problems[0] == (
        "DOCUMENTS 4: an event of documents.demo.i3 is missing from the bundle, only its link is there"
    )


async def test_every_verb_works_from_the_command_line(
    client: Client, settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await some_history(client)
    assert settings.master_keys is not None
    environment = {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLC_MASTER_KEYS": settings.master_keys.get_secret_value(),
    }

    async def said(*words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "audit", *words, env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, words
        return out.decode()

    exported = json.loads(await said("export", "--stream", DOCUMENTS, "-o", "b.jsonl", "--json"))
    assert exported[0]["report"]["covered"][0]["messages"] == 24
    assert "is sound" in await said("archive", "--before", "2100-01-01", "-o", "archive")
    assert "Nothing new" in await said("archive", "--before", "2100-01-01", "-o", "archive")
    [old] = json.loads(await said("keys", "list", "--json"))
    new = json.loads(await said("keys", "new", "--json"))["key"]
    assert "signs no more" in await said("keys", "retire", old["id"])
    assert new in await said("keys", "list")
    assert new in await said("keys", "export", "-o", "public.pem")
    assert offline(tmp_path / "b.jsonl", "--key", tmp_path / "public.pem").returncode == 0
    async with engine.connect() as db:
        assert (await db.execute(text("SELECT count(*) FROM signing_keys WHERE retired_at IS NULL"))).scalar() == 1
