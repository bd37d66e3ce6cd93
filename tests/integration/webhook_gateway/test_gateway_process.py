"""The gateway's own process on a real broker and database: started, reconfigured, stopped and killed."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime
from typing import Any

import httpx
import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import ConnectionDocument, SignedContent
from mlc_common.connections import Connections, apply, set_credential
from mlc_common.streams import NOTIFICATIONS
from mlc_common.vault import MasterKeys
from webhook_gateway.app import Rounds, receiver

SECRET = "sandbox-only-webhook-secret"
NEXT_SECRET = "sandbox-only-next-secret"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def document(**changes: Any) -> ConnectionDocument:
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    epicor = {"base_url": "http://127.0.0.1:1/sandbox"}
    return ConnectionDocument.model_validate({"name": "northwind", "epicor": epicor, "companies": [pair]} | changes)


async def give(engine: AsyncEngine, keys: str, *secrets: str) -> None:
    await set_credential(
        engine,
        MasterKeys.parse(SecretStr(keys)),
        connection="northwind",
        field="basware.webhook_secret",
        values=[SecretStr(each) for each in secrets],
        by="test",
        now=NOW,
    )


async def stored_tasks(url: str) -> list[str]:
    client = await nats.connect(url)
    unlimited = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
    reading = await client.jetstream().pull_subscribe("notifications.>", stream=NOTIFICATIONS, config=unlimited)
    pending = (await reading.consumer_info()).num_pending or 0
    tasks: list[str] = []
    while len(tasks) < pending:
        tasks += [json.loads(each.data)["task_id"] for each in await reading.fetch(pending - len(tasks), timeout=5)]
    await client.close()
    return tasks


async def becomes(status: int, gateway: Any, client: httpx.AsyncClient, task: str, *, secret: str) -> None:
    async with asyncio.timeout(10):
        while await gateway.push(client, task, secret=secret) != status:
            await asyncio.sleep(0.05)


async def test_connections_and_secrets_come_and_go_while_it_runs(
    gateway: Any, engine: AsyncEngine, keys: str, topology: str
) -> None:
    await gateway.start()
    async with httpx.AsyncClient() as client:
        assert await gateway.push(client, "t-early") == 401
        await apply(engine, document(), by="test", now=NOW)
        assert await gateway.push(client, "t-early", secret="") == 401
        await give(engine, keys, SECRET)
        await becomes(200, gateway, client, "t-1", secret=SECRET)

        await give(engine, keys, NEXT_SECRET, SECRET)
        await becomes(200, gateway, client, "t-2", secret=NEXT_SECRET)
        assert await gateway.push(client, "t-3", secret=SECRET) == 200
        await give(engine, keys, NEXT_SECRET)
        await becomes(401, gateway, client, "t-3", secret=SECRET)

        await apply(engine, document(paused=True), by="test", now=NOW)
        await asyncio.sleep(0.3)
        assert await gateway.push(client, "t-4", secret=NEXT_SECRET) == 200, "a paused connection loses nothing"
        metrics = (await client.get(f"{gateway.inside}/metrics")).text
        for path in ("/metrics", "/readyz", "/healthz", "/"):
            told = await client.get(f"{gateway.address}{path}")
            assert (told.status_code, told.text) == (404, "Not Found"), "whoever may push learns nothing else"
        assert (await client.post(f"{gateway.inside}/hooks/basware/northwind")).status_code == 404

    assert gateway.end(signal.SIGTERM) == 0
    assert await stored_tasks(topology) == ["t-1", "t-2", "t-3", "t-4"]
    assert 'mlc_pushes_stored_total{connection="northwind",variant="body/hex"} 4.0' in metrics
    log = gateway.log.read_text()
    assert SECRET not in log
    assert NEXT_SECRET not in log
    assert "t-early" not in log


async def test_secrets_that_do_not_open_verify_nothing(engine: AsyncEngine, keys: str) -> None:
    await apply(engine, document(), by="test", now=NOW)
    await give(engine, keys, SECRET)
    right, wrong = (MasterKeys.parse(SecretStr(line)) for line in (keys, MasterKeys.generate_line("k2")))
    seen = []
    for each in (right, wrong):
        connections = Connections(engine, each, refresh_seconds=60)
        await connections.refresh()
        seen.append(receiver("northwind", connections))

    assert [each and (each.secrets, each.locked) for each in seen] == [((SECRET,), False), ((), True)]
    assert receiver("nobody", connections) is None


async def test_every_push_costs_what_the_connection_with_the_most_secrets_and_forms_costs(
    engine: AsyncEngine, keys: str
) -> None:
    webhook = {"signed": list(SignedContent), "timestamp_header": "X-Time"}
    await apply(engine, document(basware={"webhook": webhook}), by="test", now=NOW)
    connections = Connections(engine, MasterKeys.parse(SecretStr(keys)), refresh_seconds=60)
    costs = Rounds(connections)
    seen = [costs()]
    for secrets in (["one"], ["one"] * 5):
        await give(engine, keys, *secrets)
        await connections.refresh()
        seen.append(costs())

    assert seen == [4, 4, 20]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_every_200_before_the_process_ends_is_in_the_stream(
    gateway: Any, engine: AsyncEngine, keys: str, topology: str, ending: signal.Signals
) -> None:
    await apply(engine, document(), by="test", now=NOW)
    await give(engine, keys, SECRET)
    await gateway.start()
    answered: list[str] = []
    left = iter([f"t-{n}" for n in range(100_000)])
    ended = asyncio.Event()

    async def keep_pushing() -> None:
        async with httpx.AsyncClient() as client:
            for task in left:
                try:
                    status = await gateway.push(client, task)
                except httpx.TransportError:
                    if ended.is_set():
                        return
                    continue
                assert status == 200
                answered.append(task)

    work = asyncio.gather(*(keep_pushing() for _ in range(12)))
    while len(answered) < 200:
        await asyncio.sleep(0.005)
    ended.set()
    await asyncio.to_thread(gateway.end, ending)
    await work

    stored = await stored_tasks(topology)
    assert set(answered) <= set(stored)
    assert len(stored) == len(set(stored))
    if ending is signal.SIGTERM:
        assert set(stored) == set(answered), "a graceful stop answers what it has stored"
