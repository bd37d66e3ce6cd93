"""Every service's work passes on a real nats-server with exactly its own permissions; everything else is refused."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import nats
import nats.errors
import pytest
from faststream.nats.message import NatsMessage
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from epicor_writer.gate import last_facts
from masterdata_sync.confirming import unconfirmed
from masterdata_sync.journal import Journal
from masterdata_sync.payments.postings import posted_after
from mlc_common.attachment_store import AttachmentStore
from mlc_common.broker import Outages, make_broker, reading
from mlc_common.document_keys import DocumentKeys
from mlc_common.eventlog import EventLog, stream_of
from mlc_common.events import (
    BankChangeDecided,
    BatchSent,
    DocumentApproved,
    Event,
    InvoicePosted,
    MasterDataRedeliveryRequested,
    NotificationReceived,
    PaymentSeen,
    RecordSent,
    ReplayRequested,
    SyncEnded,
    SyncRequested,
    parse_event,
)
from mlc_common.failures import PermanentError, TransientError
from mlc_common.groupcommit import GroupCommit
from mlc_common.permissions import DUTIES, EVERY_DURABLE, KEPT, OPERATOR, durables_of, inbox_prefix, permissions_of
from mlc_common.retries import Delivery, RetryOrBury
from mlc_common.settings import Settings, Timings
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import (
    CHAINED,
    CLAIMS_STREAM,
    DEADLETTERS,
    DOCUMENT_KEYS,
    DOCUMENTS,
    LARGEST_MESSAGE,
    MASTERDATA,
    NOTIFICATIONS,
    OPERATIONS,
    STREAMS,
    Durable,
    document_subject,
    durables,
    sync_subject,
)
from mlc_common.telemetry import Metrics, Redactor
from mlc_common.topology import declare, declare_connection
from mlc_common.vault import MasterKeys
from operator_console import doctor_platform, replay_commands
from operator_console.audit.follower import Chains
from operator_console.backlog import look
from operator_console.backup import snapshots
from operator_console.data_folder import free_port
from operator_console.deadletter_commands import Filter
from operator_console.exits import CommandError
from operator_console.nats_accounts import password_variable, server_file
from operator_console.projector import catch_up
from operator_console.reach import broker as command_broker
from operator_console.replay_commands import Order
from operator_console.searching import Sought
from operator_console.selecting import Selection
from operator_console.stream_reader import StreamReader

SERVICES = tuple(name for name in DUTIES if name != OPERATOR)
CONNECTIONS = ("acme", "acme-test")
EXAMPLES = Path(__file__).parents[1] / "golden" / "events" / "version-1"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A nats-server with the users and permissions that `ml-connector deploy nats` prints."""
    with started(tmp_path_factory.mktemp("nats")) as url:
        asyncio.run(_reachable(url))
        asyncio.run(_declared(url))
        yield url


@contextmanager
def started(folder: Path) -> Iterator[str]:
    port = free_port()
    (folder / "accounts.conf").write_text(server_file(CONNECTIONS))
    (folder / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}" }}\ninclude ./accounts.conf\n'
    )
    environment = {password_variable(user): f"sandbox-{user}" for user in DUTIES}
    program = Path(sys.executable).parent / "nats-server"
    process = subprocess.Popen([program, "-c", folder / "nats.conf"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def _reachable(url: str) -> None:
    for _ in range(100):
        with suppress(Exception):
            async with connected(url, OPERATOR):
                return
        await asyncio.sleep(0.05)


async def _declared(url: str) -> None:
    async with command_broker(settings(url, OPERATOR)) as client:
        await declare(client, Settings())
        await declare(client, Settings())
        for name in CONNECTIONS:
            await declare_connection(client, name, ack_wait=30)


def settings(url: str, user: str) -> Settings:
    password = SecretStr(f"sandbox-{user}")
    return Settings(nats_url=url, nats_user=user, nats_password=password, nats_inbox_prefix=inbox_prefix(user))


@asynccontextmanager
async def connected(url: str, user: str, *, refused: list[str] | None = None) -> AsyncIterator[Client]:
    async def note(error: Exception) -> None:
        if refused is not None:
            refused.append(str(error))

    client = await nats.connect(
        url,
        user=user,
        password=f"sandbox-{user}",
        inbox_prefix=inbox_prefix(user),
        error_cb=note,
        allow_reconnect=False,
        connect_timeout=1,
    )
    try:
        yield client
    finally:
        await client.close()


def events() -> list[Event]:
    return [parse_event(path.read_bytes()) for path in sorted(EXAMPLES.glob("*.json"))]


def owners(event: Event) -> set[str]:
    """Who may publish this event, by the duties."""
    if isinstance(event, FactOfDocument):
        return {user for user, duty in DUTIES.items() if event.fact in duty.facts}
    people = isinstance(event, SyncRequested | BankChangeDecided | MasterDataRedeliveryRequested)
    return {
        OPERATOR
        if people
        else {NOTIFICATIONS: "webhook-gateway", MASTERDATA: "masterdata-sync", OPERATIONS: OPERATOR}[stream_of(event)]
    }


def for_acme(event: Event, number: int) -> Event:
    """The event, of a connection that is configured, on a subject of its own."""
    own = {"connection": "acme"} | ({"attempt": f"a{number}"} if isinstance(event, FactOfDocument) else {})
    return event.model_copy(update=own)


@pytest.mark.parametrize("user", DUTIES)
async def test_a_service_stores_its_own_facts_and_nobody_elses(server: str, user: str) -> None:
    mine = [each for each in events() if user in owners(each)]
    others = [each for each in events() if user not in owners(each)]
    refused: list[str] = []
    async with connected(server, user, refused=refused) as client:
        log = EventLog(client, timeout=5)
        for event in mine:
            await log.append(event)
        assert refused == []
        for event in others:
            await client.publish(event.subject, event.to_json())
        await client.flush()
        await eventually(lambda: len(refused) == len(others))

    assert all("permissions violation for publish" in each.lower() for each in refused)
    assert len(mine) + len(others) == len(events())


async def test_a_large_document_is_checked_in_and_out(server: str) -> None:
    large = next(each for each in events() if isinstance(each, DocumentApproved)).model_copy(
        update={"document": json.dumps({"filler": "x" * (3 * LARGEST_MESSAGE)}), "invoice_id": "large"}
    )
    refused: list[str] = []
    async with connected(server, "basware-reader", refused=refused) as client:
        await EventLog(client, timeout=5).append(large)
    for user in ("epicor-writer", "operator-console", OPERATOR):
        async with connected(server, user, refused=refused) as client:
            [found] = await EventLog(client, timeout=5).history(large.connection, "large")
            [same] = await EventLog(client, timeout=5).timeline(large.connection, "large")
        assert found.event == same.event == large

    assert refused == []


async def test_an_attachment_is_stored_by_the_reader_and_fetched_by_the_writer_and_people(server: str) -> None:
    content = bytes(range(256)) * 4096
    digest = hashlib.sha256(content).hexdigest()
    refused: list[str] = []
    async with connected(server, "basware-reader", refused=refused) as client:
        await AttachmentStore(client, timeout=5).keep(io.BytesIO(content), digest)
    for user in ("epicor-writer", OPERATOR):
        async with connected(server, user, refused=refused) as client:
            fetched = io.BytesIO()
            await AttachmentStore(client, timeout=5).fetch(digest, fetched)
            assert fetched.getvalue() == content
    assert refused == []
    async with connected(server, "epicor-writer", refused=refused) as client:
        with pytest.raises(TransientError):
            await AttachmentStore(client, timeout=0.5).keep(io.BytesIO(b"other"), hashlib.sha256(b"other").hexdigest())
    assert refused


async def test_personal_data_is_sealed_by_the_reader_opened_by_who_reads_documents_and_erased_by_people(
    server: str,
) -> None:
    approved = next(each for each in events() if isinstance(each, DocumentApproved)).model_copy(
        update={
            "connection": "acme",
            "invoice_id": "sealed",
            "document": '{"ownerName":"Bo"}',
            "personal": ("ownerName",),
        }
    )
    refused: list[str] = []
    async with connected(server, "basware-reader", refused=refused) as client:
        await EventLog(client, timeout=5).append(approved)
        [found] = await EventLog(client, timeout=5).history("acme", "sealed")
        assert found.event == approved
    for user in ("epicor-writer", "operator-console", OPERATOR):
        async with connected(server, user, refused=refused) as client:
            [found] = await EventLog(client, timeout=5).timeline("acme", "sealed")
            assert found.event == approved
    assert refused == []
    for user in ("webhook-gateway", "masterdata-sync"):
        async with connected(server, user) as client:
            with pytest.raises(TransientError):
                await DocumentKeys(client, timeout=0.5).key_id("acme", "sealed")
    for user in SERVICES:
        async with connected(server, user, refused=refused) as client:
            await client.publish(f"$JS.API.STREAM.MSG.DELETE.{DOCUMENT_KEYS}", b'{"seq":1}', reply=client.new_inbox())
            if user != "basware-reader":
                await client.publish("document_keys.acme.forged", b"{}")
            await client.flush()
            await eventually(lambda expected=1 + (user != "basware-reader"): len(refused) == expected)
        refused.clear()
    async with connected(server, OPERATOR) as client:
        assert await DocumentKeys(client, timeout=5).destroy("acme", "sealed")
        assert await DocumentKeys(client, timeout=5).key_id("acme", "sealed") is None


@pytest.mark.parametrize("user", ["operator-console", OPERATOR])
async def test_the_console_and_people_chain_and_anchor(server: str, engine: AsyncEngine, user: str) -> None:
    keys = MasterKeys.parse(SecretStr(MasterKeys.generate_line("m1")))
    event = next(each for each in events() if isinstance(each, DocumentApproved))
    async with connected(server, "basware-reader") as client:
        await EventLog(client, timeout=5).append(event.model_copy(update={"invoice_id": f"chained-{user}"}))
    refused: list[str] = []
    async with connected(server, user, refused=refused) as client:
        if user == OPERATOR:  # a database that knows nothing of the chain: what was anchored is found to fit
            assert await _chains(client, engine, keys).last_anchor(DOCUMENTS)
        anchors = [await _chains(client, engine, keys).up_to_date(stream) for stream in CHAINED]
    assert refused == []
    assert any(anchor is not None and anchor.stream == DOCUMENTS for anchor in anchors)


def _chains(client: Client, engine: AsyncEngine, keys: MasterKeys) -> Chains:
    reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
    return Chains(engine, client, reader, keys=lambda: keys, now=lambda: NOW, timeout=5)


@pytest.mark.parametrize("stream", KEPT)
async def test_people_back_up_every_stream_and_restore_it_only_where_it_is_not(
    server: str, tmp_path: Path, stream: str
) -> None:
    refused: list[str] = []
    chunks: list[bytes] = []
    async with connected(server, OPERATOR, refused=refused) as client:
        assert stream in await snapshots.stream_names(client)
        async with snapshots.standing_still(client, stream, now=lambda: datetime.now(UTC)):
            config, state = await snapshots.snapshot(client, stream, chunks.append)
        with pytest.raises(CommandError, match="already in use"):
            await snapshots.restore(client, config, state, iter(chunks))
    with started(tmp_path) as empty:
        await _reachable(empty)
        async with connected(empty, OPERATOR, refused=refused) as client:
            await snapshots.make_room(client, [stream])
            await snapshots.restore(client, config, state, iter(chunks))
    assert chunks
    assert refused == []


@pytest.mark.parametrize(
    ("user", "durable"),
    [(name, each) for name in SERVICES for each in durables_of(name, "acme")],
    ids=lambda each: getattr(each, "name", each),
)
async def test_a_service_reads_settles_and_buries_from_its_own_durables(
    server: str, user: str, durable: Durable
) -> None:
    seen = asyncio.Event()

    async def settle(message: NatsMessage) -> None:
        await message.raw_message.in_progress()
        await message.raw_message.ack()
        seen.set()

    outages = Outages()
    broker = make_broker(user, settings(server, user), outages=outages)
    client = await broker.connect()
    await broker.start()
    fact = next(each for each in (for_acme(each, 77) for each in events()) if _feeds(each, durable))
    [source] = owners(fact)
    async with connected(server, source) as other:
        await EventLog(other, timeout=5).append(fact)
    async with reading(broker, durable, settle, workers=1, outages=outages, inbox_prefix=inbox_prefix(user)):
        await asyncio.wait_for(seen.wait(), 10)
        await eventually(lambda: _settled(client, durable))
    dead = await client.jetstream().publish(f"deadletters.{durable.name}", b"{}", stream=DEADLETTERS)
    assert dead.seq
    await broker.stop()


TAKING_AGAIN = [
    (user, durable)
    for user in SERVICES
    for durable in durables_of(user, "acme-test")
    if durable.work != durable.subjects
]


@pytest.mark.parametrize(("user", "durable"), TAKING_AGAIN, ids=lambda each: getattr(each, "name", each))
async def test_people_have_a_buried_message_handed_out_again_to_the_service_that_gave_it_up(
    server: str, database_url: str, user: str, durable: Durable
) -> None:
    own = {"connection": "acme-test", "attempt": "buried", "request": "buried", "request_id": "buried"}
    fact = next(each for each in events() if _feeds(each.model_copy(update={"connection": "acme"}), _of_acme(durable)))
    fact = fact.model_copy(update={name: each for name, each in own.items() if name in type(fact).model_fields})
    [source] = owners(fact)
    async with connected(server, source) as other:
        await EventLog(other, timeout=5).append(fact)
    handled: list[Event] = []
    refused: list[str] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        if event != fact:
            return
        if delivery.asked is None:
            raise PermanentError("This version has a bug.")
        handled.append(event)

    async with connected(server, user, refused=refused) as client:
        await _settle_all(client, durable, handle)
        people = settings(server, OPERATOR).model_copy(update={"database_url": SecretStr(database_url)})
        selection = Selection(Sought(), buried=Filter(durable=durable.name, unresolved=True))
        order = Order(f"anew {durable.name}", "the bug is mended", 1000)
        done = await replay_commands.commit(people, selection, order, progress=lambda _d, _o: None)
        await _settle_all(client, durable, handle)

    assert (done.state, done.requested) == ("finished", 1)
    assert handled == [fact]
    assert refused == []


def _of_acme(durable: Durable) -> Durable:
    return next(each for each in durables("acme") if each.name == durable.name.replace("acme-test", "acme"))


async def _settle_all(client: Client, durable: Durable, handle: Callable[[Event, Delivery], Awaitable[None]]) -> None:
    """Read everything that the durable holds, as the bootstrap does."""
    settle = RetryOrBury(
        durable,
        handle,
        log=EventLog(client, timeout=5),
        stream=client.jetstream(),
        timings=Timings(),
        metrics=Metrics(),
        redact=Redactor(),
        keep_alive=10,
    )
    reading = await client.jetstream().pull_subscribe_bind(durable.name, durable.stream)
    with suppress(TimeoutError):
        while True:
            for message in await reading.fetch(10, timeout=1):
                await settle(cast(NatsMessage, SimpleNamespace(raw_message=message)))


@pytest.mark.parametrize("user", DUTIES)
async def test_nobody_reads_or_buries_from_anothers_durables(server: str, user: str) -> None:
    refused: list[str] = []
    async with connected(server, user, refused=refused) as client:
        for other in {each for name in CONNECTIONS for each in durables(name)} - {
            each for name in CONNECTIONS for each in durables_of(user, name)
        }:
            await client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{other.stream}.{other.name}", b"", reply=client.new_inbox()
            )
            await client.publish(f"deadletters.{other.name}", b"{}")
        await client.flush()
        await eventually(lambda: len(refused) == 2 * (len(EVERY_DURABLE) - len(DUTIES[user].durables)) * 2)


def _feeds(event: Event, durable: Durable) -> bool:
    return any(_matches(each, event.subject) for each in durable.subjects)


def _matches(pattern: str, subject: str) -> bool:
    """Whether the server would deliver this subject to this filter."""
    expected, found = pattern.split("."), subject.split(".")
    if expected[-1] == ">":
        expected, found = expected[:-1], found[: len(expected) - 1]
    return len(expected) == len(found) and all(e in ("*", f) for e, f in zip(expected, found, strict=True))


async def _settled(client: Client, durable: Durable) -> bool:
    found = await client.jetstream().consumer_info(durable.stream, durable.name)
    return found.num_ack_pending == 0 and found.num_pending == 0


async def test_pushes_of_one_moment_share_a_write(server: str) -> None:
    push = next(each for each in events() if isinstance(each, NotificationReceived))
    pushes = [push.model_copy(update={"connection": "acme", "task_id": f"t{number}"}) for number in range(20)]
    refused: list[str] = []
    async with (
        connected(server, "webhook-gateway", refused=refused) as client,
        GroupCommit(client, timeout=5) as commit,
    ):
        stored = await asyncio.gather(*(commit.append(each) for each in pushes))
        again = await commit.append(pushes[0])

    assert len({each.sequence for each in stored}) == 20
    assert again.already
    assert refused == []


async def test_master_records_are_journalled(server: str) -> None:
    refused: list[str] = []
    async with connected(server, "masterdata-sync", refused=refused) as client:
        log = EventLog(client, timeout=5)
        async with GroupCommit(client, timeout=5) as group:
            journal = Journal("acme", client, log, group, 5)
            about = {"connection": "acme", "at": NOW, "kind": "vendor", "company": "US01", "code": "V1"}
            await journal.append([RecordSent(**about, digest="d1")])

        assert await journal.last_sent("vendor", "US01", ["V1"]) == {"V1": "d1"}
        assert await journal.last_record("vendor", "US01", "V1") is None
        assert [each async for each in log.facts(MASTERDATA, "masterdata.acme.vendor.US01.*.*")]
    async with connected(server, "epicor-writer", refused=refused) as client:
        found = await last_facts(EventLog(client, timeout=5), "acme", "US01", [("vendor", "V1")])
        assert [type(each) for each in found["vendor", "V1"]] == [RecordSent]

    assert refused == []


async def test_a_kind_waits_for_the_batches_of_another(server: str) -> None:
    refused: list[str] = []
    sent = next(each for each in events() if isinstance(each, BatchSent)).model_copy(
        update={"connection": "acme-test", "request_id": "r-waits"}
    )
    async with connected(server, "masterdata-sync", refused=refused) as client:
        await EventLog(client, timeout=5).append(sent)
        assert await unconfirmed(client, "acme-test", [sent.kind, "other"], timeout=5) == [sent.kind]

    assert refused == []


async def test_people_ask_for_a_run_and_see_its_end(server: str) -> None:
    refused: list[str] = []
    about = {"connection": "acme-test", "at": NOW, "request": "asked"}
    async with (
        connected(server, OPERATOR, refused=refused) as people,
        connected(server, "masterdata-sync", refused=refused) as sync,
    ):
        log = EventLog(people, timeout=5)
        asked = await log.append(SyncRequested(**about, by="mia"))
        await EventLog(sync, timeout=5).append(SyncEnded(**about))
        reader, subject = StreamReader(people, log, timeout=5), sync_subject("acme-test", "asked", "*")
        [read] = await reader.after(MASTERDATA, asked.sequence, most=10, subject=subject)
        assert isinstance(read.event, SyncEnded)

    assert refused == []


async def test_payments_of_posted_invoices_are_recorded_without_any_key(server: str) -> None:
    refused: list[str] = []
    posted = next(each for each in events() if isinstance(each, InvoicePosted))
    seen = next(each for each in events() if isinstance(each, PaymentSeen))
    about = {"connection": "acme-test", "invoice_id": "paid", "attempt": "a1"}
    async with connected(server, "epicor-writer", refused=refused) as client:
        await EventLog(client, timeout=5).append(posted.model_copy(update=about))
    async with connected(server, "masterdata-sync", refused=refused) as client:
        log = EventLog(client, timeout=5)
        found, _ = await posted_after(client, log, "acme-test", 0, most=10, timeout=5)
        await log.append(seen.model_copy(update=about), after=0)
        subject = document_subject("acme-test", "paid", PaymentSeen.fact, "a1")
        [last] = await log.last(DOCUMENTS, subject)
        await log.append(seen.model_copy(update={**about, "number": 9}), after=last.sequence)

    assert "paid" in {each.invoice_id for each in found}
    assert refused == []


async def test_people_take_a_transfer_up_anew(server: str, engine: AsyncEngine, database_url: str) -> None:
    approved = next(each for each in events() if isinstance(each, DocumentApproved))
    about = {"connection": "acme-test", "invoice_id": "again", "attempt": "a1"}
    async with connected(server, "basware-reader") as client:
        await EventLog(client, timeout=5).append(approved.model_copy(update=about))
    async with connected(server, "operator-console") as client:
        reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
        while await catch_up(engine, reader, now=lambda: NOW):
            pass
    people = settings(server, OPERATOR).model_copy(update={"database_url": SecretStr(database_url)})
    order = Order("december", "the bug is mended", 1000)
    done = await replay_commands.commit(people, Selection(Sought(), ("again",)), order, progress=lambda _d, _o: None)
    async with connected(server, "epicor-writer") as client:
        history = await EventLog(client, timeout=5).history("acme-test", "again")

    assert (done.state, done.requested) == ("finished", 1)
    assert isinstance(history[-1].event, ReplayRequested)
    assert await replay_commands.listing(people)


@pytest.mark.parametrize("user", ["operator-console", OPERATOR])
async def test_the_console_and_people_read_every_stream_and_watch_every_durable(server: str, user: str) -> None:
    refused: list[str] = []
    async with connected(server, user, refused=refused) as client:
        log = EventLog(client, timeout=5)
        for stream in STREAMS:
            await StreamReader(client, log, timeout=5).after(stream.name, 0, most=10)
        looked = await look(client, dict.fromkeys(CONNECTIONS, frozenset()), timeout=5, now=datetime.now(UTC))

        assert {each.durable for each in looked.backlogs} == {
            each.name for name in CONNECTIONS for each in durables(name)
        }

    assert refused == []


async def test_people_have_every_stream_and_durable_examined(server: str) -> None:
    ours = settings(server, OPERATOR)
    async with command_broker(ours) as client:
        found = await doctor_platform.streams(client, ours, None)
        for name in CONNECTIONS:
            found += await doctor_platform.durables_of(client, ours, name)

    assert {each.name for each in found if each.verdict != "pass"} == {"nats durability"}
    assert len(found) == len(KEPT) + 1 + len(CONNECTIONS) * len(EVERY_DURABLE)


@pytest.mark.parametrize("user", DUTIES)
@pytest.mark.parametrize("stream", KEPT)
async def test_nobody_deletes_purges_or_takes_a_stream_away(server: str, user: str, stream: str) -> None:
    verbs = ["STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.RESTORE", "STREAM.SNAPSHOT"]
    if user == OPERATOR:  # who backs up, and erases
        verbs = verbs[: 2 if stream == DOCUMENT_KEYS else 3]
    refused: list[str] = []
    async with connected(server, user, refused=refused) as client:
        for verb in verbs:
            await client.publish(f"$JS.API.{verb}.{stream}", b"{}", reply=client.new_inbox())
        if user != OPERATOR:
            await client.publish(f"$JS.API.STREAM.UPDATE.{stream}", b"{}", reply=client.new_inbox())
        await client.flush()
        await eventually(lambda: len(refused) == len(verbs) + (user != OPERATOR))


@pytest.mark.parametrize("user", DUTIES)
async def test_nobody_deletes_a_durable_or_makes_a_consumer_in_the_documents(server: str, user: str) -> None:
    refused: list[str] = []
    durable = durables("acme")[1]
    async with connected(server, user, refused=refused) as client:
        for verb in (f"DELETE.{DOCUMENTS}.{durable.name}", f"CREATE.{DOCUMENTS}.spy", f"CREATE.{CLAIMS_STREAM}.spy"):
            await client.publish(f"$JS.API.CONSUMER.{verb}", b"{}", reply=client.new_inbox())
        await client.flush()
        await eventually(lambda: len(refused) == 3)


async def test_a_consumer_of_ones_own_does_not_reach_another_stream(server: str) -> None:
    """The server delivers for a consumer past its maker's permissions, but not into what nobody listens to."""
    forged = "documents.acme.forged.posted.a1"
    consumer = {"name": "forger", "deliver_subject": forged, "ack_policy": "none", "deliver_policy": "all"}
    async with connected(server, "masterdata-sync") as client:
        await client.jetstream().publish("masterdata.acme.vendors.c.x.sent", b"{}", stream="MASTERDATA")
        question = json.dumps({"stream_name": "MASTERDATA", "config": consumer}).encode()
        made = json.loads((await client.request("$JS.API.CONSUMER.CREATE.MASTERDATA.forger", question)).data)
        assert "error" not in made
        await asyncio.sleep(1)
    async with connected(server, OPERATOR) as client:
        with pytest.raises(NotFoundError):
            await client.jetstream().get_last_msg(DOCUMENTS, forged)


@pytest.mark.parametrize("user", SERVICES)
async def test_nobody_listens_to_anothers_answers_or_to_what_passes_by(server: str, user: str) -> None:
    refused: list[str] = []
    other = next(each for each in DUTIES if each != user)
    async with connected(server, user, refused=refused) as client:
        for subject in (">", "documents.>", "$JS.EVENT.>", f"{inbox_prefix(other)}.>", "_INBOX.>"):
            await client.subscribe(subject)
        await client.flush()
        await eventually(lambda: len(refused) == 5)

    assert all("permissions violation for subscription" in each.lower() for each in refused)


async def test_nobody_enters_without_a_login(server: str) -> None:
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(server, allow_reconnect=False, connect_timeout=1, error_cb=_quiet)


async def test_a_refused_publish_is_told_to_the_caller_as_an_outage_and_to_the_log_as_what_it_is(server: str) -> None:
    event = next(each for each in events() if isinstance(each, InvoicePosted))
    outages = Outages()
    broker = make_broker("webhook-gateway", settings(server, "webhook-gateway"), outages=outages)
    client = await broker.connect()
    with capture_logs() as logged, pytest.raises(TransientError):
        await EventLog(client, timeout=0.5).append(event)
    await broker.stop()

    assert any(each["log_level"] == "error" and event.subject.lower() in each["why"] for each in logged)


async def test_a_new_connection_needs_new_permissions(server: str) -> None:
    refused: list[str] = []
    async with connected(server, "epicor-writer", refused=refused) as client:
        with pytest.raises(nats.errors.TimeoutError):
            await client.jetstream(timeout=0.5).consumer_info(DOCUMENTS, "epicor-writer_unknown")

    assert refused
    assert permissions_of("epicor-writer", ["unknown"]).publish


async def _quiet(_error: Exception) -> None: ...


async def eventually(check: Callable[[], bool | Awaitable[bool]]) -> None:
    for _ in range(250):
        result = check()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not happen in time")
