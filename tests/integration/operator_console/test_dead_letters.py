"""A message that nobody could handle shows at its document, is listed, and is forgotten when the document goes on."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nats
import pytest
import pytest_asyncio
from faststream.nats.message import NatsMessage
from nats.aio.client import Client
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply
from mlc_common.ending import surely_ended
from mlc_common.eventlog import EventLog
from mlc_common.events import (
    DocumentApproved,
    Event,
    InvoiceRefused,
    NotificationReceived,
    OutcomeAnswered,
    ReplayRequested,
)
from mlc_common.failures import PermanentError
from mlc_common.http import load_json
from mlc_common.retries import Delivery, RetryOrBury
from mlc_common.settings import Settings, Timings
from mlc_common.streams import (
    Durable,
    answers_durable,
    attachments_durable,
    deliveries_durable,
    reader_durable,
    writer_durable,
)
from mlc_common.tables import document_status
from mlc_common.telemetry import Metrics, Redactor
from mlc_common.topology import declare_connection
from operator_console import deadletter_commands, document_commands, output, replay_commands
from operator_console.cli import app
from operator_console.deadletter_commands import Filter
from operator_console.exits import CommandError, Exit
from operator_console.projector import catch_up, project
from operator_console.rebuilding import rebuild
from operator_console.replaying import Verdict
from operator_console.searching import Sought
from operator_console.selecting import Selection, plan
from operator_console.stream_reader import StreamReader
from operator_console.view import DocumentStatus, Phase

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FAILURE = "The document holds no company."


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    await declare_connection(made, "demo", ack_wait=30)
    yield made
    await made.close()


@pytest.fixture
def log(client: Client) -> EventLog:
    return EventLog(client, timeout=5)


@pytest.fixture
def reader(client: Client, log: EventLog) -> StreamReader:
    return StreamReader(client, log, timeout=5)


@pytest.fixture
def settings(topology: str, database_url: str) -> Settings:
    return Settings.model_validate({"nats_url": topology, "database_url": database_url})


PUSH = NotificationReceived(
    connection="demo",
    at=NOW,
    task_id="task/1",
    task_type="AccountingDocuments",
    document_id="i1",
    variant="body",
    digest="d1",
    body="{}",
)


def approved(attempt: str = "a1", at: datetime = NOW) -> DocumentApproved:
    return DocumentApproved(
        connection="demo",
        at=at,
        invoice_id="i1",
        attempt=attempt,
        cause=PUSH.id,
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        invoice_number="INV-1",
        currency="USD",
        gross=Decimal("10.10"),
        document="{}",
    )


REFUSED = InvoiceRefused(
    connection="demo", at=NOW, invoice_id="i1", attempt="a1", connection_version=1, findings=(finding("SUPERSEDED"),)
)
ANSWERED = OutcomeAnswered(
    connection="demo", at=NOW, invoice_id="i1", attempt="a1", external_code="x", success=False, message="told"
)


async def gives_up(client: Client, log: EventLog, durable: Durable) -> None:
    """Let the durable's reader fail on its next message in the way nothing can mend, and bury it."""

    async def hopeless(_event: Event, _delivery: Delivery) -> None:
        raise PermanentError(FAILURE)

    stream = client.jetstream()
    bury = RetryOrBury(
        durable,
        hopeless,
        log=log,
        stream=stream,
        timings=Timings(),
        metrics=Metrics(),
        redact=Redactor(),
        keep_alive=10,
    )
    reading = await stream.pull_subscribe_bind(durable.name, durable.stream)
    [message] = await reading.fetch(1, timeout=5)
    await bury(cast(NatsMessage, SimpleNamespace(raw_message=message)))


async def connected(engine: AsyncEngine) -> None:
    """The connection is known."""
    segments = [{"field": "accountCode"}]
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": segments}
    document: dict[str, Any] = {"name": "demo", "epicor": {"base_url": "http://127.0.0.1:9/a"}, "companies": [company]}
    await apply(engine, ConnectionDocument.model_validate(document), by="test", now=NOW)


async def caught_up(engine: AsyncEngine, reader: StreamReader) -> DocumentStatus:
    while await catch_up(engine, reader, now=lambda: NOW):
        pass
    async with engine.connect() as db:
        [row] = (await db.execute(select(document_status))).mappings().all()
    return DocumentStatus.of(row)


async def test_a_buried_approval_leaves_its_document_stuck_with_the_reason(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    await log.append(approved())
    await gives_up(client, log, writer_durable("demo"))

    found = await caught_up(engine, reader)

    assert (found.phase, found.answered) == ("stuck", False)
    assert found.reason == f"{FAILURE} (epicor-writer_demo gave up: dead letter 1)"


async def test_a_document_that_is_transferred_again_is_no_longer_stuck(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    await log.append(approved())
    await gives_up(client, log, writer_durable("demo"))
    assert (await caught_up(engine, reader)).phase == "stuck"

    await log.append(approved("a2", at=datetime.now(UTC)))

    found = await caught_up(engine, reader)
    assert (found.phase, found.reason) == ("approved", None)
    await rebuild(engine, reader, now=lambda: NOW)
    assert await caught_up(engine, reader) == found


async def test_a_buried_outcome_is_stuck_until_basware_has_the_answer(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    await log.append(approved())
    await log.append(REFUSED)
    await gives_up(client, log, answers_durable("demo"))
    assert (await caught_up(engine, reader)).phase == "stuck"

    await log.append(ANSWERED)

    found = await caught_up(engine, reader)
    assert (found.phase, found.answered) == ("refused", True)
    await rebuild(engine, reader, now=lambda: NOW)
    assert await caught_up(engine, reader) == found


async def test_the_running_projection_sees_dead_letters(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader
) -> None:
    await log.append(approved())
    task = asyncio.create_task(project(engine, reader, now=lambda: NOW))
    try:
        await gives_up(client, log, writer_durable("demo"))
        async with asyncio.timeout(15):
            while True:
                async with engine.connect() as db:
                    if (await db.scalar(select(document_status.c.phase))) == "stuck":
                        break
                await asyncio.sleep(0.05)
    finally:
        await surely_ended(task)


async def test_a_document_is_shown_with_its_pushes_and_its_dead_letters(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings
) -> None:
    await connected(engine)
    for event in (PUSH, approved()):
        await log.append(event)
    await gives_up(client, log, writer_durable("demo"))
    await caught_up(engine, reader)

    shown = await document_commands.shown(settings, "INV-1", connection=None)
    listed = await document_commands.rows(settings, Sought(phase=Phase.STUCK), limit=10)

    assert shown.status.phase == "stuck"
    assert [recorded.event.type for recorded in shown.timeline] == ["notification_received", "document_approved"]
    assert [letter.durable for letter in shown.dead_letters] == ["epicor-writer_demo"]
    with (out := output.console()).capture() as capture:
        out.print(document_commands.timeline(shown))
    words = [re.split(r"\s{2,}", line)[1:3] for line in capture.get().splitlines()[1:]]
    assert words == [["Basware", "pushed"], ["basware-reader", "approved"], ["epicor-writer", "dead letter"]]
    assert set(document_commands.as_json(shown)) == {"status", "timeline", "attachments", "dead_letters"}
    assert [status.invoice_id for status in listed] == ["i1"]


@pytest.mark.usefixtures("engine")
async def test_every_dead_letter_is_listed_with_what_it_was(client: Client, log: EventLog, settings: Settings) -> None:
    assert await deadletter_commands.listing(settings, Filter()) == []
    await log.append(PUSH)
    await log.append(approved())
    await gives_up(client, log, reader_durable("demo"))
    await gives_up(client, log, writer_durable("demo"))

    first, second = (each.letter for each in await deadletter_commands.listing(settings, Filter()))

    assert (first.sequence, first.stream, first.connection, first.document) == (1, "NOTIFICATIONS", "demo", "i1")
    assert (second.stream, second.stream_sequence, second.subject) == ("DOCUMENTS", 1, approved().subject)
    assert (second.failure, second.failure_class, second.tries) == (FAILURE, "PermanentError", 1)


async def browsed(settings: Settings, **asked: Any) -> list[int]:
    return [each.letter.sequence for each in await deadletter_commands.listing(settings, Filter(**asked))]


async def test_dead_letters_are_narrowed_by_durable_connection_time_and_whether_they_got_further(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings
) -> None:
    await log.append(PUSH)
    await log.append(approved())
    await gives_up(client, log, reader_durable("demo"))
    await gives_up(client, log, writer_durable("demo"))
    await caught_up(engine, reader)
    assert await browsed(settings, unresolved=True) == [1, 2]

    await log.append(approved("a2", at=datetime.now(UTC)))

    assert await browsed(settings, unresolved=True) == []
    assert await browsed(settings, durable="epicor-writer") == [2]
    assert await browsed(settings, durable="basware-reader_demo") == [1]
    with pytest.raises(CommandError, match="There is no connection other"):
        await browsed(settings, connection="other")
    assert await browsed(settings, since=datetime.now(UTC)) == []
    assert await browsed(settings, since=NOW) == [1, 2]


async def test_a_dead_letter_is_shown_with_its_payload_and_what_a_replay_would_do(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings
) -> None:
    secret = '{"password": "correct horse"}'
    await log.append(approved().model_copy(update={"document": secret}))
    await gives_up(client, log, writer_durable("demo"))
    await caught_up(engine, reader)

    shown = await deadletter_commands.shown(settings, 1)

    assert (shown.browsed.standing.verdict, shown.browsed.resolved) == (Verdict.POST, False)
    assert shown.browsed.standing.task == "enters the document in Epicor"
    assert shown.payload["invoice_number"] == "INV-1"
    assert "correct horse" not in str(shown.payload)
    with pytest.raises(CommandError, match="no dead letter 2") as caught:
        await deadletter_commands.shown(settings, 2)
    assert caught.value.code == Exit.USAGE


@pytest.mark.usefixtures("engine")
async def test_what_this_version_does_not_understand_is_shown_as_it_came(client: Client, settings: Settings) -> None:
    headers = {"Durable": "from-the-future_demo", "Failure": "?", "Buried-At": NOW.isoformat()}
    await client.jetstream().publish("deadletters.future", b'{"type": "invented"}', headers=headers)

    shown = await deadletter_commands.shown(settings, 1)

    assert (shown.browsed.standing.verdict, shown.payload) == (Verdict.PERSON, {"type": "invented"})


async def test_the_dead_letter_of_a_push_is_replayed_by_reading_its_document_which_nobody_ever_read(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings
) -> None:
    await log.append(PUSH)
    await gives_up(client, log, reader_durable("demo"))
    selection = Selection(Sought(), letters=(1,))
    order = replay_commands.Order("unread", "the bug is mended", 1000)

    done = await replay_commands.commit(settings, selection, order, progress=lambda _done, _of: None)

    (request,) = [each.event for each in await log.history("demo", "i1")]
    assert isinstance(request, ReplayRequested)
    assert (request.invoice_id, request.attempt, request.read_again) == ("i1", "", True)
    assert (done.state, done.requested, done.selection) == ("finished", 1, {"dead letters": "1"})
    assert await browsed(settings, unresolved=True) == [1]
    await log.append(approved())
    assert await browsed(settings, unresolved=True) == []
    assert [each.verdict async for each in plan(settings, selection)] == [Verdict.NOTHING]
    await caught_up(engine, reader)


async def test_two_dead_letters_of_one_document_are_one_replay(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings
) -> None:
    await log.append(approved())
    await gives_up(client, log, writer_durable("demo"))
    await log.append(PUSH)
    await gives_up(client, log, reader_durable("demo"))
    await caught_up(engine, reader)

    found = [each async for each in plan(settings, Selection(Sought(), letters=(1, 2)))]

    assert [(each.verdict, each.status.attempt) for each in found] == [(Verdict.READ, "a1")]


async def test_the_words_for_dead_letters_as_a_person_and_a_program_use_them(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings, tmp_path: Path
) -> None:
    await log.append(approved())
    await gives_up(client, log, writer_durable("demo"))
    await caught_up(engine, reader)
    reaching = {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "COLUMNS": "200",
    }

    def said(*words: str) -> tuple[int, str]:
        with contextlib.chdir(tmp_path):
            found = CliRunner().invoke(app, words, env=reaching)
        return found.exit_code, found.output

    listed = await asyncio.to_thread(said, "deadletters", "list", "--unresolved")
    (row,) = load_json((await asyncio.to_thread(said, "deadletters", "list", "--json"))[1])
    shown = await asyncio.to_thread(said, "deadletters", "show", "1")
    planned = await asyncio.to_thread(said, "replay", "--dead-letter", "1", "--no-compare")
    rebuilt = await asyncio.to_thread(said, "projections", "rebuild", "document-status")
    projections = await asyncio.to_thread(said, "projections", "list")

    assert listed[0] == shown[0] == planned[0] == rebuilt[0] == projections[0] == 0
    assert FAILURE in listed[1]
    assert (row["resolved"], row["verdict"], row["phase"], row["further"]) == (False, "post", "stuck", None)
    assert "epicor-writer_demo, which enters the document in Epicor" in shown[1]
    assert "post: " in shown[1]
    assert "post: 1" in planned[1]
    assert "document-status: 2 messages were folded; 0 rows were put in anew, 0 removed." in rebuilt[1]
    assert "masterdata-records" in projections[1]


async def test_the_words_for_messages_that_go_to_their_durable_again(
    engine: AsyncEngine, client: Client, log: EventLog, reader: StreamReader, settings: Settings, tmp_path: Path
) -> None:
    await connected(engine)
    for event in (approved(), REFUSED, ANSWERED):
        await log.append(event)
    await gives_up(client, log, deliveries_durable("demo"))
    await gives_up(client, log, attachments_durable("demo"))
    await caught_up(engine, reader)
    reaching = {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "COLUMNS": "300",
    }

    def said(*words: str) -> tuple[int, str]:
        with contextlib.chdir(tmp_path):
            found = CliRunner().invoke(app, words, env=reaching)
        return found.exit_code, found.output

    doing = ("--commit", "--name", "november", "-m", "the bug is mended")
    planned = await asyncio.to_thread(said, "replay", "--durable", "basware-deliveries", "--connection", "demo")
    (row,) = load_json((await asyncio.to_thread(said, "replay", "--dead-letter", "1", "--json"))[1])
    done = await asyncio.to_thread(said, "replay", "--durable", "basware-deliveries", *doing)
    rest = load_json((await asyncio.to_thread(said, "replay", "--unresolved", "--json"))[1])
    shown = await asyncio.to_thread(said, "deadletters", "show", "1")
    timeline = await asyncio.to_thread(said, "documents", "show", "i1")

    now = version("ml-connector")
    assert [each[0] for each in (planned, done, shown, timeline)] == [0, 0, 0, 0]
    assert "hand out again: 1" in planned[1]
    assert f"program {now} -> {now}" in planned[1]
    assert f"then: {FAILURE}" in planned[1]
    assert (row["verdict"], row["dead_letter"]["durable"]) == ("hand out again", "basware-deliveries")
    assert (row["dead_letter"]["failure"], row["dead_letter"]["sequence"]) == (FAILURE, 3)
    assert "Replay november: finished, 1 requested." in done[1]
    assert [each["dead_letter"]["durable"] for each in rest] == ["basware-attachments"]
    assert "nothing: it was handed out again in the replay november" in shown[1]
    assert re.search(r"handed out again +dead letter 1, to basware-deliveries; .*: the bug is mended", timeline[1])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("replay", "--unresolved", "--stuck"), "narrowed by --connection, --since and --until only"),
        (("replay", "--durable", "basware-payments", "--all"), "narrowed by --connection, --since and --until only"),
        (("deadletters", "list", "--since", "yesterday"), "yesterday is no day or time"),
        (("replay", "--dead-letter", "1", "--stuck"), "leave the others out"),
        (("replay",), "Say which: "),
    ],
)
def test_words_that_make_no_sense_are_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as caught:
        CliRunner().invoke(app, words, catch_exceptions=False)

    assert caught.value.code == Exit.USAGE
