"""The hash chain over real streams and a real database: complete, resumable, anchored, loud when it does not fit."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.eventlog import EventLog
from mlc_common.events import NotificationReceived
from mlc_common.failures import TransientError
from mlc_common.groupcommit import GroupCommit
from mlc_common.service import serve
from mlc_common.settings import Settings
from mlc_common.streams import ANCHORS, CHAINED, DEADLETTERS, DOCUMENTS, NOTIFICATIONS
from mlc_common.topology import declare
from mlc_common.vault import MasterKeys, VaultError
from operator_console.app import wire
from operator_console.audit import signing_keys
from operator_console.audit.blocks import blocks, end_of_chain
from operator_console.audit.chain import LINK, LOST, genesis, link_of, split, step
from operator_console.audit.follower import BrokenChainError, Chains, keep_chained, stored
from operator_console.audit.signing import Anchor, attested
from operator_console.exits import CommandError
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LINE = MasterKeys.generate_line("m1")
KEYS = MasterKeys.parse(SecretStr(LINE))


@pytest_asyncio.fixture
async def client(topology: str) -> AsyncIterator[Client]:
    made = await nats.connect(topology)
    yield made
    await made.close()


@pytest.fixture
def chains(client: Client, engine: AsyncEngine) -> Chains:
    reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
    return Chains(engine, client, reader, keys=lambda: KEYS, now=lambda: NOW, timeout=5)


async def publish(client: Client, numbers: range, stream: str = "documents") -> None:
    js = client.jetstream(publish_async_max_pending=1000)
    for number in numbers:
        await js.publish_async(f"{stream}.demo.i{number % 7}.noticed.{number}", b'{"number":%d}' % number)
    await js.publish_async_completed()


async def recomputed(client: Client, stream: str, last: int) -> bytes:
    """The running digest, straight from the stream and without any of the batching."""
    head = genesis(stream)
    js = client.jetstream()
    for sequence in range(1, last + 1):
        found = await js.get_msg(stream, seq=sequence, direct=True)
        head = step(head, sequence, link_of(stored(stream, found.data or b"", found.headers or {})))
    return head


async def chained(engine: AsyncEngine, stream: str = DOCUMENTS) -> tuple[int, bytes]:
    async with engine.connect() as db:
        return await end_of_chain(db, stream)


async def test_every_message_is_folded_in_order_and_anchored(chains: Chains, client: Client) -> None:
    await publish(client, range(60))

    anchor = await chains.up_to_date(DOCUMENTS)

    assert anchor is not None
    assert (anchor.sequence, anchor.previous, anchor.at) == (60, None, NOW.isoformat())
    assert anchor.head == (await recomputed(client, DOCUMENTS, 60)).hex()
    assert (await chained(chains.engine))[0] == 60
    [key] = await signing_keys.signers(chains.engine, KEYS, now=NOW)
    assert attested(anchor.statement(), anchor.signatures, {key.id: key.public}) is True
    stands = await client.jetstream().get_last_msg(ANCHORS, "anchors.DOCUMENTS.60")
    assert Anchor.model_validate_json(stands.data or b"") == anchor


async def test_it_goes_on_where_it_stood_and_an_idle_stream_gets_no_more_anchors(
    chains: Chains, client: Client
) -> None:
    await publish(client, range(10))
    first = await chains.up_to_date(DOCUMENTS)
    assert await chains.up_to_date(DOCUMENTS) == first
    await publish(client, range(10, 25))

    second = await chains.up_to_date(DOCUMENTS)

    assert first is not None
    assert second is not None
    assert (second.sequence, second.previous) == (25, first.digest())
    assert second.head == (await recomputed(client, DOCUMENTS, 25)).hex()
    assert [(block.first, block.last) async for block in blocks(chains.engine, DOCUMENTS, first=1)] == [
        (1, 10),
        (11, 25),
    ]
    assert await chains.up_to_date(DEADLETTERS) is None


async def test_large_content_is_bound_by_its_claim(chains: Chains, client: Client) -> None:
    js = client.jetstream()
    await js.publish("documents.demo.i.noticed.a", b"", headers={"Claim-Check": "a" * 64})
    anchor = await chains.up_to_date(DOCUMENTS)

    found = await js.get_msg(DOCUMENTS, seq=1, direct=True)
    message = stored(DOCUMENTS, b"", found.headers or {})
    other = replace(message, headers={"Claim-Check": "b" * 64})

    assert anchor is not None
    assert step(genesis(DOCUMENTS), 1, link_of(message)).hex() == anchor.head
    assert link_of(message) != link_of(other)


async def test_two_at_the_same_time_make_one_chain(chains: Chains, client: Client) -> None:
    await publish(client, range(3000))

    async def one() -> None:
        while True:
            try:
                await chains.up_to_date(DOCUMENTS)
            except TransientError:
                continue
            return

    await asyncio.gather(one(), one(), one())

    ranges = [(block.first, block.last) async for block in blocks(chains.engine, DOCUMENTS, first=1)]
    assert ranges[0][0] == 1
    assert ranges[-1][1] == 3000
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))
    assert (await chained(chains.engine))[1] == await recomputed(client, DOCUMENTS, 3000)


FOLLOW = """
import asyncio, sys
from datetime import UTC, datetime
import nats
from pydantic import SecretStr
from mlc_common.database import make_engine
from mlc_common.eventlog import EventLog
from mlc_common.vault import MasterKeys
from operator_console.audit import follower
from operator_console.stream_reader import StreamReader

follower.BATCH, follower.ANCHOR_AT_LEAST_EVERY = 40, 100

async def main():
    client = await nats.connect(sys.argv[1])
    reader = StreamReader(client, EventLog(client, timeout=5), timeout=5)
    keys = MasterKeys.parse(SecretStr(sys.argv[3]))
    engine, now = make_engine(sys.argv[2]), lambda: datetime.now(UTC)
    made = follower.Chains(engine, client, reader, keys=lambda: keys, now=now, timeout=5)
    print("begins", flush=True)
    await follower.keep_chained(made, pause=0.01, broken=lambda stream, broken: broken and print("BROKEN", flush=True))

asyncio.run(main())
"""


async def test_killed_anywhere_it_leaves_one_consistent_chain(
    chains: Chains, client: Client, database_url: str, nats_url: str
) -> None:
    numbers, dice = count(), random.Random(7)
    for _ in range(12):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", FOLLOW, nats_url, database_url, LINE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"begins\n"
        await publish(client, range(next(numbers) * 400, next(numbers) * 400))
        await asyncio.sleep(dice.uniform(0.0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        assert b"BROKEN" not in await process.stdout.read()
        await process.wait()

    anchor = await chains.up_to_date(DOCUMENTS)

    last = (await client.jetstream().stream_info(DOCUMENTS)).state.last_seq
    assert anchor is not None
    assert anchor.sequence == last
    assert anchor.head == (await recomputed(client, DOCUMENTS, last)).hex()
    heads = {block.last: block.after.hex() async for block in blocks(chains.engine, DOCUMENTS, first=1)}
    previous = None
    for found in await chains.reader.raw(ANCHORS, {"seq": 1, "next_by_subj": "anchors.DOCUMENTS.*", "batch": 1000}):
        each = Anchor.model_validate_json(found.data)
        assert each.previous == previous
        assert heads[each.sequence] == each.head
        previous = each.digest()
    assert previous == anchor.digest()


async def test_a_database_from_an_older_backup_catches_up_to_the_same_anchors(
    chains: Chains, client: Client, engine: AsyncEngine
) -> None:
    for upto in (10, 20, 30):
        await publish(client, range(upto - 10, upto))
        await chains.up_to_date(DOCUMENTS)
    async with engine.begin() as db:
        await db.execute(text("DELETE FROM chain_blocks WHERE first > 1"))
    await publish(client, range(30, 40))

    anchor = await chains.up_to_date(DOCUMENTS)

    assert anchor is not None
    assert anchor.sequence == 40
    assert [(block.first, block.last) async for block in blocks(engine, DOCUMENTS, first=1)] == [
        (1, 10),
        (11, 30),
        (31, 40),
    ]


async def test_a_stream_that_was_made_anew_is_noticed(chains: Chains, client: Client) -> None:
    await publish(client, range(20))
    await chains.up_to_date(DOCUMENTS)
    await client.jetstream().delete_stream(DOCUMENTS)
    await declare(client, Settings())
    await publish(client, range(5))

    with pytest.raises(BrokenChainError, match="DOCUMENTS ends at 5 and was chained further"):
        await chains.up_to_date(DOCUMENTS)


async def test_other_messages_under_anchored_sequences_are_noticed(
    chains: Chains, client: Client, engine: AsyncEngine
) -> None:
    await publish(client, range(20))
    await chains.up_to_date(DOCUMENTS)
    await client.jetstream().delete_stream(DOCUMENTS)
    await declare(client, Settings())
    await publish(client, range(100, 130))
    async with engine.begin() as db:
        await db.execute(text("DELETE FROM chain_blocks"))
    told: dict[str, bool] = {}

    with pytest.raises(BrokenChainError, match="up to 20 is not what was anchored"):
        await chains.up_to_date(DOCUMENTS)

    loop = asyncio.create_task(keep_chained(chains, pause=0.05, broken=told.__setitem__))
    async with asyncio.timeout(10):
        while len(told) < len(CHAINED):
            await asyncio.sleep(0.02)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert told == {name: name == DOCUMENTS for name in CHAINED}


async def test_links_that_were_changed_in_the_database_are_noticed(
    chains: Chains, client: Client, engine: AsyncEngine
) -> None:
    await publish(client, range(20))
    await chains.up_to_date(DOCUMENTS)
    async with engine.begin() as db:
        await db.execute(text("UPDATE chain_blocks SET links = set_byte(links, 5, 255 - get_byte(links, 5))"))

    with pytest.raises(BrokenChainError, match="up to 20 is not what was anchored"):
        await chains.up_to_date(DOCUMENTS)


async def test_what_the_stream_lost_before_it_was_chained_is_marked(chains: Chains, client: Client) -> None:
    js = client.jetstream()
    await js.add_stream(name="LEAKY", subjects=["leaky.>"], allow_direct=True)
    for number in range(6):
        await js.publish(f"leaky.a.{number}.x", b"")
    for sequence in (1, 2, 4):
        await js.delete_msg("LEAKY", sequence)

    await chains.up_to_date("LEAKY")

    [block] = [each async for each in blocks(chains.engine, "LEAKY", first=1)]
    assert [link == LOST for link in split(block.links)] == [True, True, False, True, False, False]
    assert len(block.links) == 6 * LINK


async def test_thousands_a_second_are_chained_in_bounded_batches(chains: Chains, client: Client) -> None:
    await publish(client, range(20_000))
    began = asyncio.get_running_loop().time()

    anchor = await chains.up_to_date(DOCUMENTS)

    rate = 20_000 / (asyncio.get_running_loop().time() - began)
    assert anchor is not None
    assert anchor.previous is not None, "a long stretch is anchored on the way"
    assert rate > 1000, "it has to keep up with thousands a second, also on a busy machine"


async def test_signing_keys_overlap_and_retire(chains: Chains, client: Client) -> None:
    engine = chains.engine
    await publish(client, range(1))
    first = await chains.up_to_date(DOCUMENTS)
    assert first is not None
    [old] = first.signatures
    later = NOW + timedelta(days=1)
    with pytest.raises(CommandError, match="the only key that signs"):
        await signing_keys.retire(engine, old, now=NOW)

    new = await signing_keys.add(engine, KEYS, now=later)
    await publish(client, range(1, 2))
    both = await chains.up_to_date(DOCUMENTS)
    await signing_keys.retire(engine, old, now=NOW)
    await publish(client, range(2, 3))
    last = await chains.up_to_date(DOCUMENTS)

    assert both is not None
    assert last is not None
    assert (set(both.signatures), set(last.signatures)) == ({old, new}, {new})
    assert [(each.id, each.retired_at) for each in await signing_keys.listing(engine)] == [(old, NOW), (new, None)]
    with pytest.raises(CommandError, match=f"No key {old} signs"):
        await signing_keys.retire(engine, old, now=NOW)


async def test_signing_keys_move_with_the_master_keys(engine: AsyncEngine) -> None:
    [key] = await signing_keys.signers(engine, KEYS, now=NOW)
    fresh = MasterKeys.generate_line("m2")
    both = MasterKeys.parse(SecretStr(f"{fresh},{LINE}"))

    assert await signing_keys.rewrap(engine, both) == 1

    only = MasterKeys.parse(SecretStr(fresh))
    assert [each.id for each in await signing_keys.signers(engine, only, now=NOW)] == [key.id]
    assert await signing_keys.master_keys_in_use(engine) == {"m2"}
    with pytest.raises(VaultError, match="do not open the key that signs"):
        await signing_keys.signers(engine, KEYS, now=NOW)


async def test_a_signing_key_under_a_lost_master_key_is_replaced(engine: AsyncEngine) -> None:
    [lost] = await signing_keys.signers(engine, KEYS, now=NOW)
    fresh = MasterKeys.parse(SecretStr(MasterKeys.generate_line("m2")))
    with pytest.raises(VaultError, match="audit keys new"):
        await signing_keys.signers(engine, fresh, now=NOW)

    new = await signing_keys.add(engine, fresh, now=NOW + timedelta(days=1))

    assert [each.id for each in await signing_keys.signers(engine, fresh, now=NOW)] == [new]
    await signing_keys.retire(engine, lost.id, now=NOW)
    assert [each.id for each in await signing_keys.listing(engine)] == [lost.id, new]


async def test_batches_that_the_stream_refused_leave_no_gap_in_the_chain(chains: Chains, client: Client) -> None:
    def push(number: int) -> NotificationReceived:
        return NotificationReceived(
            connection="demo",
            at=NOW,
            task_id=f"t{number}",
            task_type="AccountingDocuments",
            document_id="i1",
            variant="body",
            digest="d",
            body="{}",
        )

    log = EventLog(client, timeout=5)
    for number in range(0, 60, 7):
        await log.append(push(number))
    async with GroupCommit(client, timeout=10) as commit:
        appended = await asyncio.gather(*(commit.append(push(number)) for number in range(60)))

    anchor = await chains.up_to_date(NOTIFICATIONS)

    assert sum(each.already for each in appended) == 9
    assert anchor is not None
    assert anchor.sequence == 60
    [block] = [each async for each in blocks(chains.engine, NOTIFICATIONS, first=1)]
    assert LOST not in split(block.links)


async def test_followers_elect_one_and_chain_every_stream(chains: Chains, client: Client) -> None:
    quiet: Callable[[str, bool], None] = lambda _stream, _broken: None  # noqa: E731
    loops = [asyncio.create_task(keep_chained(chains, pause=0.05, broken=quiet)) for _ in range(2)]
    try:
        await publish(client, range(5))
        await publish(client, range(5), "deadletters")
        async with asyncio.timeout(15):
            while (await chained(chains.engine))[0] < 5 or (await chained(chains.engine, DEADLETTERS))[0] < 5:
                await asyncio.sleep(0.05)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def test_the_service_chains_and_anchors_by_itself(client: Client, database_url: str, nats_url: str) -> None:
    settings = Settings.model_validate(
        {"nats_url": nats_url, "database_url": database_url, "master_keys": LINE, "timings": {"anchor": 0.1}}
    )
    stop = asyncio.Event()
    service = asyncio.create_task(serve("operator-console", settings, wire, stop=stop))
    try:
        await publish(client, range(10))
        async with asyncio.timeout(20):
            while await anchored(client) < 10:
                await asyncio.sleep(0.05)
        await publish(client, range(10, 15))
        async with asyncio.timeout(20):
            while await anchored(client) < 15:
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await service


async def anchored(client: Client) -> int:
    """Up to which sequence DOCUMENTS is signed for."""
    try:
        found = await client.jetstream().get_last_msg(ANCHORS, "anchors.DOCUMENTS.*")
    except NotFoundError:
        return 0
    return Anchor.model_validate_json(found.data or b"").sequence
