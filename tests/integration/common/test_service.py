"""The one bootstrap on a real broker and database: consuming, trying again, burying, stopping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection, apply
from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved, Event, NotificationReceived
from mlc_common.failures import PermanentError, TransientError
from mlc_common.groupcommit import GroupCommit
from mlc_common.retries import Delivery
from mlc_common.service import Runtime, Wiring, serve
from mlc_common.settings import Settings, Timings
from mlc_common.streams import DEADLETTERS, reader_durable, writer_durable
from mlc_common.topology import declare_connection
from mlc_common.vault import MasterKeys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUICK = Timings(retry_base=0.05, retry_ceiling=0.2, refresh=0.1, ack_wait=1, graceful=3)
Handle = Callable[[Event, Delivery], Awaitable[None]]


def connection(name: str, **changes: Any) -> ConnectionDocument:
    return ConnectionDocument.model_validate(
        {
            "name": name,
            "epicor": {"base_url": "http://127.0.0.1:1/sandbox"},
            "companies": [
                {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
            ],
        }
        | changes
    )


def approved(invoice_id: str, connection: str = "demo") -> DocumentApproved:
    return DocumentApproved(
        connection=connection,
        at=NOW,
        invoice_id=invoice_id,
        attempt="a1",
        seen_by="push",
        status="WaitingForTransfer",
        company_code="US01",
        supplier_code="10432",
        currency="USD",
        document="{}",
    )


@pytest.fixture
def settings(topology: str, database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        nats_url=topology,
        database_url=SecretStr(database_url),
        master_keys=SecretStr(MasterKeys.generate_line("k1")),
        port_file=tmp_path / "port",
        timings=QUICK,
    )


@pytest_asyncio.fixture
async def log(topology: str, engine: AsyncEngine) -> AsyncIterator[EventLog]:
    client = await nats.connect(topology)
    await apply(engine, connection("demo"), by="test", now=NOW)
    await declare_connection(client, "demo", ack_wait=QUICK.ack_wait)
    yield EventLog(client, timeout=5)
    await client.close()


def writing(handle: Handle, workers: int = 4) -> Callable[[Runtime], Awaitable[Wiring]]:
    async def wire(runtime: Runtime) -> Wiring:
        @asynccontextmanager
        async def work(connection: Connection) -> AsyncIterator[None]:
            async with runtime.consuming(writer_durable(connection.name), handle, workers=workers):
                yield

        return Wiring(per_connection=work)

    return wire


@asynccontextmanager
async def running(settings: Settings, handle: Handle, workers: int = 4) -> AsyncIterator[None]:
    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, writing(handle, workers), stop=stop))
    try:
        yield
    finally:
        stop.set()
        await service


async def eventually(check: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    for _ in range(int(seconds / 0.02)):
        result = check()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not happen in time")


async def test_events_reach_the_handler_and_are_settled(settings: Settings, log: EventLog) -> None:
    seen: list[str] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        assert isinstance(event, DocumentApproved)
        assert delivery.tries == 1
        seen.append(event.invoice_id)

    async with running(settings, handle):
        for number in range(20):
            await log.append(approved(f"i{number}"))
        await eventually(lambda: len(seen) == 20)

    assert sorted(seen) == sorted(f"i{number}" for number in range(20))


async def test_a_transient_failure_is_tried_again_and_holds_nobody_up(settings: Settings, log: EventLog) -> None:
    tries: list[int] = []
    passed: list[str] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        assert isinstance(event, DocumentApproved)
        if event.invoice_id == "stubborn" and delivery.tries < 4:
            tries.append(delivery.tries)
            raise TransientError("not yet")
        passed.append(event.invoice_id)

    await log.append(approved("stubborn"))
    await log.append(approved("easy"))
    async with running(settings, handle, workers=1):
        await eventually(lambda: len(passed) == 2)

    assert tries == [1, 2, 3]
    assert passed == ["easy", "stubborn"]


@pytest.mark.parametrize("failure", [PermanentError("cannot be mapped"), ZeroDivisionError("a bug")])
async def test_what_nobody_can_handle_becomes_a_dead_letter(
    settings: Settings, log: EventLog, topology: str, failure: Exception
) -> None:
    tries: list[int] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        tries.append(delivery.tries)
        raise failure

    await log.append(approved("hopeless"))
    client = await nats.connect(topology)
    stream = client.jetstream()

    async def buried() -> bool:
        return (await stream.stream_info(DEADLETTERS)).state.messages == 1

    async with running(settings, handle):
        await eventually(buried)
    letter = await stream.get_msg(DEADLETTERS, 1)
    await client.close()

    assert len(tries) == (1 if isinstance(failure, PermanentError) else 5)
    assert letter.data == approved("hopeless").to_json()
    headers = letter.headers or {}
    assert headers["Subject"] == approved("hopeless").subject
    assert headers["Failure-Class"] == type(failure).__name__
    assert str(failure) in headers["Failure"]


async def test_a_push_that_was_stored_together_with_others_can_be_buried_too(
    settings: Settings, log: EventLog, topology: str
) -> None:
    seen: set[str] = set()

    async def handle(event: Event, delivery: Delivery) -> None:
        assert isinstance(event, NotificationReceived)
        if event.task_id == "t7":
            raise PermanentError("It says nothing.")
        seen.add(event.task_id)

    async def wire(runtime: Runtime) -> Wiring:
        @asynccontextmanager
        async def work(connection: Connection) -> AsyncIterator[None]:
            async with runtime.consuming(reader_durable(connection.name), handle):
                yield

        return Wiring(per_connection=work)

    client = await nats.connect(topology)
    async with GroupCommit(client, timeout=5) as commit:
        await asyncio.gather(*(commit.append(pushed(f"t{number}")) for number in range(20)))

    async def buried() -> bool:
        return len(seen) == 19 and (await client.jetstream().stream_info(DEADLETTERS)).state.messages == 1

    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, wire, stop=stop))
    await eventually(buried)
    stop.set()
    await service
    letter = await client.jetstream().get_msg(DEADLETTERS, 1)
    await client.close()

    assert letter.data == pushed("t7").to_json()
    assert not any(name.startswith("Nats-Batch") for name in letter.headers or {})


def pushed(task_id: str) -> NotificationReceived:
    return NotificationReceived(
        connection="demo",
        at=NOW,
        task_id=task_id,
        task_type="AccountingDocument",
        document_id="i1",
        variant="body/hex",
        digest="0" * 16,
        body="{}",
    )


async def test_stopping_finishes_what_is_in_hand(settings: Settings, log: EventLog) -> None:
    started = asyncio.Event()
    finished: list[str] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        started.set()
        await asyncio.sleep(0.5)
        finished.append("done")

    async with running(settings, handle):
        await log.append(approved("slow"))
        await asyncio.wait_for(started.wait(), 5)

    assert finished == ["done"]


async def test_a_long_handler_keeps_its_message(settings: Settings, log: EventLog) -> None:
    calls: list[int] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        calls.append(delivery.tries)
        await asyncio.sleep(QUICK.ack_wait * 2.5)

    async with running(settings, handle):
        await log.append(approved("long"))
        await asyncio.sleep(QUICK.ack_wait * 3.5)

    assert calls == [1]


async def test_a_new_connection_is_followed_and_a_paused_one_left_alone(
    settings: Settings, log: EventLog, engine: AsyncEngine, topology: str
) -> None:
    seen: list[str] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        assert isinstance(event, DocumentApproved)
        seen.append(f"{event.connection}/{event.invoice_id}")

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(settings, handle))
        client = await nats.connect(topology)
        stack.push_async_callback(client.close)
        await apply(engine, connection("second"), by="test", now=NOW)
        await declare_connection(client, "second", ack_wait=1)
        await log.append(approved("i1", "second"))
        await eventually(lambda: "second/i1" in seen)

        await apply(engine, connection("second", paused=True), by="test", now=NOW)
        await asyncio.sleep(1.5)
        await log.append(approved("i2", "second"))
        await log.append(approved("i1", "demo"))
        await eventually(lambda: "demo/i1" in seen)
        await asyncio.sleep(0.5)

    assert "second/i2" not in seen


async def test_what_is_for_everybody_and_what_is_for_operators_have_ports_of_their_own(
    settings: Settings, tmp_path: Path
) -> None:
    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    async def wire(_runtime: Runtime) -> Wiring:
        return Wiring(routes=[Route("/hello", hello)])

    stop = asyncio.Event()
    public = settings.model_copy(update={"public_port_file": tmp_path / "public"})
    service = asyncio.create_task(serve("test", public, wire, stop=stop))
    await eventually(lambda: (tmp_path / "public").exists() and (tmp_path / "public").read_text() != "")
    inside, outside = (f"http://127.0.0.1:{(tmp_path / name).read_text()}" for name in ("port", "public"))
    async with httpx.AsyncClient() as http:

        async def ready() -> bool:
            return (await http.get(f"{inside}/readyz")).status_code == 200

        await eventually(ready)
        assert (await http.get(f"{outside}/hello")).text == "hello"
        assert (await http.get(f"{inside}/hello")).status_code == 404
        for path in ("/metrics", "/readyz", "/healthz"):
            assert (await http.get(f"{inside}{path}")).status_code == 200
            assert (await http.get(f"{outside}{path}")).status_code == 404
    stop.set()
    await service


async def test_a_service_without_routes_of_its_own_has_no_public_port(settings: Settings, tmp_path: Path) -> None:
    async def wire(_runtime: Runtime) -> Wiring:
        return Wiring()

    stop = asyncio.Event()
    public = settings.model_copy(update={"public_port_file": tmp_path / "public"})
    service = asyncio.create_task(serve("test", public, wire, stop=stop))
    async with httpx.AsyncClient() as http:

        async def ready() -> bool:
            try:
                address = f"http://127.0.0.1:{(tmp_path / 'port').read_text()}"
                return (await http.get(f"{address}/readyz")).status_code == 200
            except (FileNotFoundError, httpx.InvalidURL, httpx.TransportError):
                return False

        await eventually(ready)
    stop.set()
    await service

    assert not (tmp_path / "public").exists()


async def test_readiness_tells_when_a_durable_is_gone(
    settings: Settings, log: EventLog, topology: str, tmp_path: Path
) -> None:
    async def handle(event: Event, delivery: Delivery) -> None: ...

    async with running(settings, handle), httpx.AsyncClient() as http:
        await eventually(lambda: (tmp_path / "port").exists() and (tmp_path / "port").read_text() != "")
        address = f"http://127.0.0.1:{(tmp_path / 'port').read_text()}"

        async def ready() -> bool:
            return (await http.get(f"{address}/readyz")).status_code == 200

        await eventually(ready)
        assert (await http.get(f"{address}/healthz")).status_code == 200
        client = await nats.connect(topology)
        await client.jetstream().delete_consumer("DOCUMENTS", writer_durable("demo").name)
        await client.close()

        answer = await http.get(f"{address}/readyz")

        assert answer.status_code == 503
        assert "ml-connector topology" in answer.text
        assert "mlc_messages_handled_total" in (await http.get(f"{address}/metrics")).text


async def test_pauses_do_not_use_up_the_patience_with_bugs(settings: Settings, log: EventLog, topology: str) -> None:
    calls: list[int] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        calls.append(delivery.tries)
        if delivery.tries <= 7:
            raise TransientError("an outage", retry_after=0.01)
        if delivery.tries <= 10:
            raise ZeroDivisionError

    async with running(settings, handle):
        await log.append(approved("patient"))
        await eventually(lambda: len(calls) == 11)
        await asyncio.sleep(0.3)
    client = await nats.connect(topology)
    letters = (await client.jetstream().stream_info(DEADLETTERS)).state.messages
    await client.close()

    assert calls == list(range(1, 12))
    assert letters == 0


async def test_a_connection_that_is_slow_to_stop_or_fails_to_start_delays_no_other(
    settings: Settings, log: EventLog, engine: AsyncEngine
) -> None:
    entered: list[str] = []
    slow = asyncio.Event()

    async def wire(runtime: Runtime) -> Wiring:
        @asynccontextmanager
        async def work(connection: Connection) -> AsyncIterator[None]:
            if connection.name == "broken":
                raise ZeroDivisionError
            entered.append(connection.name)
            yield
            if connection.name == "demo":
                await slow.wait()

        return Wiring(per_connection=work)

    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, wire, stop=stop))
    await eventually(lambda: "demo" in entered)
    await apply(engine, connection("demo", paused=True), by="test", now=NOW)
    await apply(engine, connection("broken"), by="test", now=NOW)
    await asyncio.sleep(0.5)

    await apply(engine, connection("second"), by="test", now=NOW)

    await eventually(lambda: "second" in entered, seconds=3)
    assert not service.done()
    slow.set()
    stop.set()
    await service


async def test_a_connection_that_cannot_be_worked_for_is_told_and_does_not_make_the_service_unready(
    settings: Settings, log: EventLog, engine: AsyncEngine, tmp_path: Path
) -> None:
    await apply(engine, connection("broken"), by="test", now=NOW)

    async def wire(_runtime: Runtime) -> Wiring:
        @asynccontextmanager
        async def work(connection: Connection) -> AsyncIterator[None]:
            if connection.name == "broken":
                raise TransientError("epicor.password is not set.")
            yield

        return Wiring(per_connection=work)

    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, wire, stop=stop))
    async with httpx.AsyncClient() as http:
        address = await operators(tmp_path / "port")

        async def ready() -> bool:
            return (await http.get(f"{address}/readyz")).status_code == 200

        await eventually(ready)
        assert (await http.get(f"{address}/readyz")).json() == {
            "ready": True,
            "missing": [],
            "connections_not_running": ["broken"],
        }
        await asyncio.sleep(0.2)
        figures = (await http.get(f"{address}/metrics")).text
        assert 'mlc_connection_running{connection="broken"} 0.0' in figures
        assert 'mlc_connection_running{connection="demo"} 1.0' in figures
    stop.set()
    await service


async def operators(file: Path) -> str:
    """Where the operators' port is, once it is open."""
    await eventually(lambda: file.exists() and file.read_text() != "")
    return f"http://127.0.0.1:{file.read_text()}"


async def test_a_service_that_starts_while_the_broker_is_away_is_alive_says_so_and_heeds_a_stop(
    settings: Settings, tmp_path: Path
) -> None:
    async def wire(_runtime: Runtime) -> Wiring:
        pytest.fail("it cannot have started")

    stop = asyncio.Event()
    nowhere = settings.model_copy(update={"nats_url": "nats://127.0.0.1:1"})
    service = asyncio.create_task(serve("test", nowhere, wire, stop=stop))
    async with httpx.AsyncClient() as http:
        address = await operators(tmp_path / "port")
        alive, ready = await http.get(f"{address}/healthz"), await http.get(f"{address}/readyz")
        assert (alive.status_code, alive.json()["started"]) == (200, False)
        assert (ready.status_code, ready.json()["missing"]) == (
            503,
            ["it has not started: broker or database do not answer yet"],
        )

    stop.set()

    await asyncio.wait_for(service, timeout=5)


async def test_stopping_while_the_broker_is_away_ends_soon_and_cleanly(
    settings: Settings, log: EventLog, broker: Any
) -> None:
    async def handle(event: Event, delivery: Delivery) -> None: ...

    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, writing(handle), stop=stop))
    await asyncio.sleep(1)
    broker.kill()
    await asyncio.sleep(0.3)

    stop.set()

    await asyncio.wait_for(service, timeout=10)


async def test_a_broker_that_stays_away_costs_neither_time_nor_memory_and_then_all_goes_on(
    settings: Settings, log: EventLog, broker: Any
) -> None:
    seen: list[str] = []
    runtimes: list[Runtime] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        assert isinstance(event, DocumentApproved)
        seen.append(event.invoice_id)

    async def wire(runtime: Runtime) -> Wiring:
        runtimes.append(runtime)
        return await writing(handle, workers=8)(runtime)

    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, wire, stop=stop))
    await log.append(approved("before"))
    await eventually(lambda: seen == ["before"])
    broker.kill()
    await eventually(lambda: not runtimes[0].nats.is_connected)
    await fill_the_buffer(runtimes[0].nats)
    await asyncio.sleep(1.5)

    tasks, spent = len(asyncio.all_tasks()), time.process_time()
    await asyncio.sleep(3)

    assert time.process_time() - spent < 0.5
    assert len(asyncio.all_tasks()) <= tasks + 1
    broker.start()
    await eventually(lambda: runtimes[0].nats.is_connected)
    await log.append(approved("after"))
    await eventually(lambda: "after" in seen)  # "before" may come again: its acknowledgement may have been lost
    stop.set()
    await service


async def fill_the_buffer(client: nats.NATS) -> None:
    """As half an hour of absence would: what the client keeps for the broker's return is bounded."""
    for size in (8_192, 0):
        with suppress(nats.errors.OutboundBufferLimitError):
            while not client.is_connected:
                await client.publish("nobody.listens", b"x" * size)


async def test_a_durable_that_is_gone_is_said_and_asked_for_with_pauses(
    settings: Settings, log: EventLog, topology: str
) -> None:
    async def handle(event: Event, delivery: Delivery) -> None: ...

    async with running(settings, handle, workers=4):
        await asyncio.sleep(1)
        client = await nats.connect(topology)
        durable = writer_durable("demo")
        await client.jetstream().delete_consumer(durable.stream, durable.name)
        await client.close()
        await asyncio.sleep(1.5)
        spent = time.process_time()
        await asyncio.sleep(3)

        assert time.process_time() - spent < 0.5


async def test_a_failure_is_told_apart_from_a_wait_on_purpose(
    settings: Settings, log: EventLog, tmp_path: Path
) -> None:
    passed: list[str] = []

    async def handle(event: Event, delivery: Delivery) -> None:
        assert isinstance(event, DocumentApproved)
        if delivery.tries < (3 if event.invoice_id == "fails" else 2):
            raise TransientError("not yet", retry_after=0.05, counts=event.invoice_id == "fails")
        passed.append(event.invoice_id)

    await log.append(approved("fails"))
    await log.append(approved("waits"))
    async with running(settings, handle):
        await eventually(lambda: len(passed) == 2)
        told = await figures(tmp_path)

    name = writer_durable("demo").name
    how = {
        word: told.get(f'mlc_messages_handled_total{{durable="{name}",how="{word}"}}') for word in ("again", "waits")
    }
    assert how == {"again": 2, "waits": 1}
    assert told['mlc_service_info{service="test",version="' + version("ml-connector") + '"}'] == 1


async def test_how_things_stand_with_a_paused_connection_is_told_no_more(
    settings: Settings, log: EventLog, engine: AsyncEngine, tmp_path: Path
) -> None:
    async def wire(runtime: Runtime) -> Wiring:
        @asynccontextmanager
        async def work(connection: Connection) -> AsyncIterator[None]:
            runtime.metrics.gauges.swept.labels(connection.name).set(1)
            if connection.document.epicor.calls_in_flight == 3:
                raise TransientError("it cannot be worked for")
            yield

        return Wiring(per_connection=work)

    await apply(engine, connection("second"), by="test", now=NOW)
    third = {"epicor": {"base_url": "http://127.0.0.1:1/sandbox", "calls_in_flight": 3}}
    await apply(engine, connection("third", **third), by="test", now=NOW)
    stop = asyncio.Event()
    service = asyncio.create_task(serve("test", settings, wire, stop=stop))

    async def swept(*names: str) -> bool:
        told = await figures(tmp_path)
        return {each for each in told if each.startswith("mlc_sweep_last")} == {
            f'mlc_sweep_last_timestamp_seconds{{connection="{name}"}}' for name in names
        }

    try:
        await eventually(lambda: swept("demo", "second"))
        await apply(engine, connection("second", paused=True), by="test", now=NOW)
        await eventually(lambda: swept("demo"))
    finally:
        stop.set()
        await service


async def figures(folder: Path) -> dict[str, float]:
    """What the service tells, by name and labels; nothing before it listens."""
    port = folder / "port"
    if not port.exists() or not (address := port.read_text()):
        return {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{address}", trust_env=False) as http:
        lines = (await http.get("/metrics")).text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
