"""Group commit on a real server: one write for many, once for ever, neighbours unhurt, a broker that dies."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Protocol

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from mlc_common.eventlog import EventLog
from mlc_common.events import NotificationReceived, parse_event
from mlc_common.failures import PermanentError, TransientError
from mlc_common.groupcommit import GroupCommit
from mlc_common.streams import LARGEST_MESSAGE, NOTIFICATIONS


class Broker(Protocol):
    process: subprocess.Popen[bytes]

    def start(self) -> None: ...
    def kill(self) -> None: ...


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    async def quiet(_error: Exception) -> None: ...

    connected = await nats.connect(topology, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=quiet)
    yield connected
    await connected.close()


@pytest_asyncio.fixture
async def commit(client: Client) -> AsyncIterator[GroupCommit]:
    async with GroupCommit(client, timeout=8) as opened:
        yield opened


def received(task: str, *, body: str = "{}", digest: str = "0" * 16) -> NotificationReceived:
    return NotificationReceived(
        connection="demo",
        at=NOW,
        task_id=task,
        task_type="AccountingDocuments",
        document_id="d-1",
        variant="body/hex",
        digest=digest,
        body=body,
    )


async def stored(client: Client) -> list[Msg]:
    js = client.jetstream()
    unlimited = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
    reading = await js.pull_subscribe("notifications.>", stream=NOTIFICATIONS, config=unlimited)
    pending = (await reading.consumer_info()).num_pending or 0
    messages: list[Msg] = []
    while len(messages) < pending:
        messages += await reading.fetch(pending - len(messages), timeout=2)
    await reading.unsubscribe()
    return messages


async def insist(commit: GroupCommit, event: NotificationReceived) -> None:
    while True:
        try:
            await commit.append(event)
            return
        except TransientError:
            await asyncio.sleep(0.05)


def batches(messages: list[Msg]) -> Counter[str | None]:
    return Counter((message.headers or {}).get("Nats-Batch-Id") for message in messages)


async def test_a_lone_append_is_stored_at_once_without_a_batch(client: Client, commit: GroupCommit) -> None:
    appended = await commit.append(received("t-1"))

    (message,) = await stored(client)
    assert (appended.sequence, appended.already) == (1, False)
    assert parse_event(message.data) == received("t-1")
    assert batches([message]) == {None: 1}


async def test_appends_that_come_together_share_writes_and_learn_their_own_place(
    client: Client, commit: GroupCommit
) -> None:
    events = [received(f"t-{n}") for n in range(200)]

    appended = await asyncio.gather(*map(commit.append, events))

    messages = await stored(client)
    places = {message.metadata.sequence.stream: parse_event(message.data) for message in messages}
    assert [places[each.sequence] for each in appended] == events
    assert not any(each.already for each in appended)
    assert max(batches(messages).values()) == 64, "the largest batch"
    assert len(messages) == 200


async def test_the_same_event_fifty_times_at_once_is_stored_once(client: Client, commit: GroupCommit) -> None:
    sent = client.stats["out_msgs"]
    appended = await asyncio.gather(*(commit.append(received("t-1")) for _ in range(50)))
    assert client.stats["out_msgs"] == sent + 1, "the others wait for the first and are not sent"

    assert Counter(each.already for each in appended) == {False: 1, True: 49}
    assert {each.sequence for each in appended} == {1}
    assert len(await stored(client)) == 1


async def test_two_replicas_store_the_same_events_once(client: Client, commit: GroupCommit, topology: str) -> None:
    other = await nats.connect(topology)
    events = [received(f"t-{n}") for n in range(60)]
    async with GroupCommit(other, timeout=8) as replica:
        ours, theirs = await asyncio.gather(
            asyncio.gather(*map(commit.append, events)), asyncio.gather(*map(replica.append, events))
        )
    await other.close()

    assert [each.sequence for each in ours] == [each.sequence for each in theirs]
    assert len(await stored(client)) == 60


async def test_an_event_stored_long_ago_does_not_hurt_its_neighbours(client: Client, commit: GroupCommit) -> None:
    old = await EventLog(client, timeout=8).append(received("t-30"))
    events = [received(f"t-{n}") for n in range(64)]

    appended = await asyncio.gather(*map(commit.append, events))

    assert appended[30].already
    assert appended[30].sequence == old.sequence
    assert not any(each.already for each in appended[:30] + appended[31:])
    assert len(await stored(client)) == 64


async def test_a_place_taken_by_another_fact_fails_alone(client: Client, commit: GroupCommit) -> None:
    taken = received("t-30")
    await client.jetstream().publish(taken.subject, b"{}", headers={"Nats-Msg-Id": "somebody else's"})
    events = [received(f"t-{n}") for n in range(64)]

    outcomes = await asyncio.gather(*map(commit.append, events), return_exceptions=True)

    assert isinstance(outcomes[30], PermanentError)
    assert not any(isinstance(each, BaseException) for each in outcomes[:30] + outcomes[31:])
    assert len(await stored(client)) == 64


async def test_every_message_carries_the_trace_of_its_own_append(client: Client, commit: GroupCommit) -> None:
    async def traced(number: int) -> None:
        context = SpanContext(number, number, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        with trace.use_span(NonRecordingSpan(context)):
            await commit.append(received(f"t-{number}"))

    await commit.append(received("t-20"))  # so that its batch is refused and the rest is appended one by one
    await asyncio.gather(*(traced(n) for n in range(1, 201)))

    _, *messages = await stored(client)
    assert len(batches(messages)) > 1, "one by one, and in batches"
    for message in messages:
        number = int(message.subject.split(".")[2].removeprefix("t-"))
        # The span id is the sender's own where a tracer is set up, which other tests of this process do.
        assert (message.headers or {})["traceparent"].startswith(f"00-{number:032x}-")


async def test_a_large_event_comes_back_whole(client: Client, commit: GroupCommit) -> None:
    large = received("t-large", body="x" * (LARGEST_MESSAGE + 1))

    first, _small, again = await asyncio.gather(
        commit.append(large), commit.append(received("t-small")), commit.append(large)
    )

    messages = {message.metadata.sequence.stream: message for message in await stored(client)}
    assert await EventLog(client, timeout=8).resolve(messages[first.sequence]) == large
    assert again.sequence == first.sequence
    assert len(messages) == 2


async def test_bulky_events_are_spread_over_several_writes(client: Client, commit: GroupCommit) -> None:
    events = [received(f"t-{n}", body="x" * 300_000) for n in range(20)]

    await asyncio.gather(*map(commit.append, events))

    messages = await stored(client)
    assert len(messages) == 20
    assert max(count for batch, count in batches(messages).items() if batch) <= 3


async def test_one_more_than_may_wait_is_refused_at_once(client: Client) -> None:
    async with GroupCommit(client, timeout=8, waiting=10) as commit:
        outcomes = await asyncio.gather(*(commit.append(received(f"t-{n}")) for n in range(30)), return_exceptions=True)

    refused = [each for each in outcomes if isinstance(each, TransientError)]
    assert len(refused) == 18, "two are on their way, ten wait"
    assert refused[0].retry_after is not None
    assert len(await stored(client)) == 12


async def test_waiting_facts_are_bounded_by_their_bytes_too(client: Client) -> None:
    bulky = [received(f"t-{n}", body="x" * 300_000) for n in range(20)]
    async with GroupCommit(client, timeout=8, waiting_bytes=3_000_000) as commit:
        for _ in range(3):
            outcomes = await asyncio.gather(*map(commit.append, bulky), return_exceptions=True)
            refused = [each for each in outcomes if isinstance(each, TransientError)]
            assert len(refused) == 11, "nine fit"
            assert refused[0].retry_after is not None
        large = received("t-large", body="x" * (LARGEST_MESSAGE + 1))
        assert (await commit.append(large)).sequence > 0
    async with GroupCommit(client, timeout=8, waiting_bytes=400_000) as commit:
        with pytest.raises(TransientError, match="Too many"):
            await commit.append(received("t-too-large", body="x" * (LARGEST_MESSAGE + 1)))
        assert (await commit.append(received("t-small"))).sequence > 0


async def test_a_dead_broker_is_a_transient_failure_and_what_was_acknowledged_stays(
    broker: Broker, client: Client
) -> None:
    acknowledged: set[str] = set()
    failures: list[TransientError] = []
    commit = GroupCommit(client, timeout=1)
    events = [received(f"t-{n}") for n in range(1_000)]
    left = iter(events)

    async def keep_appending() -> None:
        for event in left:
            try:
                await commit.append(event)
                acknowledged.add(event.subject)
            except TransientError as failure:
                failures.append(failure)

    work = asyncio.gather(*(keep_appending() for _ in range(32)))
    while len(acknowledged) < 100:
        await asyncio.sleep(0.001)
    broker.kill()
    await work
    assert failures

    started = time.monotonic()
    with pytest.raises(TransientError):
        await commit.append(received("t-away"))
    assert time.monotonic() - started < 0.5, "a broker known to be away is not waited for"

    broker.start()
    await asyncio.gather(*(insist(commit, event) for event in events))
    subjects = Counter(message.subject for message in await stored(client))
    assert acknowledged <= subjects.keys()
    assert subjects.total() == len(subjects) == len(events)


async def test_a_broker_that_hangs_keeps_nobody_longer_than_the_patience(broker: Broker, client: Client) -> None:
    commit = GroupCommit(client, timeout=0.5)
    events = [received(f"t-{n}") for n in range(200)]
    await commit.append(received("t-before"))
    broker.process.send_signal(signal.SIGSTOP)

    started = time.monotonic()
    outcomes = await asyncio.gather(*map(commit.append, events), return_exceptions=True)
    assert {type(each) for each in outcomes} == {TransientError}
    assert time.monotonic() - started < 2, "not one patience after the other"

    broker.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(0.1)
    assert len(await stored(client)) <= 3, "what nobody waits for is not sent later"
    await asyncio.gather(*(insist(commit, event) for event in events))
    subjects = Counter(message.subject for message in await stored(client))
    assert subjects.total() == len(subjects) == 201


async def test_leaving_waits_for_what_is_under_way_and_takes_nothing_more(client: Client) -> None:
    async with GroupCommit(client, timeout=8) as commit:
        appends = [asyncio.create_task(commit.append(received(f"t-{n}"))) for n in range(100)]
        await asyncio.sleep(0)

    for _ in range(5):
        await asyncio.sleep(0)
    assert all(task.done() for task in appends)
    assert len(await stored(client)) == 100
    with pytest.raises(TransientError):
        await commit.append(received("t-late"))


async def test_an_asker_who_leaves_takes_nobody_along(client: Client, commit: GroupCommit) -> None:
    first = asyncio.create_task(commit.append(received("t-1")))
    second = asyncio.create_task(commit.append(received("t-1")))
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).sequence == 1
    assert len(await stored(client)) == 1
